import BrokerMetrics
import Testing

@testable import BrokerCore

/// Counts to a number.
private final class Counting: DeferredJob {
    private(set) var count = 0
    private let goal: Int
    private let note: () -> Void

    init(to goal: Int, note: @escaping () -> Void = {}) {
        self.goal = goal
        self.note = note
    }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        note()
        while count < goal, shard.steps < end {
            count += 1
            shard.count(steps: 1)
        }
        return count < goal
    }
}

/// Says that it cannot go on.
private final class Waiting: DeferredJob {
    private(set) var looks = 0

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        looks += 1
        return false
    }
}

@Suite struct DeferredWorkTests {
    @Test func `work that fits into a slice is done at once`() {
        let bench = TurnBench()
        let job = Counting(to: 100)
        bench.shards[0].perform(job)
        #expect(job.count == 100)
        #expect(bench.isIdle)
        #expect(bench.numbers[.deferredJobs] == 0)
    }

    @Test func `long work is spread over turns, and the loop does not sleep meanwhile`() throws {
        let bench = TurnBench()
        let job = Counting(to: 20_000)
        let cost = try bench.measure {
            bench.shards[0].perform(job)
            #expect(bench.numbers[LoopGauge.deferredJobsWaiting] == 1)
            #expect(bench.shards[0].sleepLimitNanoseconds(bench.shards[0].now) == 0)
        }
        #expect(job.count == 20_000)
        #expect(cost.longestTurn <= TurnBench.turnSteps + DeferredWork.sliceSteps + 1)
        #expect(cost.turns >= 9)
        #expect(bench.numbers[LoopGauge.deferredJobsWaiting] == 0)
        #expect(bench.numbers[.deferredJobs] == 1)
        #expect(bench.numbers[.deferredSlices] >= 20_000 / DeferredWork.sliceSteps)
    }

    @Test func `jobs take turns, so a long one does not hold up a short one`() throws {
        let bench = TurnBench()
        var order = ""
        bench.shards[0].perform(Counting(to: 1000) { order += "a" })
        bench.shards[0].perform(Counting(to: 500) { order += "b" })
        try bench.settle()
        #expect(order == "ababaa")
    }

    @Test func `a turn without time does one slice in any case`() {
        let bench = TurnBench()
        let job = Counting(to: 10_000)
        bench.shards[0].perform(job)
        let before = job.count
        bench.shards[0].turnEnded { true }
        #expect(job.count == before + Int(DeferredWork.sliceSteps))
    }

    @Test func `a job that cannot go on is not looked at again until somebody starts it`() throws {
        let bench = TurnBench()
        let job = Waiting()
        bench.shards[0].perform(job)
        try bench.settle()
        #expect(job.looks == 1)
    }
}
