import MQTTCodec
import Primitives

let connectFixtures: [WireFixture] = [
    .packet(
        "CONNECT", .v31, "10 .. 0006 'MQIsdp' 03 02 003c 0002 'w3'",
        .connect(ConnectPacket(version: .v31, clientID: "w3"))),
    .packet(
        "CONNECT", .v311, "10 .. 0004 'MQTT' 04 02 003c 0002 'w4'",
        .connect(ConnectPacket(version: .v311, clientID: "w4"))),
    .packet(
        "CONNECT", .v5, "10 .. 0004 'MQTT' 05 02 003c 00 0002 'w5'",
        .connect(ConnectPacket(version: .v5, clientID: "w5"))),
    .packet(
        "CONNECT of a bridge", .v31, "10 .. 0006 'MQIsdp' 83 02 003c 0003 'wb3'",
        .connect(ConnectPacket(version: .v31, isBridge: true, clientID: "wb3"))),
    .packet(
        "CONNECT of a bridge with the new name", .v31, "10 .. 0004 'MQTT' 83 02 003c 0003 'wb3'",
        .connect(ConnectPacket(version: .v31, isBridge: true, clientID: "wb3")), isCanonical: false),
    .packet(
        "CONNECT of a bridge", .v311, "10 .. 0004 'MQTT' 84 02 003c 0002 'wb'",
        .connect(ConnectPacket(version: .v311, isBridge: true, clientID: "wb"))),
    .packet(
        "CONNECT without client id", .v311, "10 .. 0004 'MQTT' 04 02 0000 0000",
        .connect(ConnectPacket(version: .v311, keepAlive: 0, clientID: ""))),
    .packet(
        "CONNECT without clean session", .v311, "10 .. 0004 'MQTT' 04 00 ffff 0001 'a'",
        .connect(ConnectPacket(version: .v311, cleanStart: false, keepAlive: 65535, clientID: "a"))),
    .packet(
        "CONNECT without client id, expiry 10", .v5, "10 .. 0004 'MQTT' 05 00 003c 05 11 0000000a 0000",
        .connect(
            ConnectPacket(
                version: .v5, cleanStart: false, clientID: "",
                properties: Properties { $0.sessionExpiryInterval = 10 })
        )),
    .packet(
        "CONNECT with user name and password", .v31,
        "10 .. 0006 'MQIsdp' 03 c2 003c 0001 'a' 0002 'me' 0003 '123'",
        .connect(ConnectPacket(version: .v31, clientID: "a", userName: "me", password: Array("123".utf8)))),
    .packet(
        "CONNECT whose user name is missing", .v31, "10 .. 0006 'MQIsdp' 03 82 003c 0001 'a'",
        .connect(ConnectPacket(version: .v31, clientID: "a")), isCanonical: false),
    .packet(
        "CONNECT whose password is missing", .v31, "10 .. 0006 'MQIsdp' 03 c2 003c 0001 'a' 0002 'me'",
        .connect(ConnectPacket(version: .v31, clientID: "a", userName: "me")), isCanonical: false),
    .packet(
        "CONNECT with will retain but no will", .v31, "10 .. 0006 'MQIsdp' 03 2a 003c 0001 'a'",
        .connect(ConnectPacket(version: .v31, clientID: "a")), isCanonical: false),
    .packet(
        "CONNECT with user name and password", .v311,
        "10 .. 0004 'MQTT' 04 c2 003c 0001 'a' 0002 'me' 0003 00ff00",
        .connect(ConnectPacket(version: .v311, clientID: "a", userName: "me", password: [0, 255, 0]))),
    .packet(
        "CONNECT with user name", .v311, "10 .. 0004 'MQTT' 04 82 003c 0001 'a' 0000",
        .connect(ConnectPacket(version: .v311, clientID: "a", userName: ""))),
    .packet(
        "CONNECT with password only", .v5, "10 .. 0004 'MQTT' 05 42 003c 00 0001 'a' 0000",
        .connect(ConnectPacket(version: .v5, clientID: "a", password: []))),
    .packet(
        "CONNECT with will", .v31, "10 .. 0006 'MQIsdp' 03 0e 003c 0001 'a' 0003 'w/t' 0004 'gone'",
        .connect(
            ConnectPacket(
                version: .v31, clientID: "a",
                will: WillPacketFields(qos: .atLeastOnce, topic: "w/t", payload: Array("gone".utf8))))),
    .packet(
        "CONNECT with retained will of QoS 2", .v311, "10 .. 0004 'MQTT' 04 36 003c 0001 'a' 0001 't' 0000",
        .connect(
            ConnectPacket(
                version: .v311, clientID: "a",
                will: WillPacketFields(qos: .exactlyOnce, isRetained: true, topic: "t")))),
    .packet(
        "CONNECT with will to a $ topic", .v311, "10 .. 0004 'MQTT' 04 06 003c 0001 'a' 0004 '$S/x' 0001 00",
        .connect(
            ConnectPacket(version: .v311, clientID: "a", will: WillPacketFields(topic: "$S/x", payload: [0])))
    ),
    .packet(
        "CONNECT with will", .v5, "10 .. 0004 'MQTT' 05 06 003c 00 0002 'wl' 00 0007 'will/wl' 0004 'gone'",
        .connect(
            ConnectPacket(
                version: .v5, clientID: "wl",
                will: WillPacketFields(topic: "will/wl", payload: Array("gone".utf8))))),
    .packet(
        "CONNECT with everything", .v5,
        """
        10 .. 0004 'MQTT' 05 f6 000a 17 11 00000064 21 000a 22 0005 26 0001 'k' 0001 'v' 27 000003e8 \
        0002 'id' 0a 02 0000003c 18 00000005 0001 't' 0001 'p' 0001 'u' 0001 'x'
        """,
        .connect(
            ConnectPacket(
                version: .v5, keepAlive: 10, clientID: "id", userName: "u", password: Array("x".utf8),
                will: WillPacketFields(
                    qos: .exactlyOnce, isRetained: true, topic: "t", payload: Array("p".utf8),
                    properties: Properties {
                        $0.messageExpiryInterval = 60
                        $0.willDelayInterval = 5
                    }),
                properties: Properties {
                    $0.sessionExpiryInterval = 100
                    $0.receiveMaximum = 10
                    $0.topicAliasMaximum = 5
                    $0.userProperties = [UserProperty("k", "v")]
                    $0.maximumPacketSize = 1000
                }))),
]

