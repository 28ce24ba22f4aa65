import BrokerCore
import Glibc
import MQTTCodec
import Primitives
import Synchronization

/// A store in memory that commits when the test says so.
///
///     hold → [ batch | load | batch | … ] → commitNext, one at a time, or release, all and from then on at once
///
/// What was committed is what a broker that starts anew would find: `restored`.
final class ManualStore: MessageStore {
    let health = StoreHealth()
    var isDurable: Bool { true }

    struct Copy {
        var terms: DeliveryTerms
        var message: ApplicationMessage
        /// What stands beside it.
        var assigned: UInt16
    }

    struct Flight {
        var identifier: UInt16
        var isReleased: Bool
    }

    /// What is committed.
    struct Contents {
        var sessions: [UInt64: StoredSession] = [:]
        var subscriptions: [UInt64: [UTF8Text: Subscription]] = [:]
        var received: [UInt64: Set<UInt16>] = [:]
        var copies: [UInt64: [UInt64: Copy]] = [:]
        var flights: [UInt64: [UInt64: Flight]] = [:]
        var retained: [UTF8Text: ApplicationMessage] = [:]
        var wills: [UInt64: StoredWill] = [:]
        /// Copies that were ever written.
        var writtenCount = 0
        var batchCount = 0
        /// Sessions and deadlines that were not reported yet.
        var due: [(deadline: MonotonicTime, session: UInt64)] = []

        var copyCount: Int { copies.values.reduce(0) { $0 + $1.count } }

        func number(of client: UTF8Text) -> UInt64? {
            sessions.values.first { $0.subscriber.clientID == client }?.number
        }

        /// The texts of a client's messages, in order.
        func texts(of client: UTF8Text) -> [String] {
            number(of: client).map { number in
                (copies[number] ?? [:]).sorted { $0.key < $1.key }.map {
                    String(decoding: $0.value.message.payload.copiedBytes(), as: UTF8.self)
                }
            } ?? []
        }

        /// The identifiers that a client's messages have, in order of the messages.
        func identifiers(of client: UTF8Text) -> [UInt16] {
            number(of: client).map { number in
                (copies[number] ?? [:]).sorted { $0.key < $1.key }.map {
                    flights[number]?[$0.key]?.identifier ?? $0.value.assigned
                }
            } ?? []
        }
    }

    private enum Job {
        case commit(StoreBatch, @Sendable () -> Void)
        case load(StoreLoad, @Sendable (Result<LoadedBacklog, StoreError>) -> Void)
        case purge(StoreLoad, MonotonicTime?, @Sendable (Int) -> Void)
        case due(MonotonicTime, @Sendable (Set<UInt64>) -> Void)
    }

    private struct State {
        var contents = Contents()
        var isHolding = false
        var isHoldingCommits = false
        var isHoldingPurges = false
        var heldPurges: [Job] = []
        var jobs: [Job] = []
        var loadLimit = Int.max
        var loadsFail = false
        var loadCount = 0
        var purgeCount = 0
    }

    private let state = Mutex(State())

    init(_ contents: Contents = Contents(), loadLimit: Int = .max) {
        state.withLock {
            $0.contents = contents
            $0.loadLimit = loadLimit
        }
    }

    // MARK: The test's side

    var contents: Contents { state.withLock { $0.contents } }
    var loadCount: Int { state.withLock { $0.loadCount } }
    var purgeCount: Int { state.withLock { $0.purgeCount } }

    /// Copies in batches that were handed over and are not committed.
    var heldCopyCount: Int { heldBatches.reduce(0) { $0 + $1.liveCopyCount } }
    var heldBatchCount: Int { heldBatches.count }
    var heldJobCount: Int { state.withLock { $0.jobs.count } }

    private var heldBatches: [StoreBatch] {
        state.withLock {
            $0.jobs.compactMap { if case .commit(let batch, _) = $0 { batch } else { nil } }
        }
    }

    /// Reads fail from now on.
    func failLoads() { state.withLock { $0.loadsFail = true } }

    /// From now on purges of expired copies wait, and nothing else does.
    func holdPurges() { state.withLock { $0.isHoldingPurges = true } }

