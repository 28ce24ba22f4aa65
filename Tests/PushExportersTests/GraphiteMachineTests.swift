import Primitives
import Testing

@testable import PushExporters

@Suite struct GraphiteMachineTests {
    private static let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    /// `milliseconds` after the start.
    private func at(_ milliseconds: UInt64) -> MonotonicTime { Self.start.adding(milliseconds: milliseconds) }

    private func machine(_ change: (inout GraphiteSettings) -> Void = { _ in }) -> GraphiteMachine {
        var settings = GraphiteSettings()
        change(&settings)
        var machine = GraphiteMachine(settings)
        machine.enable(now: Self.start)
        return machine
    }

    private func connected(_ change: (inout GraphiteSettings) -> Void = { _ in }) -> GraphiteMachine {
        var machine = machine(change)
        #expect(machine.advance(now: at(0)) == .connect)
        machine.connected(now: at(0))
        return machine
    }

    @Test func `nothing is due while it is off`() {
        var machine = GraphiteMachine(GraphiteSettings())
        #expect(machine.deadline == .distantFuture)
        #expect(machine.advance(now: at(1_000_000)) == nil)
    }

    @Test func `it connects at once, and the first report is due one interval after the connection`() {
        var machine = machine()
        #expect(machine.advance(now: at(0)) == .connect)
        machine.connected(now: at(300))
        #expect(machine.advance(now: at(20_299)) == nil)
        #expect(machine.deadline == at(20_300))
        #expect(machine.advance(now: at(20_300)) == .report)
        #expect(machine.advance(now: at(40_299)) == nil)
        #expect(machine.advance(now: at(40_300)) == .report)
    }

    @Test func `a connection that does not come about is tried again after five seconds`() {
        var machine = machine()
        #expect(machine.advance(now: at(0)) == .connect)
        machine.connectFailed(now: at(100))
        #expect(machine.advance(now: at(5_099)) == nil)
        #expect(machine.advance(now: at(5_100)) == .connect)
    }

    @Test func `connecting is given up after its time and tried again five seconds later`() {
        var machine = machine()
        #expect(machine.advance(now: at(0)) == .connect)
        #expect(machine.advance(now: at(4_999)) == nil)
        #expect(machine.advance(now: at(5_000)) == .abandonConnecting)
        #expect(machine.advance(now: at(9_999)) == nil)
        #expect(machine.advance(now: at(10_000)) == .connect)
    }

    @Test func `after a failed write the reconnect timeout passes`() {
        var machine = connected { $0.reconnectTimeout = 700 }
        machine.sendFailed(now: at(50))
        #expect(machine.advance(now: at(749)) == nil)
        #expect(machine.advance(now: at(750)) == .connect)
    }

    @Test func `a server that closes after a report is connected to at once, one that took none later`() {
        var machine = connected()
        machine.closedByServer(now: at(10))
        #expect(machine.deadline == at(15_010))
        #expect(machine.advance(now: at(15_010)) == .connect)
        machine.connected(now: at(15_010))
        machine.offered(hasTaken: true, waiting: 0, isReportComplete: true, now: at(35_010))
        machine.closedByServer(now: at(35_020))
        #expect(machine.advance(now: at(35_020)) == .connect)
    }

    @Test func `a server that takes nothing is given up, one that takes a little is not`() {
        var machine = connected { $0.interval = 1_000_000 }
        machine.offered(hasTaken: false, waiting: 10, isReportComplete: false, now: at(0))
        machine.offered(hasTaken: false, waiting: 20, isReportComplete: false, now: at(20_000))
        machine.offered(hasTaken: true, waiting: 19, isReportComplete: false, now: at(29_000))
        #expect(machine.advance(now: at(30_000)) == nil)
        #expect(machine.deadline == at(59_000))
        #expect(machine.advance(now: at(59_000)) == .abandonSending)
        #expect(machine.deadline == at(74_000))
    }

    @Test func `with nothing waiting nobody is stuck`() {
        var machine = connected { $0.interval = 1_000_000 }
        machine.offered(hasTaken: false, waiting: 10, isReportComplete: false, now: at(0))
        machine.offered(hasTaken: true, waiting: 0, isReportComplete: true, now: at(1))
        #expect(machine.deadline == at(1_000_000))
    }

    @Test func `another interval is in force at once, counted from the last report`() {
        var machine = connected()
        #expect(machine.advance(now: at(20_000)) == .report)
        machine.settings.interval = 1_000
        #expect(machine.deadline == at(21_000))
        machine.settings.interval = 0
        #expect(machine.deadline == at(20_100))
    }

    @Test func `it is off at once, from every state, and another server begins anew`() {
        var resting = machine()
        resting.disable()
        var connecting = machine()
        #expect(connecting.advance(now: at(0)) == .connect)
        connecting.disable()
        var open = connected()
        open.disable()
        for state in [resting.state, connecting.state, open.state] { #expect(state == .off) }
        open.restart(now: at(1))
        #expect(open.state == .off)
        var other = connected()
        other.restart(now: at(1))
        #expect(other.advance(now: at(1)) == .connect)
    }
}