let malformedConnectFixtures: [WireFixture] = [
    .malformed("CONNECT level 6", .v5, "10 .. 0004 'MQTT' 06 02 003c 0002 'w6'", .unsupportedProtocolLevel),
    .malformed(
        "CONNECT level 3, new name", .v311, "10 .. 0004 'MQTT' 03 02 003c 0001 'a'", .unsupportedProtocolLevel
    ),
    .malformed(
        "CONNECT level 4, old name", .v31, "10 .. 0006 'MQIsdp' 04 02 003c 0001 'a'",
        .unsupportedProtocolLevel),
    .malformed(
        "CONNECT level 0x85", .v5, "10 .. 0004 'MQTT' 85 02 003c 00 0001 'a'", .unsupportedProtocolLevel),
    .malformed("CONNECT name MQTX", .v311, "10 .. 0004 'MQTX' 04 02 003c 0002 'wx'", .unknownProtocolName),
    .malformed("CONNECT name mqtt", .v311, "10 .. 0004 'mqtt' 04 02 003c 0001 'a'", .unknownProtocolName),
    .malformed("CONNECT name MQTTX", .v311, "10 .. 0005 'MQTTX' 04 02 003c 0001 'a'", .unknownProtocolName),
    .malformed("CONNECT without name", .v311, "10 .. 0000 04 02 003c 0001 'a'", .unknownProtocolName),
    .malformed("CONNECT long name", .v311, "10 .. 0008 'MQTTMQTT' 04 02 003c 0001 'a'", .unknownProtocolName),
    .malformed(
        "CONNECT reserved flag", .v311, "10 .. 0004 'MQTT' 04 03 003c 0002 'wr'", .reservedConnectFlag),
    .malformed(
        "CONNECT reserved flag", .v5, "10 .. 0004 'MQTT' 05 03 003c 00 0002 'wr'", .reservedConnectFlag),
    .malformed(
        "CONNECT will QoS without will", .v311, "10 .. 0004 'MQTT' 04 0a 003c 0001 'a'",
        .willFlagsInconsistent),
    .malformed(
        "CONNECT will retain without will", .v5, "10 .. 0004 'MQTT' 05 22 003c 00 0001 'a'",
        .willFlagsInconsistent),
    .malformed("CONNECT will QoS 3", .v31, "10 .. 0006 'MQIsdp' 03 1e 003c 0001 'a' 0001 't' 0000", .qos3),
    .malformed("CONNECT will QoS 3", .v5, "10 .. 0004 'MQTT' 05 1e 003c 00 0001 'a' 00 0001 't' 0000", .qos3),
    .malformed(
        "CONNECT password only", .v31, "10 .. 0006 'MQIsdp' 03 42 003c 0001 'a' 0001 'p'",
        .passwordWithoutUserName),
    .malformed(
        "CONNECT password only", .v311, "10 .. 0004 'MQTT' 04 42 003c 0001 'a' 0001 'p'",
        .passwordWithoutUserName),
    .malformed("CONNECT user name missing", .v311, "10 .. 0004 'MQTT' 04 82 003c 0001 'a'", .truncated),
    .malformed("CONNECT password missing", .v5, "10 .. 0004 'MQTT' 05 42 003c 00 0001 'a'", .truncated),
    .malformed("CONNECT will missing", .v311, "10 .. 0004 'MQTT' 04 06 003c 0001 'a'", .truncated),
    .malformed(
        "CONNECT will payload missing", .v31, "10 .. 0006 'MQIsdp' 03 06 003c 0001 'a' 0001 't'", .truncated),
    .malformed("CONNECT trailing byte", .v311, "10 .. 0004 'MQTT' 04 02 003c 0002 'w4' 00", .trailingBytes),
    .malformed("CONNECT trailing byte", .v5, "10 .. 0004 'MQTT' 05 02 003c 00 0002 'w5' 00", .trailingBytes),
    .malformed("CONNECT client id too short", .v311, "10 .. 0004 'MQTT' 04 02 003c 0003 'w4'", .truncated),
    .malformed(
        "CONNECT client id with NUL", .v311, "10 .. 0004 'MQTT' 04 02 003c 0003 'a' 00 'b'", .nullCharacter),
    .malformed("CONNECT client id not UTF-8", .v5, "10 .. 0004 'MQTT' 05 02 003c 00 0002 c328", .invalidUTF8),
    .malformed(
        "CONNECT user name not UTF-8", .v311, "10 .. 0004 'MQTT' 04 82 003c 0001 'a' 0001 ff", .invalidUTF8),
    .malformed(
        "CONNECT will topic empty", .v311, "10 .. 0004 'MQTT' 04 06 003c 0001 'a' 0000 0000", .topicEmpty),
    .malformed(
        "CONNECT will topic wildcard", .v311, "10 .. 0004 'MQTT' 04 06 003c 0001 'a' 0003 'a/+' 0000",
        .topicWildcard),
    .malformed(
        "CONNECT will topic wildcard", .v5, "10 .. 0004 'MQTT' 05 06 003c 00 0001 'a' 00 0001 '#' 0000",
        .topicWildcard),
    .malformed(
        "CONNECT property length over the end", .v5, "10 .. 0004 'MQTT' 05 02 003c 7f 0001 'a'", .truncated),
    .malformed(
        "CONNECT property length 8000", .v5, "10 .. 0004 'MQTT' 05 02 003c 8000 0001 'a'",
        .overlongVariableByteInteger),
    .malformed(
        "CONNECT property length ffffffff", .v5, "10 .. 0004 'MQTT' 05 02 003c ffffffff7f 0001 'a'",
        .overlongVariableByteInteger),
    .malformed("CONNECT empty", .v311, "10 00", .truncated),
]

