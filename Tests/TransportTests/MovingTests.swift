import Primitives
import Synchronization
import Testing
import Transport

struct MovingTests {
    /// The first packet (2 bytes) is read on loop 0; the rest belongs to loop 1.
    private func movingHarness(_ state: ListenerState) throws -> (Harness, PeerAddress, Inbox<ConnectionEnd>)
    {
        let harness = try Harness(loops: 2)
        let arrived = Script { connection, bytes in
            connection.output.append([UInt8(connection.loop.index)] + bytes)
            return bytes.count
        }
        let accepting = Script { [unowned harness] connection, bytes in
            guard bytes.count >= 2 else { return 0 }
            connection.output.append([0xAA])
            connection.detach { socket in
                harness.onLoop(1) { loop in
                    loop.adopt(socket) { ScriptedConnection(arrived, socket: $0, slot: $1, loop: $2) }
                }
            }
            return 2
        }
        let bound = try bindListener(address: ListenAddress(parsing: "127.0.0.1:0"), loops: 1)
        try harness.ask(0) { loop in
            guard let socket = bound.takeSocket() else { return }
            loop.addAcceptor(socket: socket, state: state) { socket, slot, loop in
                ScriptedConnection(accepting, socket: socket, slot: slot, loop: loop)
            }
        }
        return (harness, bound.address.address, accepting.closed)
    }

    @Test func `a connection moves to another loop with the bytes it had not consumed`() throws {
        let state = ListenerState(name: "moving")
        let (harness, address, closed) = try movingHarness(state)
        let client = try Client(address)
        try client.send([1, 2, 3, 4, 5])
        #expect(try client.read(5) == [0xAA, 1, 3, 4, 5])
        #expect(try closed.next() == .detached)
        try client.send([6])
        #expect(try client.read(2) == [1, 6])
        #expect(try harness.ask(0) { $0.connectionCount } == 0)
        #expect(try harness.ask(1) { $0.connectionCount } == 1)
        #expect(state.counts.active == 1, "its place at the listener moved with it")
    }

    @Test func `a detached socket that nobody adopts is closed and frees its place`() throws {
        let state = ListenerState(name: "dropping")
        let harness = try Harness()
        let script = Script { connection, bytes in
            connection.detach { _ in }
            return bytes.count
        }
        let client = try Client(harness.listen(script, state: state))
        try client.send([1])
        #expect(try client.readToEnd() == [])
        #expect(try script.closed.next() == .detached)
        #expect(state.counts.active == 0)
        #expect(state.counts.accepted == 1)
    }

    @Test func `a socket is adopted once`() throws {
        let harness = try Harness()
        let kept = Inbox<DetachedSocket>()
        let script = Script { connection, bytes in
            connection.detach { kept.post($0) }
            return 0
        }
        let client = try Client(harness.listen(script))
        try client.send([1])
        let socket = try kept.next()
        let echo = Script.echo()
        let adoptions = try harness.ask { loop in
            (0..<2).map { _ in
                loop.adopt(socket) { ScriptedConnection(echo, socket: $0, slot: $1, loop: $2) } != nil
            }
        }
        #expect(adoptions == [true, false])
        #expect(try client.read(1) == [1])
    }
}
