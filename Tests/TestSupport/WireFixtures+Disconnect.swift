import MQTTCodec
import Primitives

let disconnectFixtures: [WireFixture] = [
    .packet("DISCONNECT", .v31, "e0 00", .disconnect(DisconnectPacket())),
    .packet("DISCONNECT", .v311, "e0 00", .disconnect(DisconnectPacket())),
    .packet("DISCONNECT", .v5, "e0 00", .disconnect(DisconnectPacket())),
    .packet(
        "DISCONNECT success, 1 byte", .v5, "e0 01 00", .disconnect(DisconnectPacket()), isCanonical: false),
    .packet(
        "DISCONNECT success, 2 bytes", .v5, "e0 02 00 00", .disconnect(DisconnectPacket()), isCanonical: false
    ),
    .packet(
        "DISCONNECT with will, 1 byte", .v5, "e0 01 04",
        .disconnect(DisconnectPacket(reasonCode: .disconnectWithWillMessage))),
    .packet(
        "DISCONNECT taken over", .v5, "e0 01 8e",
        .disconnect(DisconnectPacket(reasonCode: .sessionTakenOver))),
    .packet(
        "DISCONNECT taken over, empty properties", .v5, "e0 02 8e 00",
        .disconnect(DisconnectPacket(reasonCode: .sessionTakenOver)), isCanonical: false),
    .packet(
        "DISCONNECT last code", .v5, "e0 01 a2",
        .disconnect(DisconnectPacket(reasonCode: .wildcardSubscriptionsNotSupported))),
    .packet(
        "DISCONNECT with expiry", .v5, "e0 07 00 05 11 0000000a",
        .disconnect(DisconnectPacket(properties: Properties { $0.sessionExpiryInterval = 10 }))),
    .malformed("DISCONNECT with code", .v31, "e0 01 00", .trailingBytes),
    .malformed("DISCONNECT with code", .v311, "e0 02 00 00", .trailingBytes),
    .malformed("DISCONNECT unused code", .v5, "e0 01 03", .reasonCodeInvalid),
    .malformed("DISCONNECT granted QoS 1", .v5, "e0 02 01 00", .reasonCodeInvalid),
    .malformed("DISCONNECT packet id not found", .v5, "e0 02 92 00", .reasonCodeInvalid),
    .malformed("DISCONNECT trailing byte", .v5, "e0 03 00 00 00", .trailingBytes),
    .malformed("DISCONNECT properties over the end", .v5, "e0 03 00 05 11", .truncated),
    .malformed("DISCONNECT flags 1", .v311, "e1 00", .reservedFlags),
]

let authFixtures: [WireFixture] = [
    .packet("AUTH success", .v5, "f0 00", .auth(AuthPacket())),
    .packet(
        "AUTH continue", .v5, "f0 .. 18 0a 15 0001 'm' 16 0003 000102",
        .auth(
            AuthPacket(
                reasonCode: .continueAuthentication,
                properties: Properties {
                    $0.authenticationMethod = "m"
                    $0.authenticationData = [0, 1, 2]
                }))),
    .packet(
        "AUTH again", .v5, "f0 .. 19 04 15 0001 'm'",
        .auth(
            AuthPacket(reasonCode: .reAuthenticate, properties: Properties { $0.authenticationMethod = "m" }))
    ),
    .malformed("AUTH", .v31, "f0 00", .reservedPacketType),
    .malformed("AUTH", .v311, "f0 00", .reservedPacketType),
    .malformed("AUTH code 0x80", .v5, "f0 02 80 00", .reasonCodeInvalid),
    .malformed("AUTH 1 byte", .v5, "f0 01 18", .truncated),
    .malformed("AUTH data without method", .v5, "f0 .. 18 04 16 0001 00", .authenticationDataWithoutMethod),
    .malformed("AUTH trailing byte", .v5, "f0 .. 19 04 15 0001 'm' 00", .trailingBytes),
    .malformed("AUTH flags 2", .v5, "f2 00", .reservedFlags),
]

let framingFixtures: [WireFixture] = [
    .packet("PINGREQ", .v31, "c0 00", .pingreq),
    .packet("PINGREQ", .v311, "c0 00", .pingreq),
    .packet("PINGREQ", .v5, "c0 00", .pingreq),
    .packet("PINGRESP", .v31, "d0 00", .pingresp),
    .packet("PINGRESP", .v311, "d0 00", .pingresp),
    .packet("PINGRESP", .v5, "d0 00", .pingresp),
    .malformed("PINGREQ with a byte", .v311, "c0 01 00", .trailingBytes),
    .malformed("PINGRESP with a byte", .v5, "d0 01 00", .trailingBytes),
    .malformed("PINGREQ flags 1", .v311, "c1 00", .reservedFlags),
    .malformed("PINGRESP flags 8", .v5, "d8 00", .reservedFlags),
    .malformed("CONNECT flags 1", .v311, "11 .. 0004 'MQTT' 04 02 003c 0002 'w4'", .reservedFlags),
    .malformed("CONNACK flags 2 in the header", .v311, "22 02 00 00", .reservedFlags),
    .malformed("SUBACK flags 2", .v311, "92 03 0001 00", .reservedFlags),
    .malformed("UNSUBACK flags 2", .v311, "b2 02 0001", .reservedFlags),
    .malformed("type 0", .v311, "00 00", .reservedPacketType),
    .malformed("type 0", .v5, "0f 00", .reservedPacketType),
    .malformed("remaining length of five bytes", .v311, "30 ffffffff01", .remainingLengthOverflow),
    .malformed("remaining length of five bytes, no more", .v5, "30 80808080", .remainingLengthOverflow),
    .malformed("remaining length 8000", .v311, "c0 8000", .overlongVariableByteInteger),
    .malformed("remaining length 818000", .v5, "30 818000 00", .overlongVariableByteInteger),
    .malformed("remaining length over the limit", .v311, "30 .. 0001 'a' 'x'", .packetTooLarge, limit: 3),
    .malformed("long remaining length over the limit", .v5, "30 8001", .packetTooLarge, limit: 127),
]
