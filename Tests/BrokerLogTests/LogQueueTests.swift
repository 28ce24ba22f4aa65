import Logging
import Primitives
import Testing

@testable import BrokerLog

@Suite struct LogQueueTests {
    private func entry(_ level: Logger.Level, bytes: Int = 100) -> LogEntry {
        LogEntry(level: level, text: [UInt8](repeating: 0, count: bytes))
    }

    private func dropped(_ queue: LogQueue, _ level: Logger.Level) -> UInt64? {
        queue.droppedByLevel.first { $0.level == level }?.count
    }

    /// Takes what waits and says which levels it had.
    private func drain(_ queue: LogQueue) -> [Logger.Level] {
        var batch: ContiguousArray<LogJob> = []
        guard queue.put(.flush(BlockingQueue())), queue.take(into: &batch) else { return [] }
        return batch.compactMap { job in
            guard case .line(let entry) = job else { return nil }
            queue.done(entry)
            return entry.level
        }
    }

    @Test func `lines beyond the room are dropped, counted by level, and errors have room of their own`() {
        let queue = LogQueue(
            limits: .init(lines: 10, bytes: 1 << 20, reservedLines: 3, reservedBytes: 1 << 20))
        for _ in 0..<25 { queue.put(entry(.debug)) }
        for _ in 0..<5 { queue.put(entry(.error)) }
        #expect(queue.depth.lines == 13)
        #expect(dropped(queue, .debug) == 15)
        #expect(dropped(queue, .error) == 2)
        #expect(queue.takeUntold() == 17)
        #expect(queue.takeUntold() == 0)
        #expect(drain(queue) == Array(repeating: .debug, count: 10) + Array(repeating: .error, count: 3))
        #expect(queue.depth == (0, 0))
    }

    @Test func `bytes are bounded as well as lines`() {
        let queue = LogQueue(
            limits: .init(lines: 1000, bytes: 10_000, reservedLines: 10, reservedBytes: 5000))
        for _ in 0..<10 { queue.put(entry(.info, bytes: 4096)) }
        #expect(queue.depth.lines == 2)
        #expect(queue.depth.bytes <= 10_000)
        queue.put(entry(.critical, bytes: 4096))
        #expect(queue.depth.lines == 3)
        #expect(dropped(queue, .info) == 8)
    }

    @Test func `room is taken until a line is written, not until it is taken out`() {
        let queue = LogQueue(limits: .init(lines: 1, bytes: 1 << 20, reservedLines: 0, reservedBytes: 0))
        queue.put(entry(.info))
        var batch: ContiguousArray<LogJob> = []
        #expect(queue.take(into: &batch))
        queue.put(entry(.info))
        #expect(dropped(queue, .info) == 1)
        for job in batch { if case .line(let entry) = job { queue.done(entry) } }
        queue.put(entry(.info))
        #expect(dropped(queue, .info) == 1)
    }

    @Test func `whoever logs never waits for a writer that does not come, from any thread`() async {
        // Nobody takes anything out.
        let queue = LogQueue()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { for _ in 0..<5000 { queue.put(entry(.info)) } } }
        }
        #expect(queue.depth.lines <= 4096)
        #expect(queue.depth.bytes <= 1 << 20)
        #expect(UInt64(queue.depth.lines) + (dropped(queue, .info) ?? 0) == 40_000)
    }

    @Test func `the log says how many lines were dropped`() {
        let folder = LogFolder()
        let limits = LogQueue.Limits(lines: 0, bytes: 1 << 20, reservedLines: 10, reservedBytes: 1 << 20)
        let log = LogOutput(
            LogSettings(destination: .file, file: folder.path + "/a.log"), console: .descriptor(-1),
            limits: limits)
        let logger = log.logger(label: "test")
        for _ in 0..<7 { logger.info("no room") }
        #expect(log.flush())
        logger.error("room")
        #expect(log.flush())
        let lines = folder.read("a.log").split(separator: "\n").map { $0.drop { $0 != " " }.dropFirst() }
        #expect(
            lines == [
                "warning log lines were dropped: more came than could be written lines=7", "error room",
            ])
        #expect(log.droppedLines.first { $0.level == "info" }?.count == 7)
    }
}
