import Logging
import Primitives
import Synchronization
import Testing
import Transport

struct EventLoopTests {
    @Test func `no wake-up is lost, however busy the loop is`() async throws {
        let harness = try Harness()
        let done = Counter()
        let count = 20_000
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<count { harness.onLoop { _ in done.increment() } }
                }
            }
        }
        try harness.ask { _ in }  // FIFO: all others ran before
        #expect(done.value == 4 * count)
        #expect(harness.events.sum(.wakeup) <= harness.events.sum(.turn) + 1)
    }

    @Test func `a loop that is stopped before it starts ends at once`() throws {
        let group = try LoopGroup(count: 2, logger: Logger(label: "test")) { _ in
            TestOwner(tasks: Mailbox {}, events: EventCounts())
        }
        group.stop()
        try group.start()
        group.join()
        #expect(group.handles.map(\.isStopped) == [true, true])
    }

    @Test func `an idle loop takes no turns of its own`() throws {
        let harness = try Harness()
        for _ in 0..<5 { try harness.ask { _ in } }
        #expect(harness.events.sum(.turn) <= 5)
        #expect(harness.events.calls(.busyNanoseconds) >= harness.events.calls(.turn) - 1)
    }
}

private final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    func increment() { count.wrappingAdd(1, ordering: .relaxed) }
    var value: Int { count.load(ordering: .relaxed) }
}
