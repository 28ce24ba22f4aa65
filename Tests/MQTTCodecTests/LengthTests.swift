import Glibc
import Primitives
import TestSupport
import Testing

@testable import MQTTCodec

/// Address space without memory behind it: bytes of any number for what only counts them.
private struct HugeBytes: ~Copyable {
    private let base: UnsafeMutableRawPointer
    private static let size = 1 << 30

    init() throws {
        let made = mmap(
            nil, Self.size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        base = try #require(made == MAP_FAILED ? nil : made)
    }

    deinit { munmap(base, Self.size) }

    @_lifetime(borrow self)
    borrowing func first(_ count: Int) -> RawSpan {
        _overrideLifetime(RawSpan(_unsafeStart: base, byteCount: count), borrowing: self)
    }
}

private func makeOutput() -> OutputBuffer {
    OutputBuffer(slot: 0, flushList: FlushList(), pool: BufferPool())
}

private func written(_ output: OutputBuffer) -> [UInt8] {
    withUnsafeTemporaryAllocation(of: iovec.self, capacity: 16) { vectors in
        vectors.initialize(repeating: iovec())
        return vectors[..<output.gather(into: vectors)].flatMap {
            Array(UnsafeRawBufferPointer(start: $0.iov_base, count: $0.iov_len))
        }
    }
}

/// Bytes of a number as a variable byte integer, by the table of §1.5.5.
private func lengthBytes(_ value: Int) -> Int {
    switch value {
    case ...127: 1
    case ...16_383: 2
    case ...2_097_151: 3
    case ...268_435_455: 4
    default: 5
    }
}

/// Each length that is computed before its bytes are written, at its edges.
@Suite struct LengthTests {
    private static let edges = [127, 128, 16_383, 16_384, 2_097_151, 2_097_152]

    @Test(arguments: edges, ProtocolVersion.allCases)
    func `a PUBLISH has the length it was measured to have`(_ remaining: Int, _ version: ProtocolVersion)
        throws
    {
        let topic = Array("t".utf8)
        let nothing: [UInt8] = []
        let payload = [UInt8](repeating: 7, count: remaining - 3 - (version == .v5 ? 1 : 0))
        let encoder = PublishEncoder(
            topic: topic.span.bytes, properties: nothing.span.bytes, payload: payload.span.bytes,
            version: version)
        let output = makeOutput()
        let isWritten = encoder.encode(to: output)
        #expect(isWritten)
        let bytes = written(output)
        let measured = encoder.packetByteCount
        #expect(bytes.count == measured)
        #expect(bytes.count == 1 + lengthBytes(remaining) + remaining)
        let header = try FixedHeader.decode(bytes.span.bytes, maximumRemainingLength: remaining)
        #expect(header?.remainingLength == remaining)
        var template: [UInt8] = []
        let offset = encoder.encode(template: &template)
        #expect(offset == 0)
        #expect(template == bytes)
    }

    @Test(arguments: [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455] as [UInt32])
    func `a subscription identifier has the length it was measured to have`(_ identifier: UInt32) throws {
        let topic = Array("t".utf8)
        let nothing: [UInt8] = []
        var encoder = PublishEncoder(
            topic: topic.span.bytes, properties: nothing.span.bytes, payload: nothing.span.bytes,
            version: .v5)
        encoder.subscriptionIdentifier = identifier
        encoder.messageExpiryInterval = .max
        encoder.topicAlias = .max
        encoder.qos = .exactlyOnce
        encoder.packetIdentifier = .max
        let output = makeOutput()
        let isWritten = encoder.encode(to: output)
        #expect(isWritten)
        let bytes = written(output)
        let measured = encoder.packetByteCount
        #expect(bytes.count == measured)
        let header = try #require(
            try FixedHeader.decode(bytes.span.bytes, maximumRemainingLength: 1000))
        let packet = try ControlPacket.decode(
            header, body: bytes.span.bytes.extracting(header.headerByteCount...), version: .v5)
        guard case .publish(let publish) = packet else { return #expect(Bool(false), "no PUBLISH") }
        #expect(publish.properties.subscriptionIdentifiers == [identifier])
    }

    @Test(arguments: edges) func `a property list has the length it was measured to have`(_ count: Int) throws
    {
        let topic = Array("t".utf8)
        let nothing: [UInt8] = []
        let properties = [UInt8](repeating: 1, count: count)
        let encoder = PublishEncoder(
            topic: topic.span.bytes, properties: properties.span.bytes, payload: nothing.span.bytes,
            version: .v5)
        let output = makeOutput()
        let isWritten = encoder.encode(to: output)
        let measured = encoder.packetByteCount
        #expect(isWritten)
        #expect(written(output).count == measured)
        let remaining = 3 + lengthBytes(count) + count
        #expect(measured == 1 + lengthBytes(remaining) + remaining)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a PUBLISH over the largest packet is not written`(_ version: ProtocolVersion) throws {
        let huge = try HugeBytes()
        let topic = Array("t".utf8)
        let nothing: [UInt8] = []
        let overhead = version == .v5 ? 4 : 3
        for remaining in [268_435_454, 268_435_455, 268_435_456, 268_435_457] {
            let encoder = PublishEncoder(
                topic: topic.span.bytes, properties: nothing.span.bytes,
                payload: huge.first(remaining - overhead), version: version)
            let measured = encoder.packetByteCount
            #expect(measured == 1 + lengthBytes(remaining) + remaining)
            let fits = measured <= FixedHeader.largestPacketByteCount
            #expect(fits == (remaining <= 268_435_455))
            guard !fits else { continue }
            let output = makeOutput()
            let isWritten = encoder.encode(to: output)
            #expect(!isWritten)
            #expect(output.isEmpty)
            var template: [UInt8] = [1, 2, 3]
            let offset = encoder.encode(template: &template)
            #expect(offset == nil)
            #expect(template.isEmpty)
        }
    }

