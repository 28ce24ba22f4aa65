package import BrokerMetrics
import DequeModule
package import Logging
import MQTTCodec
package import Primitives

/// What reaches a shard from other threads.
package enum CoreLetter: Sendable {
    /// Copies of messages for sessions that live here.
    case deliveries(DeliveryBatch)
    /// A hook's late answer.
    case hookReply(HookTicket, HookReply)
    /// The store has written batch `number`.
    case committed(UInt64)
    /// Copies that this loop has stored are not needed any more.
    ///
    /// - Parameters:
    ///   - serial: the letter's number at the loop `from`.
    ///   - isUrgent: this loop must hand its open batch over at the end of the turn: clients that are away get copies
    ///     from it, or somebody waits for what it stores.
    case storeRemovals(ContiguousArray<StoreRemoval>, from: Int, serial: UInt64, isUrgent: Bool)
    /// From the loop to itself: copies up to this number are committed, and came before this letter.
    case horizonReached(UInt64)
    /// Copies of a loop have got further; this loop had waited for that.
    case horizonMoved
    /// Copies of a session have come from the store; `number` is the session's there.
    case backlogLoaded(SessionHandle, number: UInt64, Result<LoadedBacklog, StoreError>)
    case backlogPurged(SessionHandle, number: UInt64, count: Int)
    /// Messages of these sessions have expired.
    case messagesAreDue(Set<UInt64>)
    /// Work from the control plane.
    case run(@Sendable (Shard) -> Void)
}

/// How a shard reaches the other loops. Set up by `Listeners`.
package struct ShardLinks {
    /// Posts a letter to a loop. Usable from any thread.
    package var post: @Sendable (_ letter: CoreLetter, _ loop: Int) -> Void

    /// Links that post with `post`.
    package init(post: @escaping @Sendable (CoreLetter, Int) -> Void) {
        self.post = post
    }
}

/// What a timer is for. Timers are never cancelled: the owner looks whether it still applies.
package enum TimerToken: Sendable {
    case keepAlive(SessionHandle, UInt32)
    case retry(SessionHandle, UInt32)
    case lifetime(SessionHandle, UInt32)
    case sessionExpiry(SessionHandle, UInt32)
    case will(SessionHandle, UInt32)
    case resumeReading(SessionHandle, UInt32)
    case hookDeadline(HookTicket.Asker, serial: UInt64)
    case retainedSweep
    case backlogRetry(SessionHandle)
    case retainedRelease
    case horizonDeadline(UInt32)
}