let connackFixtures: [WireFixture] = [
    .packet("CONNACK", .v31, "20 02 00 00", .connack(ConnackPacket(returnCode: .accepted))),
    .packet("CONNACK", .v311, "20 02 00 00", .connack(ConnackPacket(returnCode: .accepted))),
    .packet(
        "CONNACK session present", .v311, "20 02 01 00",
        .connack(ConnackPacket(isSessionPresent: true, returnCode: .accepted))),
    .packet(
        "CONNACK identifier rejected", .v311, "20 02 00 02",
        .connack(ConnackPacket(returnCode: .identifierRejected))),
    .packet(
        "CONNACK not authorized", .v31, "20 02 00 05", .connack(ConnackPacket(returnCode: .notAuthorized))),
    .packet("CONNACK", .v5, "20 03 00 00 00", .connack(ConnackPacket(reasonCode: .success))),
    .packet(
        "CONNACK session present", .v5, "20 03 01 00 00",
        .connack(ConnackPacket(isSessionPresent: true, reasonCode: .success))),
    .packet(
        "CONNACK bad client id", .v5, "20 03 00 85 00",
        .connack(ConnackPacket(reasonCode: .clientIdentifierNotValid))),
    .packet(
        "CONNACK assigned id", .v5, "20 .. 00 00 0a 12 0007 'anon-0d'",
        .connack(
            ConnackPacket(
                reasonCode: .success, properties: Properties { $0.assignedClientIdentifier = "anon-0d" }))),
    .malformed("CONNACK session present", .v31, "20 02 01 00", .reservedConnackFlags),
    .malformed("CONNACK flags 2", .v311, "20 02 02 00", .reservedConnackFlags),
    .malformed("CONNACK flags 80", .v5, "20 03 80 00 00", .reservedConnackFlags),
    .malformed("CONNACK code 6", .v311, "20 02 00 06", .reasonCodeInvalid),
    .malformed("CONNACK code 1", .v5, "20 03 00 01 00", .reasonCodeInvalid),
    .malformed("CONNACK keep alive timeout", .v5, "20 03 00 8d 00", .reasonCodeInvalid),
    .malformed("CONNACK without properties", .v5, "20 02 00 00", .truncated),
    .malformed("CONNACK without code", .v311, "20 01 00", .truncated),
    .malformed("CONNACK with properties", .v311, "20 03 00 00 00", .trailingBytes),
]