    @Test func `the largest PUBLISH of MQTT 3 has no form in MQTT 5`() throws {
        let huge = try HugeBytes()
        let topic = Array("t".utf8)
        let nothing: [UInt8] = []
        let payload = 268_435_455 - 3
        for (version, count) in [(ProtocolVersion.v311, 268_435_460), (.v5, 268_435_462)] {
            let encoder = PublishEncoder(
                topic: topic.span.bytes, properties: nothing.span.bytes, payload: huge.first(payload),
                version: version)
            let measured = encoder.packetByteCount
            #expect(measured == count)
            #expect((measured <= FixedHeader.largestPacketByteCount) == (version == .v311))
        }
    }

    @Test func `a PUBLISH with a topic alias may have no form with its topic`() throws {
        let huge = try HugeBytes()
        let nothing: [UInt8] = []
        // As a v5 client sends it: no topic, a property list of four bytes with the alias.
        let payload = 268_435_455 - 2 - 4
        for count in [4, 5, 65_535] {
            let encoder = PublishEncoder(
                topic: huge.first(count), properties: nothing.span.bytes, payload: huge.first(payload),
                version: .v311)
            let measured = encoder.packetByteCount
            #expect((measured <= FixedHeader.largestPacketByteCount) == (count == 4), "\(count)")
            guard count > 4 else { continue }
            let isWritten = encoder.encode(to: makeOutput())
            #expect(!isWritten)
        }
    }

    @Test func `a packet of the writer ends with four bytes of length`() {
        #expect(PacketWriter.isPacket(byteCount: 1 + 4 + 268_435_455))
        #expect(!PacketWriter.isPacket(byteCount: 1 + 5 + 268_435_456))
    }

    @Test(arguments: edges) func `a packet of the writer has the length of its body`(_ remaining: Int) throws
    {
        var writer = PacketWriter()
        let codes = [UInt8](repeating: 1, count: remaining - 2)
        let packet = SubackPacket(packetIdentifier: PacketIdentifier(rawValue: 1), codes: codes)
        #expect(packet.encode(version: .v311, into: &writer))
        #expect(writer.bytes.count == 1 + lengthBytes(remaining) + remaining)
        let header = try FixedHeader.decode(writer.bytes.span.bytes, maximumRemainingLength: remaining)
        #expect(header?.remainingLength == remaining)
    }

    @Test(arguments: [0, 1, 65_534, 65_535, 65_536, 70_000], [PacketType.connack, .disconnect, .auth])
    func `a reason string of any length leaves a well-formed packet`(_ count: Int, _ type: PacketType) throws
    {
        let text = UTF8Text(bytes: [UInt8](repeating: UInt8(ascii: "r"), count: count))
        let properties = Properties { $0.reasonString = text }
        let packet: ControlPacket =
            switch type {
            case .connack: .connack(ConnackPacket(reasonCode: .notAuthorized, properties: properties))
            case .auth:
                .auth(
                    AuthPacket(
                        reasonCode: .continueAuthentication,
                        properties: Properties {
                            $0.reasonString = text
                            $0.authenticationMethod = "m"
                        }))
            default: .disconnect(DisconnectPacket(reasonCode: .unspecifiedError, properties: properties))
            }
        var writer = PacketWriter()
        #expect(packet.encode(version: .v5, into: &writer))
        let header = try #require(
            try FixedHeader.decode(writer.bytes.span.bytes, maximumRemainingLength: 1 << 20))
        let decoded = try ControlPacket.decode(
            header, body: writer.bytes.span.bytes.extracting(header.headerByteCount...), version: .v5)
        let reason: UTF8Text? =
            switch decoded {
            case .connack(let packet): packet.properties.reasonString
            case .auth(let packet): packet.properties.reasonString
            case .disconnect(let packet): packet.properties.reasonString
            default: nil
            }
        #expect(reason?.count == min(count, 65_535))
    }

    @Test func `the memory of a large packet is not kept`() {
        var writer = PacketWriter()
        #expect(
            SubackPacket(
                packetIdentifier: PacketIdentifier(rawValue: 1), codes: [UInt8](repeating: 0, count: 1 << 20)
            ).encode(version: .v5, into: &writer))
        writer.removeAll()
        #expect(writer.bytes.capacity <= PacketWriter.keptByteCount)
    }
}