/// One loop's part of the broker: the sessions that live on it and all that only they touch. Nothing here is
/// locked, and nothing here does I/O: packets go into output buffers, and everything else through `Ports`.
package final class Shard {
    /// What all loops share.
    package let broker: Broker
    /// The number of its loop, from 0.
    package let index: Int
    /// The counters of its loop.
    package let counters: LoopCounters
    /// How it reaches the other loops.
    package let links: ShardLinks
    /// The log.
    package let log: Logger
    let settings: BrokerSettings
    let subscriptionTrie: SubscriptionTrie
    /// Replaced as a whole when a plugin comes or goes.
    package internal(set) var hooks: HookChains
    let hookCheck: HookAnswerCheck
    /// The timers of its loop.
    package var timers: TimerWheel<TimerToken>
    /// The time of this turn.
    package internal(set) var now: MonotonicTime
    /// When this loop did not look at its sockets.
    package internal(set) var lapses = Lapses()

    // Sessions: a slot table with generations, and the way from a client to its slot.
    var slots: ContiguousArray<Session?> = []
    var generations: ContiguousArray<UInt32> = []
    /// First in, first out: a slot rests as long as it can, and with it the handles that still travel.
    var freeSlots: Deque<UInt32> = []
    var directory: [SubscriberID: SessionHandle] = [:]

    // Routing.
    var matches = SubscriptionMatches()
    var routes = RouteCache()
    var fanOut = FanOutTemplates()
    var outgoing: ContiguousArray<DeliveryBatch?>
    /// Counts the messages this loop has routed: tells a batch where one ends and the next begins.
    var publicationSerial: UInt64 = 0
    var random: RandomNumbers
    let fanOuts = FanOutQueue()
    /// Of clients that were silent for too long.
    var silenceLines = LineRate()
    /// Of the session that ended last, or whose copy came too late.
    var lastRedelivery: LastRedelivery?
    /// Copies this turn may still give at once.
    var copyBudget = FanOutQueue.copiesPerTurn
    private var writer = PacketWriter()

    // Work left for later turns.
    /// Steps this loop has taken; see `count(steps:)`.
    package internal(set) var steps: UInt64 = 0
    var deferred = DeferredWork()
    /// Publishers that are not read; each leaves with its connection.
    var overloadPaused: Set<SessionHandle> = []
    /// Whether publishers must not be read, because a loop has more work waiting than it should.
    package internal(set) var isOverloaded = false
    var handshakes: [UInt64: ConnectHandshake] = [:]
    private var hookSerial: UInt64 = 0
    /// Timers whose time has come; those before `nextDue` have fired.
    private var due: ContiguousArray<TimerToken> = []
    private var nextDue = 0
    private var timersAreBehind = false
    private var pruneThreshold = Shard.pruneMinimum
    private static let pruneMinimum = 8192
    /// Sessions before this slot have published their wills for the end of the broker.
    private var nextWill = 0
    var sweepPosition = 0
    var isReleasingRetained = false

    // Storage.
    /// Whether anything is kept.
    let isStoring: Bool
    let outbox: StoreOutbox
    var reads = StoreReads()
    var storeQueue: StoreQueue
    /// Sessions that are kept, by their number in the store.
    var kept: [UInt64: SessionHandle] = [:]
    /// What was found at the start and has still to take its course.
    var restoring = RestoredWork()
    /// Bytes of the messages in this loop's queues.
    var queuedByteCount = 0
    /// When the first loop looks for stored messages that have expired.
    var dueLookAt: MonotonicTime

    /// The part of the broker that lives on loop `index`.
    package init(
        _ broker: Broker, index: Int, counters: LoopCounters, links: ShardLinks, now: MonotonicTime
    ) {
        self.broker = broker
        self.index = index
        self.counters = counters
        self.links = links
        self.now = now
        log = broker.log
        settings = broker.settings
        subscriptionTrie = broker.subscriptions
        hooks = HookChains(broker.registeredHooks)
        hookCheck = HookAnswerCheck(broker.settings, counters, broker.log)
        timers = TimerWheel(start: now)
        outgoing = ContiguousArray(repeating: nil, count: broker.loopCount)
        isStoring = broker.store.isDurable
        outbox = StoreOutbox(loopCount: broker.loopCount)
        storeQueue = StoreQueue(mark: max(1 << 16, broker.settings.storeBacklogByteCount / broker.loopCount))
        random = RandomNumbers(seed: now.nanoseconds &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
        if settings.retainedExpirySweepInterval > 0, index == 0 {
            timers.add(.retainedSweep, at: now.adding(seconds: settings.retainedExpirySweepInterval))
        }
        dueLookAt = now.adding(seconds: 1)
    }

    // MARK: The turn

    /// A turn begins: fires what is due, as far as the turn's time goes. What is left comes first in the next turn.
    package func turnBegan(_ now: MonotonicTime, isTurnOver: () -> Bool) {
        self.now = now
        copyBudget = FanOutQueue.copiesPerTurn
        if nextDue == due.count {
            due.removeAll(keepingCapacity: true)
            nextDue = 0
            timersAreBehind = timers.advance(to: now, limit: 200, into: &due)
        }
        while nextDue < due.count {
            fire(due[nextDue])
            nextDue += 1
            if nextDue & 3 == 0, isTurnOver() { break }
        }
        if timers.count > pruneThreshold { pruneTimers() }
        if isStoring, index == 0, now >= dueLookAt { askForDueMessages() }
        if !overloadPaused.isEmpty || isOverloaded { lookAtOverload() }
    }

    /// Drops timers of connections that are gone, one part of the wheel in each turn: clients that come and go
    /// quickly would else leave one behind for as long as their keep alive. By entries, not by slots: 32 slots a turn
    /// were slower than what 20,000 connects a second put in, and the threshold crept up.
    private func pruneTimers() {
        let isRound = timers.prune(entryLimit: 2048) { token in
            switch token {
            case .keepAlive(let handle, let epoch), .retry(let handle, let epoch),
                .lifetime(let handle, let epoch),
                .sessionExpiry(let handle, let epoch), .will(let handle, let epoch),
                .resumeReading(let handle, let epoch):
                current(handle, epoch) == nil
            case .backlogRetry(let handle): session(handle) == nil
            case .hookDeadline, .retainedSweep, .retainedRelease, .horizonDeadline: false
            }
        }
        if isRound { pruneThreshold = max(Self.pruneMinimum, 2 * timers.count) }
    }

    /// A turn ends: works on what was left for later, as far as the turn's time goes, then posts what other loops are
    /// to get.
    package func turnEnded(isTurnOver: () -> Bool = { true }) {
        if !deferred.isEmpty { continueDeferred(isTurnOver: isTurnOver) }
        postDeliveries()
        if isStoring { storeTurnEnded() }
    }

    /// Sets the gauges that nobody keeps, when somebody asks for them.
    package func refreshGauges() {
        counters.set(.timersWaiting, to: timers.count + due.count - nextDue)
        counters.set(.routerCacheEntries, to: routes.count)
        counters.set(.deferredJobsWaiting, to: deferred.count)
        counters.set(.fanOutsWaiting, to: fanOuts.count)
        setStoreGauges()
        counters.set(.routerCacheBytes, to: routes.byteCount)
    }

    /// How long the loop may sleep; nil = until something happens, 0 = work is left.
    package func sleepLimitNanoseconds(_ now: MonotonicTime) -> UInt64? {
        if timersAreBehind || nextDue < due.count || !deferred.isEmpty { return 0 }
        if isOverloaded { return 1_000_000 }
        let limit = isStoring ? storeSleepLimit(now) : nil
        return timers.nanosecondsUntilNext(from: now, limit: limit ?? 10_000_000_000) ?? limit
    }

    /// - Parameter isTurnOver: asked now and then while a letter is long.
    /// - Returns: false when a part of the letter is left for the next turn: call again with it then.
    package func receive(_ letter: CoreLetter, isTurnOver: () -> Bool) -> Bool {
        switch letter {
        case .deliveries(let batch): return take(batch, isTurnOver: isTurnOver)
        case .hookReply(let ticket, let reply): answered(ticket, reply)
        case .committed(let number): committed(number)
        case .storeRemovals(let removals, let loop, let serial, let isUrgent):
            remove(removals, from: loop, serial: serial)
            if isUrgent { outbox.isUrgent = true }
        case .horizonReached(let through): horizonReached(through)
        case .horizonMoved: horizonMoved()
        case .backlogLoaded(let handle, let number, let result):
            if let session = session(handle), session.storeNumber == number { session.backlogLoaded(result) }
        case .backlogPurged(let handle, let number, let count):
            if let session = session(handle), session.storeNumber == number { session.backlogPurged(count) }
        case .messagesAreDue(let sessions): messagesAreDue(sessions)
        case .run(let work): work(self)
        }
        return true
    }

    private func fire(_ token: TimerToken) {
        switch token {
        case .keepAlive(let handle, let epoch): current(handle, epoch)?.keepAliveTimerFired()
        case .retry(let handle, let epoch): current(handle, epoch)?.retryTimerFired()
        case .lifetime(let handle, let epoch):
            current(handle, epoch)?.lifetimeTimerFired()
        case .sessionExpiry(let handle, let epoch): current(handle, epoch)?.expiryTimerFired()
        case .will(let handle, let epoch): current(handle, epoch)?.willTimerFired()
        case .resumeReading(let handle, let epoch): current(handle, epoch)?.transport?.resumeReading(.rate)
        case .hookDeadline(let asker, let serial): hookDeadlinePassed(asker, serial)
        case .retainedSweep: sweepRetained()
        case .backlogRetry(let handle): session(handle)?.retryBacklog()
        case .retainedRelease: releaseRetained()
        case .horizonDeadline(let serial): horizonDeadlinePassed(serial)
        }
    }

    /// The broker goes: the wills of its clients are published while their subscribers are still there.
    ///
    /// - Returns: false when some are left: call again in the next turn.
    package func publishWills(isTurnOver: () -> Bool) -> Bool {
        while nextWill < slots.count {
            slots[nextWill]?.publishWillAtStop()
            nextWill += 1
            if nextWill & 15 == 0, isTurnOver() { return false }
        }
        return true
    }

    /// The broker goes: every client is told.
    package func drain() {
        forEachSession { $0.disconnect(.serverShuttingDown, .shutdown) }
    }

    // MARK: Sessions

    @inline(__always)
    func session(_ handle: SessionHandle) -> Session? {
        let slot = Int(handle.slot)
        guard slot < generations.count, generations[slot] == handle.generation else { return nil }
        return slots[slot]
    }

    /// The session, unless it has been attached or detached since the timer was set.
    private func current(_ handle: SessionHandle, _ epoch: UInt32) -> Session? {
        guard let session = session(handle), session.epoch == epoch else { return nil }
        return session
    }

    /// The session of a client that lives on this loop; nil = there is none.
    package func session(_ subscriber: SubscriberID) -> Session? {
        directory[subscriber].flatMap { session($0) }
    }

    /// Clients with a session on this loop.
    package var sessionCount: Int { directory.count }

    /// Calls `body` with each session that lives here.
    package func forEachSession(_ body: (Session) -> Void) {
        for case let session? in slots { body(session) }
    }

    /// The loop has ended. Sessions hold their shard as it holds them: without this neither would ever be freed.
    package func forgetSessions() {
        slots = []
        directory = [:]
        handshakes = [:]
        deferred = DeferredWork()
    }

    func makeSession(_ subscriber: SubscriberID, _ settings: SessionSettings) -> Session {
        let session = Session(id: subscriber, shard: self, settings: settings, now: now)
        let slot = takeSlot()
        session.handle = SessionHandle(loop: UInt16(index), slot: slot, generation: generations[Int(slot)])
        slots[Int(slot)] = session
        directory[subscriber] = session.handle
        counters.add(.queueSetup)
        return session
    }

    /// A slot with a generation of its own.
    private func takeSlot() -> UInt32 {
        let slot: UInt32
        if let free = freeSlots.popFirst() {
            slot = free
        } else {
            precondition(slots.count < SessionHandle.slotLimit, "more sessions on one loop than handles")
            slot = UInt32(slots.count)
            slots.append(nil)
            generations.append(0)
        }
        generations[Int(slot)] = SessionHandle.generation(after: generations[Int(slot)])
        return slot
    }

    /// Makes `session` the one that its client id leads to.
    func register(_ session: Session) { directory[session.id] = session.handle }

    func remove(_ session: Session) {
        guard self.session(session.handle) === session else { return }
        free(session.handle)
        if let former = session.formerHandle { free(former) }
        if directory[session.id] == session.handle { directory[session.id] = nil }
        counters.add(.queueTeardown)
    }

    private func free(_ handle: SessionHandle) {
        let slot = Int(handle.slot)
        slots[slot] = nil
        // Handles that still travel find nobody.
        generations[slot] = SessionHandle.generation(after: generations[slot])
        freeSlots.append(handle.slot)
    }

    /// `heir` is found by the handle of `session` too, and that is its handle from now on; `session` gets one of its
    /// own.
    func giveHandle(of session: Session, to heir: Session) {
        let handle = session.handle
        slots[Int(handle.slot)] = heir
        heir.formerHandle = heir.handle
        heir.handle = handle
        // Timers of `session` must not meet the heir's.
        heir.epoch = max(heir.epoch, session.epoch)
        directory[heir.id] = handle
        let slot = takeSlot()
        session.handle = SessionHandle(loop: UInt16(index), slot: slot, generation: generations[Int(slot)])
        slots[Int(slot)] = session
    }

    func homeLoop(of subscriber: SubscriberID) -> Int { broker.homeLoop(of: subscriber) }

    /// Each question to a hook has a number of its own; never 0.
    func nextHookSerial() -> UInt64 {
        hookSerial &+= 1
        return hookSerial
    }

    // MARK: Encoding

    /// Writes `packet` after what `output` holds. Where it is too large for the client, it goes without its reason
    /// string and user properties; where that is not enough, it does not go [MQTT-3.1.2-24, 3.1.2-25].
    ///
    /// - Parameter limit: the client's Maximum Packet Size in bytes; 0 = none.
    /// - Returns: false when nothing was written.
    @discardableResult
    func encode(
        _ packet: ControlPacket, version: ProtocolVersion, limit: UInt32 = 0, to output: OutputBuffer
    ) -> Bool {
        writer.removeAll()
        var isEncoded = packet.encode(version: version, into: &writer)
        if !isEncoded || (limit > 0 && writer.bytes.count > Int(limit)) {
            writer.removeAll()
            isEncoded = packet.withoutTexts.encode(version: version, into: &writer)
            guard isEncoded, limit == 0 || writer.bytes.count <= Int(limit) else {
                log.debug(
                    "packet over the client's maximum packet size is not sent",
                    metadata: ["type": "\(packet.type)", "limit": .stringConvertible(limit)])
                return false
            }
        }
        output.append(writer.bytes)
        return true
    }
}

/// Random numbers for choices that need no secrecy: which member of a shared group, which generated client id.
struct RandomNumbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// splitmix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension ControlPacket {
    /// The packet without reason string and user properties, which may be left out where there is no room for them
    /// [MQTT-3.2.2-19, 3.2.2-20, 3.14.2-3, 3.14.2-4, 3.15.2-2, 3.15.2-3].
    fileprivate var withoutTexts: ControlPacket {
        func trim(_ properties: inout Properties) {
            properties.reasonString = nil
            properties.userProperties = []
        }
        switch self {
        case .connack(var packet):
            trim(&packet.properties)
            return .connack(packet)
        case .disconnect(var packet):
            trim(&packet.properties)
            return .disconnect(packet)
        case .auth(var packet):
            trim(&packet.properties)
            return .auth(packet)
        default: return self  // the broker puts no such text into any other packet
        }
    }
}
