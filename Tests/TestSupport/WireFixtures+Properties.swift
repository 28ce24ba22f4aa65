import MQTTCodec
import Primitives

private func connect(_ name: String, _ wire: String, _ fill: (inout Properties) -> Void) -> WireFixture {
    .packet(
        "CONNECT \(name)", .v5, "10 .. 0004 'MQTT' 05 02 003c \(lengthFirst(wire)) 0001 'a'",
        .connect(ConnectPacket(version: .v5, clientID: "a", properties: Properties(fill))))
}

private func will(_ name: String, _ wire: String, _ fill: (inout Properties) -> Void) -> WireFixture {
    .packet(
        "will \(name)", .v5, "10 .. 0004 'MQTT' 05 06 003c 00 0001 'a' \(lengthFirst(wire)) 0001 't' 0000",
        .connect(
            ConnectPacket(
                version: .v5, clientID: "a", will: WillPacketFields(topic: "t", properties: Properties(fill)))
        ))
}

private func connack(_ name: String, _ wire: String, _ fill: (inout Properties) -> Void) -> WireFixture {
    .packet(
        "CONNACK \(name)", .v5, "20 .. 00 00 \(lengthFirst(wire))",
        .connack(ConnackPacket(reasonCode: .success, properties: Properties(fill))))
}

private func publish(_ name: String, _ wire: String, _ fill: (inout Properties) -> Void) -> WireFixture {
    .packet(
        "PUBLISH \(name)", .v5, "30 .. 0001 't' \(lengthFirst(wire)) 'x'",
        .publish(PublishPacket(topic: "t", payload: Array("x".utf8), properties: Properties(fill))))
}

private func disconnect(_ name: String, _ wire: String, _ fill: (inout Properties) -> Void) -> WireFixture {
    .packet(
        "DISCONNECT \(name)", .v5, "e0 .. 9d \(lengthFirst(wire))",
        .disconnect(DisconnectPacket(reasonCode: .serverMoved, properties: Properties(fill))))
}

/// `wire` behind the number of its bytes, which are fewer than 128.
private func lengthFirst(_ wire: String) -> String {
    let count = wireBytes(wire).count
    precondition(count < 128)
    let digits = String(count, radix: 16)
    return "\(digits.count == 1 ? "0" : "")\(digits) \(wire)"
}

