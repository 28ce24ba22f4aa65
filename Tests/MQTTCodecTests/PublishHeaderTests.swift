import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct PublishHeaderTests {
    @Test func `a PUBLISH is decoded in place`() throws {
        let body = wireBytes("0005 'a/b/c' 0102 00 'hello'")
        let header = try PublishHeader.decode(flags: 0b1101, body: body.span.bytes, version: .v5)
        #expect(header.qos == .exactlyOnce)
        #expect(header.isDuplicate)
        #expect(header.isRetained)
        #expect(header.packetIdentifier == 0x0102)
        #expect(header.topic == ByteRange(offset: 2, count: 5))
        #expect(header.topicLevelCount == 3)
        #expect(header.properties == ByteRange(offset: 10, count: 0))
        #expect(header.payload == ByteRange(offset: 10, count: 5))
    }

    @Test func `before MQTT 5 the payload begins where the properties would`() throws {
        let body = wireBytes("0001 'a' 03 23 0001")
        let header = try PublishHeader.decode(flags: 0, body: body.span.bytes, version: .v311)
        #expect(header.payload == ByteRange(offset: 3, count: 4))
        #expect(header.topicAlias == 0)
        #expect(header.properties.isEmpty)
    }

    @Test func `hop-by-hop properties are not passed on, the others keep their order [MQTT-3.3.2-18]`() throws
    {
        let kept = "26 0001 'b' 0001 '1' 03 0001 'c' 26 0001 'a' 0001 '2' 01 01"
        let body = wireBytes(
            "0001 't' 1e 23 0001 26 0001 'b' 0001 '1' 02 00000005 03 0001 'c' 0b 07 26 0001 'a' 0001 '2' 01 01 'x'"
        )
        let header = try PublishHeader.decode(flags: 0, body: body.span.bytes, version: .v5, from: .server)
        #expect(!header.propertiesAreForwardable)
        #expect(header.topicAlias == 1)
        #expect(header.messageExpiryInterval == 5)
        #expect(header.payloadFormatIsUTF8)
        #expect(header.forwardedProperties(in: body.span.bytes) == wireBytes(kept))
    }

    @Test func `properties of the message itself are passed on as they are`() throws {
        let body = wireBytes("0001 't' 06 01 00 03 0001 'c'")
        let header = try PublishHeader.decode(flags: 0, body: body.span.bytes, version: .v5)
        #expect(header.propertiesAreForwardable)
        #expect(header.forwardedProperties(in: body.span.bytes) == wireBytes("01 00 03 0001 'c'"))
    }

    @Test func `a client must not send a subscription identifier, a server may [MQTT-3.3.4-6]`() throws {
        let body = wireBytes("0001 't' 02 0b 01 'x'")
        let error = #expect(throws: MalformedPacket.self) {
            _ = try PublishHeader.decode(flags: 0, body: body.span.bytes, version: .v5)
        }
        #expect(error == MalformedPacket(.subscriptionIdentifierFromClient, at: 4, in: .publish))
        #expect(throws: Never.self) {
            _ = try PublishHeader.decode(flags: 0, body: body.span.bytes, version: .v5, from: .server)
        }
    }

    @Test func `an error tells the byte in the packet`() {
        let error = #expect(throws: MalformedPacket.self) {
            _ = try decodePacket(wireBytes("32 .. 0003 'a/+' 0007 'x'"), version: .v311)
        }
        #expect(error == MalformedPacket(.topicWildcard, at: 6, in: .publish))
        #expect(error?.description == "malformed PUBLISH: topicWildcard at byte 6")
    }
}
