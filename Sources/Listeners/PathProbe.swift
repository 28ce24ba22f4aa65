import BrokerCore
import Primitives
import Synchronization

/// Walks the way of a message to see whether it is open: through each loop, its router, the mailbox and a queue of the next
/// loop, and one write through the store.
///
///     loop 0 ─ letter → publish ─ route → batch → mailbox ─→ loop 1 ─ queue → taken
///     loop 1 ─ …                                              loop 0
///     store  ─ job ─→ written → committed
///
/// All ways are gone at once. Who asks while a walk is under way gets its result, and a result is shared for a while, so any
/// number of probers costs as much as one. A way on which the probe before is still missing gets no other: what is stuck does
/// not fill up.
package final class PathProbe: Sendable {
    /// What one walk has found.
    package struct Walk: Sendable {
        /// The way that begins at one loop. Nanoseconds; nil = the probe did not come so far.
        package struct Way: Sendable {
            /// The loop that published.
            package let loop: Int
            /// Until the loop looked into its mailbox.
            package fileprivate(set) var waited: UInt64?
            /// Until the message was routed.
            package fileprivate(set) var routed: UInt64?
            /// Until it was taken out of the queue on the next loop.
            package fileprivate(set) var queued: UInt64?
            /// What went wrong, in words.
            package fileprivate(set) var problem: String?
            fileprivate var last = MonotonicTime(nanoseconds: 0)
            fileprivate var isDone: Bool { queued != nil || problem != nil }
        }

        /// By the number of the loop.
        package fileprivate(set) var ways: [Way]
        /// Nanoseconds until a write was committed; nil = it was not, or nothing is stored.
        package fileprivate(set) var stored: UInt64?
        /// What went wrong with the store, in words.
        package fileprivate(set) var storeProblem: String?
        /// Nanoseconds that the walk took.
        package fileprivate(set) var duration: UInt64 = 0

        /// What is wrong, a sentence for each; empty when the way is open.
        package var reasons: [String] { ways.compactMap(\.problem) + (storeProblem.map { [$0] } ?? []) }
    }

    /// Walks so far, by how they ended.
    package struct Counts: Sendable {
        package fileprivate(set) var open = 0
        package fileprivate(set) var blocked = 0
        /// Answers that shared a walk.
        package fileprivate(set) var shared = 0
    }

    private enum Event: Sendable {
        case prepared(Int)
        case began(Int)
        case routed(Int, subscribers: Int)
        case arrived(Int, copies: Int)
        case stored
    }

    private struct State {
        var last: (walk: Walk, endedAt: MonotonicTime)?
        var isWalking = false
        var followers: [BlockingQueue<Walk>] = []
        var counts = Counts()
    }

    /// What is on its way, of this walk or of one that was given up.
    private struct Pending {
        var prepared: Set<Int> = []
        var preparing: Set<Int> = []
        var ways: Set<Int> = []
        var isStoring = false
    }

    private enum Part { case result(Walk), lead, follow(BlockingQueue<Walk>) }

    private let runtime: BrokerRuntime
    private let deadline: UInt64
    private let shareTime: UInt64
    private let clock = SystemClock()
    private let state = Mutex(State())
    private let pending = Mutex(Pending())

    /// - Parameters:
    ///   - deadline: how long a walk may take, in milliseconds.
    ///   - shareTime: how old a result may be that is given to somebody else, in milliseconds.
    package init(_ runtime: BrokerRuntime, deadline: Int = 2000, shareTime: Int = 1000) {
        self.runtime = runtime
        self.deadline = UInt64(deadline) * 1_000_000
        self.shareTime = UInt64(shareTime) * 1_000_000
    }

    /// How many walks there were.
    package var counts: Counts { state.withLock { $0.counts } }

    /// What the last walk has found; nil = there was none.
    package var last: Walk? { state.withLock { $0.last?.walk } }

    /// Walks, or shares what another has found. Blocks the calling thread until the deadline at the longest; never call it on
    /// a loop.
    package func walk() -> Walk {
        let now = clock.now
        let part: Part = state.withLock { state in
            if let last = state.last, now.nanoseconds(since: last.endedAt) < shareTime {
                state.counts.shared += 1
                return .result(last.walk)
            }
            guard state.isWalking else {
                state.isWalking = true
                return .lead
            }
            let queue = BlockingQueue<Walk>()
            state.followers.append(queue)
            state.counts.shared += 1
            return .follow(queue)
        }
        switch part {
        case .result(let walk): return walk
        case .follow(let queue):
            var found: ContiguousArray<Walk> = []
            // The leader always answers: its own wait is bounded.
            while found.isEmpty, queue.take(into: &found) {}
            return found[0]
        case .lead: return lead()
        }
    }

    private func lead() -> Walk {
        let begin = clock.now
        var walk = makeWalk(from: begin)
        let end = clock.now
        walk.duration = end.nanoseconds(since: begin)
        let followers = state.withLock { state in
            state.last = (walk, end)
            state.isWalking = false
            if walk.reasons.isEmpty { state.counts.open += 1 } else { state.counts.blocked += 1 }
            defer { state.followers = [] }
            return state.followers
        }
        for follower in followers { follower.put(walk) }
        return walk
    }

    // MARK: One walk

    private typealias Events = BlockingQueue<(Event, MonotonicTime)>

    private func makeWalk(from begin: MonotonicTime) -> Walk {
        let loops = 0..<runtime.broker.loopCount
        var walk = Walk(ways: loops.map { Walk.Way(loop: $0) })
        let events = Events()
        let waitsForStore = probeStore(&walk, events)
        prepare(loops, events)
        collect(&walk, events, from: begin) { [self] _ in
            pending.withLock { $0.prepared.count == loops.count }
        }
        for loop in loops { send(&walk.ways[loop], events) }
        collect(&walk, events, from: begin) { walk in
            walk.ways.allSatisfy(\.isDone) && (!waitsForStore || walk.stored != nil)
        }
        for loop in loops { Self.tellWhatIsMissing(&walk.ways[loop], loopCount: loops.count, deadline) }
        if waitsForStore, walk.stored == nil {
            walk.storeProblem = "the store did not commit a write within \(Self.text(deadline))"
        }
        return walk
    }

    /// - Returns: whether an answer is to be waited for.
    private func probeStore(_ walk: inout Walk, _ events: Events) -> Bool {
        let store = runtime.broker.store
        guard store.isDurable else { return false }
        if store.health.isFailing {
            walk.storeProblem = "the store takes no writes"
            return false
        }
        let isFree = pending.withLock { pending in
            defer { pending.isStoring = true }
            return !pending.isStoring
        }
        guard isFree else {
            walk.storeProblem = "the store has not committed the write of an earlier probe"
            return false
        }
        store.probe { [self] in
            pending.withLock { $0.isStoring = false }
            events.put((.stored, clock.now))
        }
        return true
    }

    /// Each loop gets its subscriber, once.
    private func prepare(_ loops: Range<Int>, _ events: Events) {
        let missing = pending.withLock { pending in
            let missing = loops.filter { !pending.prepared.contains($0) && !pending.preparing.contains($0) }
            pending.preparing.formUnion(missing)
            return missing
        }
        for loop in missing {
            post(to: loop) { [self] shard in
                shard.preparePathProbe()
                pending.withLock {
                    $0.preparing.remove(loop)
                    $0.prepared.insert(loop)
                }
                events.put((.prepared(loop), clock.now))
            }
        }
    }

    private func send(_ way: inout Walk.Way, _ events: Events) {
        let loop = way.loop
        let next = (loop + 1) % runtime.broker.loopCount
        let refusal: String? = pending.withLock { pending in
            for needed in [loop, next] where !pending.prepared.contains(needed) {
                return Self.silence(of: needed, deadline)
            }
            guard pending.ways.insert(loop).inserted else {
                return "an earlier probe from loop \(loop) to loop \(next) has not arrived"
            }
            return nil
        }
        if let refusal {
            way.problem = refusal
            return
        }
        way.last = clock.now
        post(to: loop) { [self] shard in
            events.put((.began(loop), clock.now))
            let subscribers = shard.publishPathProbe(to: next)
            events.put((.routed(loop, subscribers: subscribers), clock.now))
            post(to: next) { [self] shard in
                let copies = shard.takePathProbes()
                pending.withLock { _ = $0.ways.remove(loop) }
                events.put((.arrived(loop, copies: copies), clock.now))
            }
        }
    }

    private func post(to loop: Int, _ work: @escaping @Sendable (Shard) -> Void) {
        runtime.directory.mailboxes[loop].post(.core(.run(work)))
    }

    /// Takes what is reported, until all is there or the time is over.
    private func collect(
        _ walk: inout Walk, _ events: Events, from begin: MonotonicTime,
        until isDone: (Walk) -> Bool
    ) {
        var batch: ContiguousArray<(Event, MonotonicTime)> = []
        while !isDone(walk) {
            let passed = clock.now.nanoseconds(since: begin)
            guard passed < deadline else { return }
            _ = events.take(into: &batch, milliseconds: Int((deadline - passed) / 1_000_000) + 1)
            for (event, time) in batch { Self.apply(event, time, to: &walk, begin) }
            batch.removeAll(keepingCapacity: true)
        }
    }

    private static func apply(
        _ event: Event, _ time: MonotonicTime, to walk: inout Walk, _ begin: MonotonicTime
    ) {
        func lap(_ loop: Int) -> UInt64 {
            defer { walk.ways[loop].last = time }
            return time.nanoseconds(since: walk.ways[loop].last)
        }
        switch event {
        case .prepared: break
        case .began(let loop): walk.ways[loop].waited = lap(loop)
        case .routed(let loop, let subscribers):
            walk.ways[loop].routed = lap(loop)
            if subscribers != 1 {
                walk.ways[loop].problem = "the router of loop \(loop) did not find the probe's subscriber"
            }
        case .arrived(let loop, let copies):
            walk.ways[loop].queued = lap(loop)
            if copies != 1, walk.ways[loop].problem == nil {
                walk.ways[loop].problem = "the probe from loop \(loop) was lost before it came out of a queue"
            }
        case .stored: walk.stored = time.nanoseconds(since: begin)
        }
    }

    private static func tellWhatIsMissing(_ way: inout Walk.Way, loopCount: Int, _ deadline: UInt64) {
        guard !way.isDone else { return }
        let next = (way.loop + 1) % loopCount
        if way.waited == nil {
            way.problem = silence(of: way.loop, deadline)
        } else if way.routed == nil {
            way.problem = "the router of loop \(way.loop) did not route a message within \(text(deadline))"
        } else {
            way.problem =
                "a message from loop \(way.loop) did not come out of a queue of loop \(next) within \(text(deadline))"
        }
    }

    private static func silence(of loop: Int, _ deadline: UInt64) -> String {
        "loop \(loop) did not take a letter within \(text(deadline))"
    }

    private static func text(_ nanoseconds: UInt64) -> String { "\(nanoseconds / 1_000_000) ms" }
}
