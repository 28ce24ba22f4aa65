import MQTTCodec
import Primitives
import Testing
import Tracer

@Suite struct GoldenV5Tests {
    private static let style = {
        var style = TraceStyle()
        style.payloadByteCount = 50
        return style
    }()

    @Test func `a session of MQTT 5 is written as VerneMQ writes it, byte for byte`() {
        var script = TraceScript(
            TraceSubject(token: "<10396.710.0>", clientID: "tracer5"), version: .v5, style: Self.style,
            time: Masked.time)
        connect(&script)
        subscribe(&script)
        publishQoS0(&script)
        publishQoS1(&script)
        publishQoS2(&script)
        publishMuch(&script)
        end(&script)
        Masked.compare(script.written, with: TranscriptV5.text)
    }

    private func connect(_ script: inout TraceScript) {
        script.status(.noSessions(clientID: "tracer5"))
        script.status(.newSession(script.subject))
        let willProperties = Properties {
            $0.contentType = "text/plain"
            $0.willDelayInterval = 5
        }
        script.received(
            .connect(
                ConnectPacket(
                    version: .v5, keepAlive: 30, clientID: "tracer5", userName: "user1",
                    password: Array("secret".utf8),
                    will: WillPacketFields(
                        qos: .atLeastOnce, topic: "will/tracer5", payload: Array("gone".utf8),
                        properties: willProperties),
                    properties: Properties {
                        $0.userProperties = [UserProperty("k", "v")]
                        $0.receiveMaximum = 50
                        $0.requestProblemInformation = 1
                        $0.sessionExpiryInterval = 300
                        $0.topicAliasMaximum = 5
                    })))
        script.allowed(
            publication(.atLeastOnce, "will/tracer5", "gone"), properties: willProperties)
        script.sent(.connack(ConnackPacket(reasonCode: .success)))
    }

    private func subscribe(_ script: inout TraceScript) {
        let filters = [
            SubscribeFilter(
                "demo/#", SubscriptionOptions(qos: .exactlyOnce, retainAsPublished: true, retainHandling: 1))
        ]
        let seven = Properties { $0.subscriptionIdentifiers = [7] }
        script.received(
            .subscribe(SubscribePacket(packetIdentifier: 1, filters: filters, properties: seven)))
        script.allowed(.subscribe(filters), properties: seven)
        script.sent(.suback(SubackPacket(packetIdentifier: 1, codes: [2])))
        var properties = seven
        properties.messageExpiryInterval = 524
        script.sent(.publish(message("demo/r", "r5", .exactlyOnce, isRetained: true, 1, properties)))
        properties = publishProperties(isCopy: true)
        properties.messageExpiryInterval = 7
        script.sent(
            .publish(message("demo/q1", "payload-1", .exactlyOnce, isRetained: true, 2, properties)))
        for identifier: PacketIdentifier in [1, 2] {
            script.received(.pubrec(AckPacket(packetIdentifier: identifier)))
            script.sent(.pubrel(AckPacket(packetIdentifier: identifier)))
        }
        script.received(.pubcomp(AckPacket(packetIdentifier: 1)))
        script.received(.pubcomp(AckPacket(packetIdentifier: 2)))
    }

    private func publishQoS0(_ script: inout TraceScript) {
        ask(&script, message("demo/q0", "payload-0", .atMostOnce, nil, publishProperties()))
        script.sent(
            .publish(message("demo/q0", "payload-0", .atMostOnce, nil, publishProperties(isCopy: true))))
    }

    private func publishQoS1(_ script: inout TraceScript) {
        ask(
            &script, message("demo/q1", "payload-1", .atLeastOnce, isRetained: true, 3, publishProperties()))
        script.sent(.puback(AckPacket(packetIdentifier: 3)))
        script.sent(
            .publish(
                message(
                    "demo/q1", "payload-1", .atLeastOnce, isRetained: true, 3,
                    publishProperties(isCopy: true))))
        script.received(.puback(AckPacket(packetIdentifier: 3)))
    }

    private func publishQoS2(_ script: inout TraceScript) {
        ask(&script, message("demo/q2", "payload-2", .exactlyOnce, 4, publishProperties()))
        script.sent(.pubrec(AckPacket(packetIdentifier: 4)))
        script.sent(
            .publish(message("demo/q2", "payload-2", .exactlyOnce, 4, publishProperties(isCopy: true))))
        script.received(.pubrel(AckPacket(packetIdentifier: 4)))
        script.sent(.pubcomp(AckPacket(packetIdentifier: 4)))
        script.received(.pubrec(AckPacket(packetIdentifier: 4)))
        script.sent(.pubrel(AckPacket(packetIdentifier: 4)))
        script.received(.pubcomp(AckPacket(packetIdentifier: 4)))
    }

    private func publishMuch(_ script: inout TraceScript) {
        let much = String(repeating: "x", count: 300)
        ask(&script, message("demo/big", much, .atMostOnce, nil, Properties()))
        script.sent(
            .publish(
                message("demo/big", much, .atMostOnce, nil, Properties { $0.subscriptionIdentifiers = [7] })))
    }

    private func end(_ script: inout TraceScript) {
        script.received(.unsubscribe(UnsubscribePacket(packetIdentifier: 6, filters: ["demo/#"])))
        script.sent(.unsuback(UnsubackPacket(packetIdentifier: 6, codes: [0])))
        let filters = [SubscribeFilter("keep/#", qos: .atLeastOnce)]
        script.received(.subscribe(SubscribePacket(packetIdentifier: 7, filters: filters)))
        script.allowed(.subscribe(filters))
        script.sent(.suback(SubackPacket(packetIdentifier: 7, codes: [1])))
        script.received(
            .disconnect(DisconnectPacket(properties: Properties { $0.sessionExpiryInterval = 100 })))
        script.status(.sessionStopped(script.subject))
        script.status(.done)
    }

    /// A PUBLISH is received, and a hook allows it.
    private func ask(_ script: inout TraceScript, _ packet: PublishPacket) {
        script.received(.publish(packet))
        script.allowed(
            .publish(
                qos: packet.qos, topic: packet.topic, isRetained: packet.isRetained, payload: packet.payload),
            properties: packet.properties)
    }

    private func publishProperties(isCopy: Bool = false) -> Properties {
        Properties {
            $0.userProperties = [UserProperty("a", "b")]
            $0.contentType = "text/plain"
            $0.messageExpiryInterval = 60
            $0.correlationData = [1, 2]
            $0.responseTopic = "r/t"
            if isCopy { $0.subscriptionIdentifiers = [7] }
        }
    }

    private func message(
        _ topic: UTF8Text, _ payload: String, _ qos: QoS, isRetained: Bool = false,
        _ identifier: PacketIdentifier?, _ properties: Properties
    ) -> PublishPacket {
        PublishPacket(
            topic: topic, payload: Array(payload.utf8), qos: qos, isRetained: isRetained,
            packetIdentifier: identifier, properties: properties)
    }

    private func publication(_ qos: QoS, _ topic: UTF8Text, _ payload: String) -> TraceHookCall.Question {
        .publish(qos: qos, topic: topic, isRetained: false, payload: Array(payload.utf8))
    }
}
