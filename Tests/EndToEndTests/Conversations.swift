import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport

/// Exchanges of several packets, as a client that plays by the rules has them.
extension TestClient {
    /// Publishes and goes through the whole exchange of its QoS.
    ///
    /// - Returns: the code of PUBACK or PUBREC; success with QoS 0.
    @discardableResult
    func publishAndComplete(
        _ topic: UTF8Text, _ payload: String, qos: QoS, id: UInt16 = 1, retain: Bool = false,
        properties: Properties = Properties()
    ) throws -> ReasonCode {
        try publish(topic, payload, qos: qos, id: id, retain: retain, properties: properties)
        switch qos {
        case .atMostOnce:
            try settle()
            return .success
        case .atLeastOnce: return try receiveAck(.puback, id).reasonCode
        case .exactlyOnce:
            let code = try receiveAck(.pubrec, id).reasonCode
            if code.isError { return code }
            try send(.pubrel(AckPacket(packetIdentifier: PacketIdentifier(rawValue: id))))
            try receiveAck(.pubcomp, id)
            return code
        }
    }

    /// The next packet, which must be this acknowledgement.
    @discardableResult
    func receiveAck(_ type: PacketType, _ id: UInt16) throws -> AckPacket {
        let packet = try receive()
        switch packet {
        case .puback(let ack) where type == .puback && ack.packetIdentifier.rawValue == id: return ack
        case .pubrec(let ack) where type == .pubrec && ack.packetIdentifier.rawValue == id: return ack
        case .pubrel(let ack) where type == .pubrel && ack.packetIdentifier.rawValue == id: return ack
        case .pubcomp(let ack) where type == .pubcomp && ack.packetIdentifier.rawValue == id: return ack
        default: throw TestClientError(description: "expected \(type) \(id), got \(packet)")
        }
    }

    /// Receives `count` messages and acknowledges each to the end.
    func receiveMessages(_ count: Int) throws -> [PublishPacket] {
        var messages: [PublishPacket] = []
        var unreleased = 0
        while messages.count < count || unreleased > 0 {
            let packet = try receive()
            switch packet {
            case .publish(let publish):
                messages.append(publish)
                try acknowledge(publish)
                if publish.qos == .exactlyOnce { unreleased += 1 }
            case .pubrel(let ack):
                unreleased -= 1
                try send(.pubcomp(AckPacket(packetIdentifier: ack.packetIdentifier)))
            default: throw TestClientError(description: "expected a message, got \(packet)")
            }
        }
        return messages
    }

    func receiveMessage() throws -> PublishPacket {
        let messages = try receiveMessages(1)
        return messages[0]
    }

    /// Sends PUBACK or PUBREC.
    func acknowledge(_ publish: PublishPacket, _ code: ReasonCode = .success) throws {
        guard let id = publish.packetIdentifier else { return }
        let ack = AckPacket(packetIdentifier: id, reasonCode: code)
        try send(publish.qos == .atLeastOnce ? .puback(ack) : .pubrec(ack))
    }

    /// Sends DISCONNECT and waits for the broker to close.
    func disconnect(_ code: ReasonCode = .success, properties: Properties = Properties()) throws {
        try send(.disconnect(DisconnectPacket(reasonCode: code, properties: properties)))
        let rest = try receiveUntilEnd()
        if let packet = rest.last, case .disconnect = packet {
            throw TestClientError(description: "the broker answered \(packet)")
        }
    }

    /// Waits for the end, which a v5 client is told the reason of, and an older one is not.
    func endReason() throws -> ReasonCode? {
        guard let last = try receiveUntilEnd().last, case .disconnect(let packet) = last else { return nil }
        return packet.reasonCode
    }

    @discardableResult
    func unsubscribe(_ filters: [UTF8Text]) throws -> [UInt8] {
        try send(.unsubscribe(UnsubscribePacket(packetIdentifier: 9, filters: filters)))
        let packet = try receive()
        guard case .unsuback(let unsuback) = packet else {
            throw TestClientError(description: "expected UNSUBACK, got \(packet)")
        }
        return unsuback.codes
    }
}

extension PublishPacket {
    var text: String { String(decoding: payload, as: UTF8.self) }
}

/// One way of a message: who sends, who receives, how, and whether both live on one loop.
struct Path: Sendable, CustomStringConvertible {
    var sender: ProtocolVersion
    var receiver: ProtocolVersion
    var qos: QoS
    var isSameLoop: Bool

    var description: String {
        "\(sender) → \(receiver), QoS \(qos.rawValue), \(isSameLoop ? "one loop" : "two loops")"
    }

    static let all: [Path] = ProtocolVersion.allCases.flatMap { sender in
        ProtocolVersion.allCases.flatMap { receiver in
            QoS.allCases.flatMap { qos in
                [true, false].map { Path(sender: sender, receiver: receiver, qos: qos, isSameLoop: $0) }
            }
        }
    }

    /// One of each QoS and loop pairing; enough where the version cannot matter.
    static let short = all.filter {
        $0.sender == .v5 && $0.receiver == .v311 || $0.sender == .v31 && $0.receiver == .v5
    }

    func clients(_ broker: TestBroker) throws -> (sender: TestClient, receiver: TestClient) {
        let sender = try broker.client(broker.id(on: 0, "sender"), self.sender)
        let receiver = try broker.client(broker.id(on: isSameLoop ? 0 : 1, "receiver"), self.receiver)
        return (sender, receiver)
    }
}
