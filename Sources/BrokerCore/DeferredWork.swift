import BrokerMetrics
import DequeModule
import Primitives

/// Work that one packet, one client or one event causes and that takes longer than a turn has time for. It is a job
/// with a cursor. The shard does the jobs in slices, one after the other, in the time that each turn has left:
///
///     turn 1   letters · sockets · [ A | B | C | A ]  the time is up
///     turn 2   letters · sockets · [ B | C | A | B ]  …
///
/// Everything may change between two slices: clients publish, disconnect and come back, the broker stops. A job must
/// hold what it works on, or look it up again in each slice.
///
/// To add a kind of work: write a final class with a cursor, count each step it takes with `shard.count(steps:)`,
/// return from `advance` when `shard.steps` has come to `end`, and start it with `shard.perform(_:)`. Short work is
/// then done at once. A job that cannot go on, because the output is full or the store is behind, returns false; the
/// code that removes the obstacle calls `perform` again. So a loop that has nothing to do sleeps, whatever its clients
/// wait for.
protocol DeferredJob: AnyObject {
    /// Works until the shard has counted `end` steps, or a few more.
    ///
    /// - Returns: true when there is more that can be done now; false when the job is done or cannot go on.
    func advance(on shard: Shard, until end: UInt64) -> Bool
}

/// The jobs of one shard, first in, first out.
struct DeferredWork {
    fileprivate var jobs: Deque<any DeferredJob> = []
    /// Steps this loop has taken; see `Shard.count(steps:)`.
    fileprivate(set) var steps: UInt64 = 0

    /// Steps of one slice. A step is a thing that was looked at: a filter put in place, a node of a trie visited, a
    /// member of a group compared. It takes about a microsecond at most.
    static let sliceSteps: UInt64 = 256

    /// No job can go on.
    var isEmpty: Bool { jobs.isEmpty }
    /// Jobs that can go on.
    var count: Int { jobs.count }
}

extension Shard {
    /// Steps this loop has taken.
    package var steps: UInt64 { work.steps }

    /// Steps after which the clock is read again.
    package static var stepsBetweenLooks: UInt64 { DeferredWork.sliceSteps }

    /// Counts work that grows with what clients send or have set up. Slices end by these steps, and `TurnBudget` tests
    /// measure them instead of time. It is one addition to a number that the loop owns.
    @inline(__always)
    func count(steps: Int) { work.steps &+= UInt64(truncatingIfNeeded: steps) }

    /// Steps that it takes to add or remove the subscription of a filter: by the filter's bytes, and by its levels if
    /// there may be many.
    func steps(of filter: UTF8Text) -> Int {
        let depth = settings.publish.topicMaxDepth
        return 1 + filter.count >> 8 + (depth > 64 || depth == 0 ? min(filter.count, depth) / 2 : 0)
    }

    /// Does the first slice of a job now. The rest is done in the time that this turn and later ones have left.
    func perform(_ job: some DeferredJob) {
        guard job.advance(on: self, until: steps &+ DeferredWork.sliceSteps) else { return }
        counters.add(.deferredJobs)
        work.jobs.append(job)
    }

    /// As `perform`, but begins behind the jobs that are under way.
    func performLater(_ job: some DeferredJob) {
        counters.add(.deferredJobs)
        work.jobs.append(job)
    }

    /// Does slices of the jobs as long as the turn has time, but at least one.
    func continueDeferred(isTurnOver: () -> Bool) {
        while let job = work.jobs.popFirst() {
            counters.add(.deferredSlices)
            count(steps: 1)
            if job.advance(on: self, until: steps &+ DeferredWork.sliceSteps) { work.jobs.append(job) }
            if isTurnOver() { return }
        }
    }
}
