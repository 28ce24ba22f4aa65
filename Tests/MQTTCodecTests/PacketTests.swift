import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct PacketTests {
    @Test func `a text over 65535 bytes is cut between two characters`() throws {
        let text = UTF8Text(String(repeating: "ä", count: 40_000))
        let bytes = encodePacket(
            .disconnect(
                DisconnectPacket(reasonCode: .serverBusy, properties: Properties { $0.reasonString = text })),
            version: .v5)
        guard case .disconnect(let packet)? = try decodePacket(bytes, version: .v5) else {
            Issue.record("not a DISCONNECT")
            return
        }
        #expect(packet.properties.reasonString?.count == 65_534)
    }

    @Test func `data over 65535 bytes is cut`() throws {
        let will = WillPacketFields(topic: "t", payload: [UInt8](repeating: 7, count: 70_000))
        let bytes = encodePacket(
            .connect(ConnectPacket(version: .v311, clientID: "a", will: will)), version: .v311)
        guard case .connect(let packet)? = try decodePacket(bytes, version: .v311) else {
            Issue.record("not a CONNECT")
            return
        }
        #expect(packet.will?.payload.count == 65_535)
    }

    @Test func `a writer holds packets back to back and forgets them`() {
        var writer = PacketWriter()
        ControlPacket.pingreq.encode(version: .v311, into: &writer)
        ControlPacket.puback(AckPacket(packetIdentifier: 7)).encode(version: .v311, into: &writer)
        #expect(writer.bytes == [0xC0, 0, 0x40, 2, 0, 7])
        writer.removeAll()
        #expect(writer.bytes.isEmpty)
    }

    @Test func `a CONNECT says its level with the bridge bit`() {
        let levels = ProtocolVersion.allCases.map { ConnectPacket(version: $0, clientID: "a").protocolLevel }
        #expect(levels == [3, 4, 5])
        #expect(ConnectPacket(version: .v311, isBridge: true, clientID: "a").protocolLevel == 132)
    }

    @Test func `subscription options are what the bits say`() {
        for byte in UInt8.min...UInt8.max {
            let isGood = byte < 0b0011_0000 && byte & 0b11 != 3
            guard let options = SubscriptionOptions(rawValue: byte) else {
                #expect(!isGood)
                continue
            }
            #expect(isGood)
            let again = SubscriptionOptions(
                qos: options.qos, noLocal: options.noLocal, retainAsPublished: options.retainAsPublished,
                retainHandling: options.retainHandling)
            #expect(again.rawValue == byte)
        }
    }

    @Test func `an acknowledgement is decoded in place`() throws {
        let body = wireBytes("0007 92 04 1f 0001 'w'")
        let header = try AckHeader.decode(.pubrel, body: body.span.bytes, version: .v5)
        #expect(header.packetIdentifier == 7)
        #expect(header.reasonCode == .packetIdentifierNotFound)
        #expect(header.properties == ByteRange(offset: 4, count: 4))
    }
}
