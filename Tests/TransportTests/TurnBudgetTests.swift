import Testing
import Transport

/// On a loop whose turns are over as soon as they have begun, so that all work is done in the smallest portions.
struct TurnBudgetTests {
    private let harness: Harness

    init() throws {
        var settings = LoopSettings()
        settings.turnBudgetNanoseconds = 0
        harness = try Harness(settings: settings)
    }

    private func clients(_ count: Int, _ script: Script) throws -> [Client] {
        let address = try harness.listen(script)
        let clients = try (0..<count).map { _ in try Client(address) }
        while try harness.ask(0, { $0.connectionCount }) < count {}
        return clients
    }

    @Test func `connections that end at once are all taken down, a few a turn`() throws {
        let script = Script { $1.count }
        let clients = try clients(60, script)
        let turns = harness.events.sum(.turn)
        harness.onLoop { loop in loop.forEachConnection { $0.close(afterFlush: false) } }
        for _ in clients { #expect(try script.closed.next() == .requested) }
        #expect(try harness.ask { $0.connectionCount } == 0)
        // The end of connections is looked at up to three times in a turn.
        #expect(harness.events.sum(.turn) - turns >= clients.count / 3)
    }

    @Test func `connections whose reading goes on at once are all read, a few a turn`() throws {
        let seen = Inbox<[UInt8]>()
        let script = Script { connection, bytes in
            connection.counter += 1
            seen.post(bytes)
            guard connection.counter == 1 else { return bytes.count }
            connection.pauseReading(.hook)
            return 0
        }
        let clients = try clients(60, script)
        for (number, client) in clients.enumerated() { try client.send([UInt8(number)]) }
        for _ in clients { _ = try seen.next() }
        let turns = harness.events.sum(.turn)
        harness.onLoop { loop in loop.forEachConnection { $0.resumeReading(.hook) } }
        let again = try clients.map { _ in try seen.next() }
        #expect(Set(again) == Set(clients.indices.map { [UInt8($0)] }))
        #expect(try harness.ask { $0.connectionCount } == clients.count)
        #expect(harness.events.sum(.turn) - turns >= clients.count / 4)
    }
}
