import Glibc
public import Primitives
import Synchronization

/// Where everything that is counted comes together: the exchanges of the loops and the readers of outside
/// values. Any thread may ask for a `Snapshot`; no loop ever waits for it.
public final class MetricsRegistry: Sendable {
    private struct Sources {
        var loops: [SnapshotExchange] = []
        var readers: [(room: MetricRoom, read: Reader)] = []
        /// By room: samples that were left out.
        var undeclared: [String: Int64] = [:]
    }

    /// Adds all samples of a room that there are at this moment. It is called on the thread that takes a snapshot, once for
    /// each, and must not block for long.
    public typealias Reader = @Sendable (inout RoomReading) -> Void

    /// The busy shares last reported, and the reading they were computed from.
    private struct Utilization {
        var takenAt: MonotonicTime
        var busy: [UInt64] = []
        var percent: [Int] = []
    }

    /// Every name that a snapshot may have.
    public let catalog: MetricCatalog
    private let version: String
    private let clock: any Clock
    private let startedAt: MonotonicTime
    /// When the broker started, by the wall clock.
    private let startedAtMilliseconds: Atomic<Int64>
    private let sources = Mutex(Sources())
    private let utilization: Mutex<Utilization>
    private let cardinality: CardinalityGuard
    /// The loops that did not answer the last time, if there were any. Held while they are waited for.
    private let stalled = Mutex<(loops: [Int], endedAt: MonotonicTime)?>(nil)
    private static let stalledShareTime: UInt64 = 1_000_000_000
    /// By loop, the first request of `silentLoops` that it has not answered.
    private let silence = Mutex<[Int: (request: UInt64, askedAt: MonotonicTime)]>([:])

    /// Readings closer together than this share one busy percentage: two scrapers do not cut it to noise.
    private static let utilizationInterval: UInt64 = 1_000_000_000

    /// - Parameters:
    ///   - version: of the broker, for `build_info`.
    ///   - catalog: with the rooms that may register.
    ///   - budget: how many series a snapshot may have.
    public init(
        version: String, catalog: MetricCatalog = .core(), budget: SeriesBudget = SeriesBudget(),
        clock: any Clock = SystemClock()
    ) {
        cardinality = CardinalityGuard(budget, catalog)
        self.catalog = catalog
        self.version = version
        self.clock = clock
        startedAt = clock.now
        startedAtMilliseconds = Atomic(clock.wallMilliseconds)
        utilization = Mutex(Utilization(takenAt: clock.now))
    }

    /// Adds the exchange of a loop. The loops are numbered in the order they are added, from 0.
    public func add(loop: SnapshotExchange) {
        sources.withLock { $0.loops.append(loop) }
    }

    /// How many loops were added.
    public var loopCount: Int { sources.withLock { $0.loops.count } }

    /// Registers the reader of a room, and reads it once to see that it gives what it has declared.
    ///
    /// - Throws: `MetricConflict` when the catalogue does not have the room, when it has registered before, or when its first
    ///   reading has a sample that it does not declare. Later ones are left out and counted.
    public func register(_ room: MetricRoom, read: @escaping Reader) throws(MetricConflict) {
        guard let declared = catalog.rooms.first(where: { $0.name == room.name }) else {
            throw .unknownRoom(room.name)
        }
        var reading = RoomReading(declared)
        read(&reading)
        if let conflict = reading.conflict { throw conflict }
        let isNew = sources.withLock { sources in
            guard !sources.readers.contains(where: { $0.room.name == room.name }) else { return false }
            sources.readers.append((declared, read))
            sources.undeclared[room.name] = 0
            return true
        }
        guard isNew else { throw .registeredTwice(room.name) }
    }

    /// Asks all rooms, and keeps what they give within the budget.
    private func readRooms() -> (
        samples: [String: [RoomSample]], distributions: [String: [RoomReading.Distribution]]
    ) {
        var samples: [String: [RoomSample]] = [:]
        var distributions: [String: [RoomReading.Distribution]] = [:]
        for (room, read) in sources.withLock({ $0.readers }) {
            var reading = RoomReading(room)
            read(&reading)
            // No two rooms have a family in common.
            samples.merge(reading.samples) { first, _ in first }
            distributions.merge(reading.distributions) { first, _ in first }
            if reading.skipped > 0 {
                sources.withLock { $0.undeclared[room.name, default: 0] &+= Int64(reading.skipped) }
            }
        }
        let folded = cardinality.apply(to: &samples, &distributions)
        samples.merge(folded) { first, _ in first }
        samples[RegistryMetrics.undeclared.name] = sources.withLock { sources in
            sources.readers.map { RoomSample([$0.room.name], value: sources.undeclared[$0.room.name] ?? 0) }
        }
        return (samples, distributions)
    }

    /// Asks every loop for its numbers and waits until all have answered, `deadline` at the longest. Blocks
    /// the calling thread, which must not be a loop's.
    ///
    /// - Returns: the numbers; a loop that did not answer in time is marked stalled and shown with its last ones.
    public func snapshot(deadline: Duration = .milliseconds(250)) -> Snapshot {
        let begin = clock.now
        let exchanges = sources.withLock { $0.loops }
        let requests = exchanges.map { $0.request() }
        let answers = collect(exchanges, requests, until: begin, deadline)
        let busy = utilization(of: answers.map(\.words))
        let loops = answers.indices.map { index in
            Snapshot.Loop(
                words: answers[index].words, isStalled: answers[index].isStalled,
                utilization: index < busy.count ? busy[index] : 0,
                exemplars: exchanges[index].lastExemplars)
        }
        let duration = clock.now.nanoseconds(since: begin)
        let (samples, distributions) = readRooms()
        return Snapshot(
            loops: loops, samples: samples, distributions: distributions, process: .now(), version: version,
            uptimeMilliseconds: Int64(clamping: begin.nanoseconds(since: startedAt) / 1_000_000),
            startedAtMilliseconds: wallStart(at: begin), duration: duration)
    }

