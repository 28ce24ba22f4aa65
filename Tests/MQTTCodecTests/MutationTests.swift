import MQTTCodec
import Primitives
import TestSupport
import Testing

/// Rows of the table, damaged at random: 16 × 65 536 packets.
@Suite struct MutationTests {
    private static let seeds = Array<UInt64>(0..<16)
    private static let packetCount = 65_536

    @Test(arguments: seeds)
    func `a damaged packet never traps, and what decodes encodes to the same packet`(_ seed: UInt64) {
        var mutator = Mutator(seed: seed)
        var writer = PacketWriter()
        var decodedCount = 0
        for round in 0..<Self.packetCount {
            let (header, version) = mutator.damage()
            guard let header else { continue }
            let body = mutator.bytes.span.bytes.extracting(header.headerByteCount..<header.packetByteCount)
            guard let packet = try? ControlPacket.decode(header, body: body, version: version) else {
                continue
            }
            decodedCount += 1
            writer.removeAll()
            let fits = packet.encode(version: version, into: &writer)
            let again = try? decodePacket(writer.bytes, version: version)
            if !fits || again != packet {
                Issue.record(
                    "seed \(seed) round \(round): \(version) \(packet) came back as \(String(describing: again))"
                )
            }
            if case .publish(let publish) = packet {
                let inPlace = try? PublishHeader.decode(
                    flags: header.flags, body: body, version: version, from: .server)
                let problem = inPlace.map { disagreement($0, publish, body) } ?? "refused"
                if let problem { Issue.record("seed \(seed) round \(round): \(problem) of \(publish)") }
            }
        }
        // The damage must leave enough alive, or the test says little.
        #expect(decodedCount > Self.packetCount / 10)
    }
}

private struct Mutator {
    private var generator: SeededGenerator
    private(set) var bytes: [UInt8] = []

    private static let rows = wireFixtures.filter { $0.bytes.count < 160 }
    private static let goodRows = rows.filter { row in
        if case .packet = row.expected { true } else { false }
    }

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    /// Puts a damaged packet in `bytes`. - Returns: its header, or nil when that is refused or incomplete.
    mutating func damage() -> (FixedHeader?, ProtocolVersion) {
        // Mostly good packets: a bad one that is damaged once more is rarely good again.
        let rows = generator.below(8) == 0 ? Self.rows : Self.goodRows
        let row = rows[generator.below(rows.count)]
        let version = generator.below(8) == 0 ? ProtocolVersion.allCases[generator.below(3)] : row.version
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: row.bytes)
        let isWholePacketDamaged = generator.below(4) == 0
        // The first two bytes are type and length of these short packets.
        let start = isWholePacketDamaged ? 0 : min(2, bytes.count)
        for _ in 0...generator.below(2) { damageOnce(from: start) }
        if !isWholePacketDamaged, bytes.count >= 2, bytes.count < 130 { bytes[1] = UInt8(bytes.count - 2) }
        let header = try? FixedHeader.decode(bytes.span.bytes, maximumRemainingLength: 1 << 20)
        guard let header, header.packetByteCount <= bytes.count else { return (nil, version) }
        return (header, version)
    }

    private mutating func damageOnce(from start: Int) {
        let position = start + generator.below(bytes.count - start)
        guard position < bytes.count else {
            bytes.append(UInt8(truncatingIfNeeded: generator.next()))
            return
        }
        switch generator.below(8) {
        case 0, 1: bytes[position] ^= 1 << UInt8(generator.below(8))
        case 2: bytes[position] = UInt8(truncatingIfNeeded: generator.next())
        case 3: bytes.removeSubrange(position...)
        case 4: bytes.remove(at: position)
        case 5: bytes.insert(UInt8(truncatingIfNeeded: generator.next()), at: position)
        case 6:
            // Lengths and variable byte integers: one more, one less, a continuation bit.
            bytes[position] =
                [bytes[position] &+ 1, bytes[position] &- 1, bytes[position] | 0x80][generator.below(3)]
        default:
            // The tail of another packet.
            let other = Self.rows[generator.below(Self.rows.count)].bytes
            bytes.removeSubrange(position...)
            bytes.append(contentsOf: other[min(generator.below(other.count), other.count)...])
        }
    }
}
