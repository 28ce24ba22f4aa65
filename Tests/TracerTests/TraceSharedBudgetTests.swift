import Primitives
import Synchronization
import Testing
import Tracer

@Suite struct TraceSharedBudgetTests {
    private static func at(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 5_000_000_000).adding(milliseconds: milliseconds)
    }

    @Test func `a burst can be taken at once, then what time earns`() {
        let budget = TraceSharedBudget(eventsPerSecond: 10, burst: 3)
        #expect((0..<5).map { _ in budget.take(at: Self.at(0)) } == [true, true, true, false, false])
        #expect(!budget.take(at: Self.at(99)))
        #expect(budget.take(at: Self.at(100)))
        #expect(!budget.take(at: Self.at(100)))
        // However long nothing was taken, it is a burst and no more.
        #expect((0..<5).map { _ in budget.take(at: Self.at(60_000)) } == [true, true, true, false, false])
        #expect(budget.refusedCount == 6)
    }

    @Test func `a time before the last one takes nothing that is not there`() {
        let budget = TraceSharedBudget(eventsPerSecond: 1000, burst: 2)
        #expect(budget.take(at: Self.at(10)) && budget.take(at: Self.at(10)))
        #expect(!budget.take(at: Self.at(0)))
        #expect(!budget.take(at: .distantFuture))
        #expect(budget.take(at: Self.at(12)))
    }

    @Test func `threads together get exactly what there is`() throws {
        let budget = TraceSharedBudget(eventsPerSecond: 1, burst: 1000)
        let taken = Atomic<Int>(0)
        let threads = try (0..<4).map { _ in
            try WorkerThread(name: "taker") {
                for _ in 0..<1000 where budget.take(at: Self.at(0)) { taken.add(1, ordering: .relaxed) }
            }
        }
        for thread in threads { thread.join() }
        #expect(taken.load(ordering: .relaxed) == 1000)
        #expect(budget.refusedCount == 3000)
    }
}