    /// When the broker started, as the wall clock tells it now: follows when that is set, and else stays the same to the
    /// millisecond, for who takes a change for a restart.
    private func wallStart(at now: MonotonicTime) -> Int64 {
        let uptime = Int64(clamping: now.nanoseconds(since: startedAt) / 1_000_000)
        let known = startedAtMilliseconds.load(ordering: .relaxed)
        let (start, overflow) = clock.wallMilliseconds.subtractingReportingOverflow(uptime)
        let (difference, isFar) = start.subtractingReportingOverflow(known)
        guard !overflow, isFar || difference.magnitude > 1000 else { return known }
        startedAtMilliseconds.store(start, ordering: .relaxed)
        return start
    }

    /// The loops that do not come to the end of a turn within `deadline`. Blocks the calling thread, which must not be a
    /// loop's; cheaper than a snapshot.
    ///
    /// Who asks while another waits for loops that are silent gets what that one finds, and so does who asks within a second
    /// after it: any number of probes waits once. Loops that answer are asked each time, which takes microseconds.
    public func stalledLoops(deadline: Duration = .seconds(1)) -> [Int] {
        stalled.withLock { last in
            if let last, clock.now.nanoseconds(since: last.endedAt) < Self.stalledShareTime {
                return last.loops
            }
            let exchanges = sources.withLock { $0.loops }
            let requests = exchanges.map { $0.request() }
            let answers = collect(exchanges, requests, until: clock.now, deadline)
            let loops = answers.indices.filter { answers[$0].isStalled }
            last = loops.isEmpty ? nil : (loops, clock.now)
            return loops
        }
    }

    /// The loops that have not come to the end of a turn for `limit`, with the nanoseconds since this was first seen. Blocks
    /// the calling thread, which must not be a loop's, for `patience` at the longest; so it has to be asked again and again.
    ///
    /// A loop that answers late is not silent: what was asked of it is remembered until it is answered.
    public func silentLoops(
        for limit: Duration = .seconds(10), patience: Duration = .milliseconds(100)
    ) -> [(loop: Int, nanoseconds: UInt64)] {
        let exchanges = sources.withLock { $0.loops }
        let begin = clock.now
        let requests = exchanges.map { $0.request() }
        _ = collect(exchanges, requests, until: begin, patience)
        let now = clock.now
        return silence.withLock { silence in
            exchanges.indices.compactMap { index in
                if let question = silence[index], exchanges[index].words(since: question.request) != nil {
                    silence[index] = nil
                }
                guard exchanges[index].words(since: requests[index]) == nil else {
                    silence[index] = nil
                    return nil
                }
                let question = silence[index] ?? (requests[index], begin)
                silence[index] = question
                let passed = now.nanoseconds(since: question.askedAt)
                return passed >= UInt64(limit / .nanoseconds(1)) ? (index, passed) : nil
            }
        }
    }

    private func collect(
        _ exchanges: [SnapshotExchange], _ requests: [UInt64], until begin: MonotonicTime,
        _ deadline: Duration
    ) -> [(words: [UInt64], isStalled: Bool)] {
        let (seconds, attoseconds) = deadline.components
        let allowed =
            UInt64(clamping: max(0, seconds)) &* 1_000_000_000 &+ UInt64(max(0, attoseconds) / 1_000_000_000)
        var answers: [[UInt64]?] = exchanges.map { _ in nil }
        // A loop answers within microseconds: begin with short pauses and lengthen them to a millisecond.
        var pause: UInt32 = 20
        while true {
            for index in exchanges.indices where answers[index] == nil {
                answers[index] = exchanges[index].words(since: requests[index])
            }
            let isDone = answers.allSatisfy { $0 != nil }
            if isDone || clock.now.nanoseconds(since: begin) >= allowed { break }
            usleep(pause)
            pause = min(pause * 2, 1_000)
        }
        return exchanges.indices.map { index in
            if let words = answers[index] { return (words, false) }
            return (exchanges[index].lastWords, true)
        }
    }

    private func utilization(of blocks: [[UInt64]]) -> [Int] {
        let now = clock.now
        let busy = blocks.map { block in
            Counter.loopBusyNanoseconds.word < block.count ? block[Counter.loopBusyNanoseconds.word] : 0
        }
        return utilization.withLock { last in
            let elapsed = now.nanoseconds(since: last.takenAt)
            guard elapsed >= Self.utilizationInterval || last.percent.count != busy.count else {
                return last.percent
            }
            last.percent = busy.indices.map { index in
                let before = index < last.busy.count ? last.busy[index] : 0
                guard elapsed > 0, busy[index] > before else { return 0 }
                return Int(min(100, (Double(busy[index] - before) * 100 / Double(elapsed)).rounded()))
            }
            last.busy = busy
            last.takenAt = now
            return last.percent
        }
    }
}
