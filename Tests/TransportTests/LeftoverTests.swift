import Testing

@testable import Transport

struct LeftoverTests {
    private func bytes(_ leftover: Leftover) -> [UInt8] { Array(leftover.bytes) }

    @Test func `bytes come out as they went in, whatever is consumed meanwhile`() {
        var leftover = Leftover()
        defer { leftover.removeAll() }
        var expected: [UInt8] = []
        for round in 0..<200 {
            let new = (0..<(round % 17)).map { UInt8(truncatingIfNeeded: round &* 7 &+ $0) }
            new.withUnsafeBytes { leftover.append($0, limit: 64) }
            expected += new
            let consumed = min(expected.count, round % 11)
            leftover.removeFirst(consumed)
            expected.removeFirst(consumed)
            #expect(bytes(leftover) == expected)
        }
    }

    @Test func `memory follows what has come, not what is announced`() {
        var leftover = Leftover()
        defer { leftover.removeAll() }
        [UInt8](repeating: 1, count: 1000).withUnsafeBytes { leftover.append($0, limit: 1 << 30) }
        leftover.reserve(1000, limit: 1 << 30)
        #expect(leftover.freeSpace.count < 4000)
    }

    @Test func `an event for a slot's earlier connection finds nobody`() {
        var table = ConnectionTable()
        let slot = table.take()
        let stale = table.token(slot)
        table.free(slot)
        #expect(table.take() == slot)
        #expect(table.token(slot) != stale)
        #expect(table.token(slot).slot == slot)
        #expect(stale.kind == .connection)
        #expect(Poller.Token(acceptor: 3).kind == .acceptor)
        #expect(Poller.Token.wakeup.kind == .wakeup)
    }

    @Test func `bytes stay what they are while a block grows, shrinks, and gets pages of its own`() {
        var leftover = Leftover()
        defer { leftover.removeAll() }
        var expected: [UInt8] = []
        var next: UInt8 = 0
        var random = SystemRandomNumberGenerator()
        for round in 0..<300 {
            let count = Int.random(in: 1...[100, 5000, 200_000][round % 3], using: &random)
            var piece: [UInt8] = []
            for _ in 0..<count {
                piece.append(next)
                next = next &* 13 &+ 7
            }
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                piece.withUnsafeBytes { leftover.replace(with: $0) }
                expected = piece
            case 1:
                let gone = Int.random(in: 0...expected.count, using: &random)
                leftover.removeFirst(gone)
                expected.removeFirst(gone)
            default:
                piece.withUnsafeBytes { leftover.append($0, limit: expected.count + piece.count) }
                expected += piece
            }
            #expect(leftover.count == expected.count)
            #expect(leftover.bytes.elementsEqual(expected))
        }
    }
}