/// Each property in each place it has.
let propertyFixtures: [WireFixture] = [
    connect("session expiry", "11 ffffffff") { $0.sessionExpiryInterval = .max },
    connect("authentication", "15 0005 'SCRAM' 16 0001 'x'") {
        $0.authenticationMethod = "SCRAM"
        $0.authenticationData = Array("x".utf8)
    },
    connect("request problem information 0", "17 00") { $0.requestProblemInformation = 0 },
    connect("request problem information 1", "17 01") { $0.requestProblemInformation = 1 },
    connect("request response information", "19 01") { $0.requestResponseInformation = 1 },
    connect("receive maximum", "21 0001") { $0.receiveMaximum = 1 },
    connect("alias maximum 0", "22 0000") { $0.topicAliasMaximum = 0 },
    connect("user properties", "26 0001 'b' 0001 '1' 26 0000 0000 26 0001 'a' 0001 '2' 26 0001 'b' 0001 '1'")
    {
        $0.userProperties = [
            UserProperty("b", "1"), UserProperty("", ""), UserProperty("a", "2"), UserProperty("b", "1"),
        ]
    },
    connect("maximum packet size", "27 00000001") { $0.maximumPacketSize = 1 },
    will("payload format", "01 01") { $0.payloadFormatIndicator = 1 },
    will("expiry", "02 00000001") { $0.messageExpiryInterval = 1 },
    will("content type", "03 0001 'c'") { $0.contentType = "c" },
    will("response topic", "08 0003 'r/t'") { $0.responseTopic = "r/t" },
    will("correlation data", "09 0002 0000") { $0.correlationData = [0, 0] },
    will("delay", "18 00000005") { $0.willDelayInterval = 5 },
    will("user property", "26 0001 'k' 0001 'v'") { $0.userProperties = [UserProperty("k", "v")] },
    publish("payload format 0", "01 00") { $0.payloadFormatIndicator = 0 },
    publish("expiry 0", "02 00000000") { $0.messageExpiryInterval = 0 },
    publish("content type", "03 0000") { $0.contentType = "" },
    publish("response topic", "08 0001 '/'") { $0.responseTopic = "/" },
    publish("correlation data", "09 0000") { $0.correlationData = [] },
    publish("subscription ids", "0b 01 0b 8001 0b 01") { $0.subscriptionIdentifiers = [1, 128, 1] },
    publish("user property", "26 0001 'k' 0002 c3a4") { $0.userProperties = [UserProperty("k", "ä")] },
    connack("session expiry", "11 00000000") { $0.sessionExpiryInterval = 0 },
    connack("assigned id", "12 0001 'i'") { $0.assignedClientIdentifier = "i" },
    connack("server keep alive", "13 003c") { $0.serverKeepAlive = 60 },
    connack("authentication", "15 0001 'm' 16 0000") {
        $0.authenticationMethod = "m"
        $0.authenticationData = []
    },
    connack("response information", "1a 0001 'r'") { $0.responseInformation = "r" },
    connack("server reference", "1c 0001 's'") { $0.serverReference = "s" },
    connack("reason string", "1f 0001 'w'") { $0.reasonString = "w" },
    connack("receive maximum", "21 ffff") { $0.receiveMaximum = 65535 },
    connack("alias maximum", "22 0005") { $0.topicAliasMaximum = 5 },
    connack("maximum QoS", "24 01") { $0.maximumQoS = 1 },
    connack("retain available", "25 00") { $0.retainAvailable = 0 },
    connack("user property", "26 0001 'k' 0001 'v'") { $0.userProperties = [UserProperty("k", "v")] },
    connack("maximum packet size", "27 10000000") { $0.maximumPacketSize = 0x1000_0000 },
    connack("wildcards", "28 00") { $0.wildcardSubscriptionAvailable = 0 },
    connack("subscription ids", "29 01") { $0.subscriptionIdentifiersAvailable = 1 },
    connack("shared subscriptions", "2a 00") { $0.sharedSubscriptionAvailable = 0 },
    disconnect("server reference", "1c 0001 's'") { $0.serverReference = "s" },
    disconnect("reason string", "1f 0001 'w'") { $0.reasonString = "w" },
    disconnect("user property", "26 0001 'k' 0001 'v'") { $0.userProperties = [UserProperty("k", "v")] },
    .packet(
        "CONNECT properties in another order", .v5,
        "10 .. 0004 'MQTT' 05 02 003c 08 21 0001 11 00000001 0001 'a'",
        .connect(
            ConnectPacket(
                version: .v5, clientID: "a",
                properties: Properties {
                    $0.receiveMaximum = 1
                    $0.sessionExpiryInterval = 1
                })), isCanonical: false),
]

private func badConnect(_ name: String, _ wire: String, _ problem: MalformedPacket.Problem) -> WireFixture {
    .malformed(
        "CONNECT \(name)", .v5, "10 .. 0004 'MQTT' 05 02 003c \(lengthFirst(wire)) 0001 'a'", problem)
}

private func badPublish(_ name: String, _ wire: String, _ problem: MalformedPacket.Problem) -> WireFixture {
    .malformed("PUBLISH \(name)", .v5, "30 .. 0001 't' \(lengthFirst(wire)) 'x'", problem)
}

private func badConnack(_ name: String, _ wire: String, _ problem: MalformedPacket.Problem) -> WireFixture {
    .malformed("CONNACK \(name)", .v5, "20 .. 00 00 \(lengthFirst(wire))", problem)
}

