import Primitives
import Testing
import Tracer

@Suite struct TraceBudgetTests {
    private static func at(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 5_000_000_000).adding(milliseconds: milliseconds)
    }

    private static let shown = TraceBudget.Verdict.show(skipped: 0)

    /// When events come, in milliseconds since the start, and what becomes of each.
    struct Course: Sendable {
        let limit: UInt64
        let interval: UInt64
        let events: [(at: UInt64, verdict: TraceBudget.Verdict)]
    }

    @Test(arguments: [
        Course(
            limit: 2, interval: 100,
            events: [(0, shown), (0, shown), (0, .skip), (49, .skip), (50, .show(skipped: 2))]),
        Course(
            limit: 2, interval: 100,
            events: [
                (0, shown), (0, shown), (100, shown), (100, shown), (100, .skip), (1000, .show(skipped: 1)),
            ]),
        // However long it was silent: no more than N at once.
        Course(limit: 2, interval: 100, events: [(90_000, shown), (90_000, shown), (90_000, .skip)]),
        // Part of an interval gives part of the events.
        Course(
            limit: 10, interval: 100,
            events: Array(repeating: (0, shown), count: 10) + [
                (0, .skip), (9, .skip), (10, .show(skipped: 2)), (19, .skip), (20, .show(skipped: 1)),
            ]),
        Course(limit: 0, interval: 100, events: [(0, .skip), (1000, .skip)]),
        Course(limit: 1, interval: 0, events: [(0, shown), (0, shown), (0, shown)]),
        // Time that does not move, or moves back, gives nothing.
        Course(
            limit: 1, interval: 100,
            events: [(100, shown), (0, .skip), (150, .skip), (200, .show(skipped: 2))]),
    ])
    func `a trace that skips shows N events of each interval and says how many it did not show`(
        _ course: Course
    ) {
        var budget = TraceBudget(
            limit: course.limit, intervalMilliseconds: course.interval, now: Self.at(0))
        for (index, event) in course.events.enumerated() {
            let verdict = budget.admit(at: Self.at(event.at))
            #expect(verdict == event.verdict, "event \(index)")
        }
    }

    @Test(arguments: [
        // N+1 events within the window that began with the trace.
        Course(limit: 2, interval: 100, events: [(0, shown), (50, shown), (100, .showAndStop)]),
        // The event that begins a window is not counted in it.
        Course(
            limit: 2, interval: 100,
            events: [(0, shown), (101, shown), (102, shown), (103, shown), (201, .showAndStop)]),
        // A window that is over is ended by the next event alone.
        Course(
            limit: 1, interval: 100,
            events: [
                (50, shown), (500, shown), (600, shown), (601, shown), (602, shown), (603, .showAndStop),
            ]),
        Course(limit: 0, interval: 100, events: [(0, .showAndStop)]),
    ])
    func `a trace that stops does so by VerneMQ's rule`(_ course: Course) {
        var budget = TraceBudget(
            limit: course.limit, intervalMilliseconds: course.interval, mode: .stop, now: Self.at(0))
        for (index, event) in course.events.enumerated() {
            let verdict = budget.admit(at: Self.at(event.at))
            #expect(verdict == event.verdict, "event \(index)")
        }
    }

    @Test func `the recorded trace that was stopped would be stopped at the same event`() {
        var budget = TraceBudget(mode: .stop, now: Self.at(0))
        // After CONNECT, which does not count: a hook, its answer, CONNACK.
        for _ in 0..<3 { #expect(budget.admit(at: Self.at(4000)) == Self.shown) }
        // A second later: SUBSCRIBE, a hook, its answer, SUBACK, two PUBLISH, six packets of QoS 2.
        for _ in 0..<11 { #expect(budget.admit(at: Self.at(5000)) == Self.shown) }
        #expect(budget.admit(at: Self.at(5001)) == .showAndStop)
    }

    @Test func `what was skipped is told at the end too, once`() {
        var budget = TraceBudget(limit: 1, now: Self.at(0))
        for _ in 0..<4 { _ = budget.admit(at: Self.at(0)) }
        #expect(budget.takeSkippedIfRoom(at: Self.at(99)) == 0)
        #expect(budget.takeSkippedIfRoom(at: Self.at(100)) == 3)
        #expect(budget.takeSkipped() == 0)
        #expect(budget.admit(at: Self.at(100)) == Self.shown)
    }

    @Test(arguments: [TraceBudget.Mode.skip, .stop])
    func `what the shared budget refuses is skipped and counted`(_ mode: TraceBudget.Mode) {
        let shared = TraceSharedBudget(eventsPerSecond: 1, burst: 1)
        var budget = TraceBudget(limit: 5, mode: mode, now: Self.at(0))
        #expect(budget.admit(at: Self.at(0), shared: shared) == Self.shown)
        #expect(budget.admit(at: Self.at(0), shared: shared) == .skip)
        #expect(budget.admit(at: Self.at(0), shared: shared) == .skip)
        #expect(shared.refusedCount == 2)
        #expect(budget.admit(at: Self.at(1000), shared: shared) == .show(skipped: 2))
    }
}
