import BrokerCore
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// Statements about DISCONNECT, from both sides, that no other scenario proves.
@Suite struct DisconnectConformance {
    @Test(arguments: ProtocolVersion.allCases)
    func `the broker closes after DISCONNECT and takes nothing behind it [MQTT-3.14.4-2]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let witness = try broker.client("witness")
        try witness.subscribe("t", qos: .atMostOnce)
        let client = try broker.client("c", version)
        let late = ControlPacket.publish(PublishPacket(topic: "t", payload: [1]))
        try client.send(
            encodePacket(.disconnect(DisconnectPacket()), version: version)
                + encodePacket(late, version: version))
        #expect(try client.receiveUntilEnd().isEmpty)
        #expect(try witness.drain().isEmpty)
    }

    /// What a client does wrong once it is connected.
    struct Fault: Sendable, CustomStringConvertible {
        let packets: [String]
        let code: ReasonCode

        init(_ packets: String..., code: ReasonCode) {
            self.packets = packets
            self.code = code
        }

        var description: String { "\(code)" }
    }

    @Test(arguments: [
        Fault("80 .. 0001 00 0001 'a' 00", code: .malformedPacket),  // flags of SUBSCRIBE
        Fault("82 .. 0000 00 0001 'a' 00", code: .protocolError),  // packet identifier 0
        Fault("82 .. 0001 00 0002 'a#' 00", code: .topicFilterInvalid),
        Fault("30 .. 0002 'a#' 00", code: .topicNameInvalid),
        Fault(
            "34 .. 0001 'a' 0001 00", "34 .. 0001 'a' 0002 00", "34 .. 0001 'a' 0003 00",
            code: .receiveMaximumExceeded),
        Fault("30 .. 0001 'a' 03 23 0000", code: .topicAliasInvalid),
        Fault("30 .. 0001 'a' 03 23 0009", code: .topicAliasInvalid),
        Fault("30 ff7f", code: .packetTooLarge),
        Fault("30 .. 0001 'a' 02 01 01 ff", code: .payloadFormatInvalid),
        Fault("20 03 00 00 00", code: .protocolError),  // CONNACK from a client
    ])
    func `a v5 client is told why it is closed, and nothing after that [MQTT-3.14.4-1, 4.13.1-1, 4.13.2-1]`(
        _ fault: Fault
    ) throws {
        let broker = try TestBroker {
            $0.publish.receiveMaxBroker = 2
            $0.aliases.clientMaximum = 5
            $0.maxMessageSize = 1000
            $0.session.maxMessageSize = 1000
            $0.publish.checksPayloadFormat = true
        }
        let client = try broker.client("c", .v5)
        for packet in fault.packets { try client.send(wireBytes(packet)) }
        let answers = try client.receiveUntilEnd()
        guard case .disconnect(let last) = answers.last else {
            throw TestClientError(description: "\(answers)")
        }
        #expect(last.reasonCode == fault.code)
        #expect(last.properties.sessionExpiryInterval == nil)  // [MQTT-3.14.2-2]
        #expect(answers.dropLast().allSatisfy { $0.type == .pubrec })
    }
}