let malformedPropertyFixtures: [WireFixture] = [
    badConnect("receive maximum 0", "21 0000", .receiveMaximumZero),
    badConnect("maximum packet size 0", "27 00000000", .maximumPacketSizeZero),
    badConnect("receive maximum twice", "21 0005 21 0005", .duplicateProperty),
    badConnect("session expiry twice", "11 00000001 11 00000002", .duplicateProperty),
    badConnect("request problem information 2", "17 02", .propertyValueInvalid),
    badConnect("request response information 255", "19 ff", .propertyValueInvalid),
    badConnect("data without method", "16 0001 'x'", .authenticationDataWithoutMethod),
    badConnect("unknown property 0", "00 00", .unknownProperty),
    badConnect("unknown property 4", "04 00", .unknownProperty),
    badConnect("unknown property 43", "2b 00", .unknownProperty),
    badConnect("unknown property 0x91", "91 00", .unknownProperty),
    badConnect("reason string", "1f 0001 'w'", .misplacedProperty),
    badConnect("assigned id", "12 0001 'i'", .misplacedProperty),
    badConnect("will delay outside the will", "18 00000001", .misplacedProperty),
    badConnect("topic alias", "23 0001", .misplacedProperty),
    badConnect("user property with NUL", "26 0001 'k' 0001 00", .nullCharacter),
    badConnect("user property name not UTF-8", "26 0001 80 0001 'v'", .invalidUTF8),
    badConnect("user property without value", "26 0001 'k'", .truncated),
    badConnect("cut receive maximum", "21 00", .truncated),
    badConnect("cut session expiry", "11 000000", .truncated),
    badConnect("cut method", "15 0004 'abc'", .truncated),
    badPublish("unknown property 0x7f", "7f 01", .unknownProperty),
    badPublish("payload format 2", "01 02", .propertyValueInvalid),
    badPublish("payload format twice", "01 00 01 00", .duplicateProperty),
    badPublish("expiry twice", "02 00000001 02 00000001", .duplicateProperty),
    badPublish("content type twice", "03 0000 03 0000", .duplicateProperty),
    badPublish("response topic twice", "08 0001 'r' 08 0001 'r'", .duplicateProperty),
    badPublish("correlation data twice", "09 0000 09 0000", .duplicateProperty),
    badPublish("alias twice", "23 0001 23 0001", .duplicateProperty),
    badPublish("reason string", "1f 0000", .misplacedProperty),
    badPublish("will delay", "18 00000001", .misplacedProperty),
    badPublish("content type not UTF-8", "03 0001 ff", .invalidUTF8),
    badPublish("response topic with NUL", "08 0001 00", .nullCharacter),
    badPublish("overlong subscription id", "0b ffffffff01", .overlongVariableByteInteger),
    badConnack("maximum QoS 2", "24 02", .propertyValueInvalid),
    badConnack("retain available 2", "25 02", .propertyValueInvalid),
    badConnack("wildcards 2", "28 02", .propertyValueInvalid),
    badConnack("subscription ids 2", "29 02", .propertyValueInvalid),
    badConnack("shared subscriptions 2", "2a 02", .propertyValueInvalid),
    badConnack("receive maximum 0", "21 0000", .receiveMaximumZero),
    badConnack("will delay", "18 00000001", .misplacedProperty),
    badConnack("request problem information", "17 00", .misplacedProperty),
    .malformed(
        "will receive maximum", .v5, "10 .. 0004 'MQTT' 05 06 003c 00 0001 'a' 03 21 0001 0001 't' 0000",
        .misplacedProperty),
    .malformed(
        "will delay twice", .v5,
        "10 .. 0004 'MQTT' 05 06 003c 00 0001 'a' 0a 18 00000001 18 00000001 0001 't' 0000",
        .duplicateProperty),
    .malformed("SUBSCRIBE reason string", .v5, "82 .. 0001 03 1f 0000 0001 'a' 00", .misplacedProperty),
    .malformed("UNSUBSCRIBE subscription id", .v5, "a2 .. 0001 02 0b 01 0001 'a'", .misplacedProperty),
    .malformed("SUBACK server reference", .v5, "90 .. 0001 03 1c 0000 00", .misplacedProperty),
    .malformed("UNSUBACK reason string twice", .v5, "b0 .. 0001 06 1f 0000 1f 0000 00", .duplicateProperty),
    .malformed("DISCONNECT receive maximum", .v5, "e0 .. 00 03 21 0001", .misplacedProperty),
    .malformed("AUTH session expiry", .v5, "f0 .. 18 05 11 00000001", .misplacedProperty),
]