    func releasePurges() {
        let held = state.withLock { state in
            defer { state.heldPurges = [] }
            state.isHoldingPurges = false
            return state.heldPurges
        }
        for job in held { perform(job) }
    }

    /// From now on nothing is done.
    func hold() { state.withLock { $0.isHolding = true } }

    /// From now on nothing is committed; what was is read. `release` ends it.
    func holdCommits() { state.withLock { $0.isHoldingCommits = true } }

    /// Does the first thing that waits.
    func commitNext() {
        let job = state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
        if let job { perform(job) }
    }

    /// Does the first read that waits, before batches that were given earlier.
    ///
    /// - Returns: false when none came.
    func loadNext() -> Bool {
        var job: Job?
        _ = wait { store in
            job = store.state.withLock { state in
                let index = state.jobs.firstIndex { if case .load = $0 { true } else { false } }
                return index.map { state.jobs.remove(at: $0) }
            }
            return job != nil
        }
        if let job { perform(job) }
        return job != nil
    }

    /// Does all that waits, and from now on everything at once.
    func release() {
        while true {
            let job: Job? = state.withLock {
                guard $0.jobs.isEmpty else { return $0.jobs.removeFirst() }
                $0.isHolding = false
                $0.isHoldingCommits = false
                return nil
            }
            guard let job else { return }
            perform(job)
        }
    }

    func wait(for condition: (ManualStore) -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if condition(self) { return true }
            sched_yield()  // the loops have more use for the processor
        }
        return false
    }

    /// The sessions as a start finds them.
    static func sessions(in contents: Contents) -> [RestoredSession] {
        contents.sessions.values.sorted { $0.number < $1.number }.map {
            RestoredSession(
                session: $0, subscriptions: Array((contents.subscriptions[$0.number] ?? [:]).values),
                received: (contents.received[$0.number] ?? []).sorted(),
                copyCount: contents.copies[$0.number]?.count ?? 0,
                lastIdentifier: (contents.copies[$0.number] ?? [:]).max { $0.key < $1.key }?.value.assigned
                    ?? 0)
        }
    }

    // MARK: MessageStore

    func commit(_ batch: StoreBatch, completed: @escaping @Sendable () -> Void) {
        take(.commit(batch, completed))
    }

    func probe(completed: @escaping @Sendable () -> Void) { commit(StoreBatch(), completed: completed) }

    func load(
        _ request: StoreLoad, completed: @escaping @Sendable (Result<LoadedBacklog, StoreError>) -> Void
    ) { take(.load(request, completed)) }

    func takeDue(_ now: MonotonicTime, completed: @escaping @Sendable (Set<UInt64>) -> Void) {
        take(.due(now, completed))
    }

    func purge(
        _ request: StoreLoad, expiredBy now: MonotonicTime?, completed: @escaping @Sendable (Int) -> Void
    ) { take(.purge(request, now, completed)) }

    private func take(_ job: Job) {
        let isHeld = state.withLock {
            switch job {
            case .load: $0.loadCount += 1
            case .purge: $0.purgeCount += 1
            case .commit, .due: break
            }
            if case .purge = job, $0.isHoldingPurges {
                $0.heldPurges.append(job)
                return true
            }
            var isHeld = $0.isHolding
            if case .commit = job, $0.isHoldingCommits { isHeld = true }
            if isHeld { $0.jobs.append(job) }
            return isHeld
        }
        if !isHeld { perform(job) }
    }

    private func perform(_ job: Job) {
        switch job {
        case .commit(let batch, let completed):
            state.withLock { $0.contents.apply(batch) }
            completed()
        case .load(let request, let completed):
            let (contents, limit, fails) = state.withLock { ($0.contents, $0.loadLimit, $0.loadsFail) }
            if fails {
                completed(.failure(StoreError(operation: "read", path: "memory", text: "told to fail")))
            } else {
                completed(.success(contents.load(request, min(limit, request.limit))))
            }
        case .due(let now, let completed):
            let sessions = state.withLock { state in
                let due = state.contents.due.filter { $0.deadline <= now }
                state.contents.due.removeAll { $0.deadline <= now }
                return Set(due.map(\.session))
            }
            completed(sessions)
        case .purge(let request, let now, let completed):
            completed(state.withLock { $0.contents.purge(request, now) })
        }
    }
}

