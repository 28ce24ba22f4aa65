import ArgumentParser
import BrokerLog
import BrokerMetrics
import Glibc
import Testing

@testable import vernemq

@Suite struct RunModeTests {
    @Test func `a console has the log on the terminal, a daemon never`() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        #expect(RunMode.foreground.destination(.file) == .file)
        #expect(RunMode.foreground.destination(.console) == .console)
        #expect(RunMode.console.destination(.file) == .both)
        #expect(RunMode.console.destination(.off) == .console)
        #expect(RunMode.console.destination(.both) == .both)
        let daemon = RunMode.daemon(try #require(ReadySignal(ends[1])))
        #expect(daemon.destination(.console) == .file)
        #expect(daemon.destination(.both) == .file)
        #expect(daemon.destination(.off) == .off)
    }

    @Test func `a descriptor that is not open is refused`() {
        #expect(ReadySignal(2) == nil)
        #expect(ReadySignal(-1) == nil)
        #expect(ReadySignal(1 << 20) == nil)
    }
}

@Suite struct StartComplaintTests {
    @Test func `metrics that do not fit together end the start with the names of both rooms`() {
        let family = MetricFamily.counter("calls_total", .calls, help: "Something.")
        do {
            _ = try MetricCatalog(
                rooms: MetricRooms.all + [
                    MetricRoom("Webhooks", [family]), MetricRoom("Lua", [family]),
                ])
            Issue.record("two rooms declare the same metric")
        } catch {
            #expect(
                StartCommand.complaint(error)
                    == "metrics: Webhooks and Lua both declare the metric calls_total")
        }
        #expect(StartCommand.complaint(ExitCode(1)) == nil)
    }
}

@Suite struct StartArgumentsTests {
    @Test func `a daemon gets what its starter got`() throws {
        let command = try #require(
            try VerneMQ.parseAsRoot([
                "start", "--daemon", "--config=-odd.conf", "--set", "a=b", "--set", "c= d",
            ])
                as? StartCommand)
        #expect(command.daemon)
        let words = DaemonStart.arguments(command.source).dropFirst()
        let again = try #require(try VerneMQ.parseAsRoot(Array(words)) as? StartCommand)
        #expect(!again.daemon && again.readyDescriptor == 3)
        #expect(again.source.config == "-odd.conf")
        #expect(again.source.set == ["a=b", "c= d"])
    }

    @Test(arguments: ["stop", "restart", "ping", "console"])
    func `each command takes the configuration`(_ name: String) throws {
        #expect(throws: Never.self) { try VerneMQ.parseAsRoot([name, "--config", "x", "--set", "a=b"]) }
        #expect(throws: (any Error).self) { try VerneMQ.parseAsRoot([name, "--daemon"]) }
    }
}
