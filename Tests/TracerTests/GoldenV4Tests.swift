import MQTTCodec
import Primitives
import Testing
import Tracer

@Suite struct GoldenV4Tests {
    @Test func `a session of MQTT 3.1.1 is written as VerneMQ writes it, byte for byte`() {
        var script = TraceScript(
            TraceSubject(token: "<10396.653.0>", clientID: "tracer4"), version: .v311,
            time: Masked.time)
        connect(&script)
        subscribe(&script)
        publishQoS0(&script)
        publishQoS1(&script)
        publishQoS2(&script)
        publishMuch(&script)
        end(&script)
        Masked.compare(script.written, with: TranscriptV4.text)
    }

    private func connect(_ script: inout TraceScript) {
        script.status(.noSessions(clientID: "tracer4"))
        script.status(.newSession(script.subject))
        script.received(
            .connect(
                ConnectPacket(
                    version: .v311, cleanStart: false, keepAlive: 30, clientID: "tracer4", userName: "user1",
                    password: Array("secret".utf8),
                    will: WillPacketFields(
                        qos: .atLeastOnce, topic: "will/tracer4", payload: Array("gone".utf8)))))
        script.allowed(publication(.atLeastOnce, "will/tracer4", "gone"))
        script.sent(.connack(ConnackPacket(returnCode: .accepted)))
    }

    private func subscribe(_ script: inout TraceScript) {
        let filters = [
            SubscribeFilter("other/+", qos: .atMostOnce), SubscribeFilter("demo/#", qos: .exactlyOnce),
        ]
        script.received(.subscribe(SubscribePacket(packetIdentifier: 1, filters: filters)))
        script.allowed(.subscribe(filters))
        script.sent(.suback(SubackPacket(packetIdentifier: 1, codes: [0, 2])))
        script.sent(.publish(message("demo/r", "r5", .exactlyOnce, isRetained: true, 1)))
        script.received(.pubrec(AckPacket(packetIdentifier: 1)))
        script.sent(.pubrel(AckPacket(packetIdentifier: 1)))
        script.received(.pubcomp(AckPacket(packetIdentifier: 1)))
    }

    private func publishQoS0(_ script: inout TraceScript) {
        script.received(.publish(message("demo/q0", "payload-0", .atMostOnce)))
        script.allowed(publication(.atMostOnce, "demo/q0", "payload-0"))
        script.sent(.publish(message("demo/q0", "payload-0", .atMostOnce)))
    }

    private func publishQoS1(_ script: inout TraceScript) {
        script.received(.publish(message("demo/q1", "payload-1", .atLeastOnce, isRetained: true, 3)))
        script.allowed(publication(.atLeastOnce, "demo/q1", "payload-1", isRetained: true))
        script.sent(.puback(AckPacket(packetIdentifier: 3)))
        script.sent(.publish(message("demo/q1", "payload-1", .atLeastOnce, 2)))
        script.received(.puback(AckPacket(packetIdentifier: 2)))
    }

    private func publishQoS2(_ script: inout TraceScript) {
        script.received(.publish(message("demo/q2", "payload-2", .exactlyOnce, 4)))
        script.allowed(publication(.exactlyOnce, "demo/q2", "payload-2"))
        script.sent(.pubrec(AckPacket(packetIdentifier: 4)))
        script.sent(.publish(message("demo/q2", "payload-2", .exactlyOnce, 3)))
        script.received(.pubrel(AckPacket(packetIdentifier: 4)))
        script.sent(.pubcomp(AckPacket(packetIdentifier: 4)))
        script.received(.pubrec(AckPacket(packetIdentifier: 3)))
        script.sent(.pubrel(AckPacket(packetIdentifier: 3)))
        script.received(.pubcomp(AckPacket(packetIdentifier: 3)))
    }

    private func publishMuch(_ script: inout TraceScript) {
        let much = String(repeating: "x", count: 300)
        script.received(.publish(message("demo/big", much, .atMostOnce)))
        script.allowed(publication(.atMostOnce, "demo/big", much))
        script.sent(.publish(message("demo/big", much, .atMostOnce)))
    }

    private func end(_ script: inout TraceScript) {
        script.received(.unsubscribe(UnsubscribePacket(packetIdentifier: 6, filters: ["demo/#"])))
        script.sent(.unsuback(UnsubackPacket(packetIdentifier: 6)))
        let filters = [SubscribeFilter("keep/#", qos: .atLeastOnce)]
        script.received(.subscribe(SubscribePacket(packetIdentifier: 7, filters: filters)))
        script.allowed(.subscribe(filters))
        script.sent(.suback(SubackPacket(packetIdentifier: 7, codes: [1])))
        script.received(.disconnect(DisconnectPacket()))
        script.status(.sessionStopped(script.subject))
        script.status(.done)
    }

    private func message(
        _ topic: UTF8Text, _ payload: String, _ qos: QoS, isRetained: Bool = false,
        _ identifier: PacketIdentifier? = nil
    ) -> PublishPacket {
        PublishPacket(
            topic: topic, payload: Array(payload.utf8), qos: qos, isRetained: isRetained,
            packetIdentifier: identifier)
    }

    private func publication(
        _ qos: QoS, _ topic: UTF8Text, _ payload: String, isRetained: Bool = false
    ) -> TraceHookCall.Question {
        .publish(qos: qos, topic: topic, isRetained: isRetained, payload: Array(payload.utf8))
    }
}