extension ManualStore.Contents {
    fileprivate mutating func apply(_ batch: StoreBatch) {
        batchCount += 1
        for copy in batch.copies where copy.message >= 0 {
            let entry = batch.messages[Int(copy.message)]
            guard let message = entry.message else { continue }
            writtenCount += 1
            copies[copy.session, default: [:]][entry.number] = ManualStore.Copy(
                terms: copy.terms, message: message, assigned: copy.identifier)
            if copy.packetIdentifier != 0 {
                flights[copy.session, default: [:]][entry.number] = ManualStore.Flight(
                    identifier: copy.packetIdentifier, isReleased: false)
            }
            if let deadline = message.facts.expiryDeadline { due.append((deadline, copy.session)) }
        }
        for change in batch.changes { apply(change, of: batch) }
        wills.merge(batch.wills) { $1 }
    }

    private mutating func apply(_ change: StoreBatch.Change, of batch: StoreBatch) {
        switch change {
        case .removeCopy(let session, let number, _, let hasFlightRow):
            copies[session]?[number] = nil
            if hasFlightRow { flights[session]?[number] = nil }
        case .removeFlight(let session, let number): flights[session]?[number] = nil
        case .flight(let session, let number, let identifier, let isReleased, _):
            flights[session, default: [:]][number] = ManualStore.Flight(
                identifier: identifier, isReleased: isReleased)
        case .session(let session, _): sessions[session.number] = session
        case .endSession(let session, let purges):
            sessions[session] = nil
            subscriptions[session] = nil
            received[session] = nil
            if purges { purge(session) }
        case .purgeSession(let session): purge(session)
        case .forgetWill(let number): wills[number] = nil
        case .subscribe(let session, let subscription, _):
            subscriptions[session, default: [:]][subscription.filter] = subscription
        case .unsubscribe(let session, let filter): subscriptions[session]?[filter] = nil
        case .received(let session, let identifier): received[session, default: []].insert(identifier)
        case .released(let session, let identifier): received[session]?.remove(identifier)
        case .retain(let message, _):
            let topic = UTF8Text(copying: message.topic)
            retained[topic] = batch.retained(topic, message.facts.mountpoint, noted: message)
        case .removeRetained(let topic, let mountpoint):
            retained[topic] = batch.retained(topic, mountpoint, noted: nil)
        }
    }

    private mutating func purge(_ session: UInt64) {
        copies[session] = nil
        flights[session] = nil
    }

    fileprivate func load(_ request: StoreLoad, _ limit: Int) -> LoadedBacklog {
        var loaded = LoadedBacklog(copies: [], next: nil)
        for (number, copy) in (copies[request.session] ?? [:]).sorted(by: { $0.key < $1.key })
        where request.numbers.contains(number) && !request.except.contains(number) {
            let flight = flights[request.session]?[number]
            switch request.flights {
            case .together: break
            case .alone: if flight == nil { continue }
            case .released: if flight?.isReleased != true { continue }
            }
            loaded.copies.append(
                LoadedBacklog.Copy(
                    number: number, terms: copy.terms,
                    message: flight?.isReleased == true ? nil : copy.message,
                    packetIdentifier: flight?.identifier ?? copy.assigned, hasFlightRow: flight != nil))
            // Whether there is more is not looked at.
            if loaded.copies.count == limit {
                loaded.next = number + 1
                break
            }
        }
        return loaded
    }

    fileprivate mutating func purge(_ request: StoreLoad, _ now: MonotonicTime?) -> Int {
        var count = 0
        for (number, copy) in copies[request.session] ?? [:]
        where request.numbers.contains(number) && !request.except.contains(number)
            && (now.map { copy.message.isExpired(at: $0) } ?? true)
            && flights[request.session]?[number] == nil
        {
            copies[request.session]?[number] = nil
            count += 1
        }
        return count
    }
}
