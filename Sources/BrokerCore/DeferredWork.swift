import BrokerMetrics
import DequeModule
import Primitives

/// Work that one packet, one client or one event causes and that is too long for a turn, as a job with a cursor. The
/// shard works it off in slices, in what each turn has left over, the jobs taking turns among themselves:
///
///     turn 1   letters · sockets · [ A | B | C | A ]  the time is up
///     turn 2   letters · sockets · [ B | C | A | B ]  …
///
/// Everything may change between two slices: clients publish, vanish, come back, the broker stops. A job holds what it
/// works on, or looks it up anew in each slice.
///
/// To add a kind of work: write a final class with a cursor, count each step it takes with `shard.count(steps:)`,
/// return from `advance` when `shard.steps` has come to `end`, and start it with `shard.perform(_:)`. Short work is then
/// done at once. A job that cannot go on (the output is full, the store is behind) is no work: it returns false, and
/// whoever frees it calls `perform` again. So a loop with nothing to do sleeps, whatever its clients wait for.
protocol DeferredJob: AnyObject {
    /// Works on until the shard has counted `end` steps, and little more.
    ///
    /// - Returns: true when there is more that can be done now; false when the job is done or cannot go on.
    func advance(on shard: Shard, until end: UInt64) -> Bool
}

/// The jobs of one shard, first in, first out.
struct DeferredWork {
    fileprivate var jobs: Deque<any DeferredJob> = []

    /// Steps of one slice. A step is a thing that was looked at: a filter put in place, a node of a trie visited, a
    /// member of a group compared. It takes about a microsecond at most.
    static let sliceSteps: UInt64 = 256

    /// No job can go on.
    var isEmpty: Bool { jobs.isEmpty }
    /// Jobs that can go on.
    var count: Int { jobs.count }
}

extension Shard {
    /// So many steps after the last look at the clock it is time for another.
    package static var stepsBetweenLooks: UInt64 { DeferredWork.sliceSteps }

    /// Counts work that grows with what clients send or have set up: what `TurnBudget` tests measure in place of time,
    /// and what slices go by. One addition to a number that the loop owns.
    @inline(__always)
    func count(steps: Int) { self.steps &+= UInt64(truncatingIfNeeded: steps) }

    /// Steps that putting a filter in place takes, or taking it away. By its bytes, and its levels where there may be many.
    func steps(of filter: UTF8Text) -> Int {
        let depth = settings.topicMaxDepth
        return 1 + filter.count >> 8 + (depth > 64 || depth == 0 ? min(filter.count, depth) / 2 : 0)
    }

    /// Does the first slice of a job now and leaves the rest to what this turn and the next ones have left.
    func perform(_ job: some DeferredJob) {
        guard job.advance(on: self, until: steps &+ DeferredWork.sliceSteps) else { return }
        counters.add(.deferredJobs)
        deferred.jobs.append(job)
    }

    /// As `perform`, but begins behind the jobs that are under way.
    func performLater(_ job: some DeferredJob) {
        counters.add(.deferredJobs)
        deferred.jobs.append(job)
    }

    /// Works jobs off as far as the turn's time goes, but one slice in any case.
    func continueDeferred(isTurnOver: () -> Bool) {
        while let job = deferred.jobs.popFirst() {
            counters.add(.deferredSlices)
            count(steps: 1)
            if job.advance(on: self, until: steps &+ DeferredWork.sliceSteps) { deferred.jobs.append(job) }
            if isTurnOver() { return }
        }
    }
}
