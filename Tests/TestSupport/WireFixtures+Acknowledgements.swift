import MQTTCodec
import Primitives

let acknowledgementFixtures: [WireFixture] = [
    .packet("PUBACK", .v31, "40 02 0007", .puback(AckPacket(packetIdentifier: 7))),
    .packet("PUBACK", .v311, "40 02 0007", .puback(AckPacket(packetIdentifier: 7))),
    .packet("PUBACK", .v5, "40 02 0007", .puback(AckPacket(packetIdentifier: 7))),
    .packet("PUBREC", .v31, "50 02 0007", .pubrec(AckPacket(packetIdentifier: 7))),
    .packet("PUBREC", .v311, "50 02 0007", .pubrec(AckPacket(packetIdentifier: 7))),
    .packet("PUBREC", .v5, "50 02 ffff", .pubrec(AckPacket(packetIdentifier: 65535))),
    .packet("PUBREL", .v31, "62 02 0007", .pubrel(AckPacket(packetIdentifier: 7))),
    .packet("PUBREL", .v311, "62 02 0007", .pubrel(AckPacket(packetIdentifier: 7))),
    .packet("PUBREL", .v5, "62 02 0007", .pubrel(AckPacket(packetIdentifier: 7))),
    .packet("PUBCOMP", .v31, "70 02 0007", .pubcomp(AckPacket(packetIdentifier: 7))),
    .packet("PUBCOMP", .v311, "70 02 0007", .pubcomp(AckPacket(packetIdentifier: 7))),
    .packet("PUBCOMP", .v5, "70 02 0007", .pubcomp(AckPacket(packetIdentifier: 7))),
    .packet(
        "PUBACK with code", .v5, "40 04 0007 10 00",
        .puback(AckPacket(packetIdentifier: 7, reasonCode: .noMatchingSubscribers))),
    .packet(
        "PUBACK with code, 3 bytes", .v5, "40 03 0007 87",
        .puback(AckPacket(packetIdentifier: 7, reasonCode: .notAuthorized)), isCanonical: false),
    .packet(
        "PUBACK success, 3 bytes", .v5, "40 03 0007 00", .puback(AckPacket(packetIdentifier: 7)),
        isCanonical: false),
    .packet(
        "PUBREC success, 4 bytes", .v5, "50 04 0007 00 00", .pubrec(AckPacket(packetIdentifier: 7)),
        isCanonical: false),
    .packet(
        "PUBREC with code", .v5, "50 04 0007 91 00",
        .pubrec(AckPacket(packetIdentifier: 7, reasonCode: .packetIdentifierInUse))),
    .packet(
        "PUBREL with code", .v5, "62 04 0009 92 00",
        .pubrel(AckPacket(packetIdentifier: 9, reasonCode: .packetIdentifierNotFound))),
    .packet(
        "PUBCOMP with code", .v5, "70 04 0009 92 00",
        .pubcomp(AckPacket(packetIdentifier: 9, reasonCode: .packetIdentifierNotFound))),
    .packet(
        "PUBACK with reason", .v5, "40 .. 0007 97 06 1f 0003 'why'",
        .puback(
            AckPacket(
                packetIdentifier: 7, reasonCode: .quotaExceeded,
                properties: Properties { $0.reasonString = "why" }))),
    .packet(
        "PUBREL success with property", .v5, "62 .. 0007 00 07 26 0001 'k' 0001 'v'",
        .pubrel(
            AckPacket(
                packetIdentifier: 7, properties: Properties { $0.userProperties = [UserProperty("k", "v")] }))
    ),
    .malformed("PUBACK id 0", .v31, "40 02 0000", .packetIdentifierZero),
    .malformed("PUBREC id 0", .v311, "50 02 0000", .packetIdentifierZero),
    .malformed("PUBREL id 0", .v5, "62 02 0000", .packetIdentifierZero),
    .malformed("PUBCOMP id 0", .v5, "70 04 0000 92 00", .packetIdentifierZero),
    .malformed("PUBACK with code", .v311, "40 03 0007 00", .trailingBytes),
    .malformed("PUBREL with code", .v31, "62 04 0007 00 00", .trailingBytes),
    .malformed("PUBACK empty", .v311, "40 00", .truncated),
    .malformed("PUBCOMP half an id", .v5, "70 01 00", .truncated),
    .malformed("PUBACK code 0x01", .v5, "40 03 0007 01", .reasonCodeInvalid),
    .malformed("PUBREC code 0x92", .v5, "50 03 0007 92", .reasonCodeInvalid),
    .malformed("PUBREL code 0x80", .v5, "62 03 0007 80", .reasonCodeInvalid),
    .malformed("PUBCOMP code 0x10", .v5, "70 04 0007 10 00", .reasonCodeInvalid),
    .malformed("PUBACK unused code", .v5, "40 03 0007 ff", .reasonCodeInvalid),
    .malformed("PUBACK bytes behind the properties", .v5, "40 05 0007 00 00 00", .trailingBytes),
    .malformed("PUBACK properties over the end", .v5, "40 05 0007 00 05 1f", .truncated),
    .malformed("PUBREC expiry", .v5, "50 .. 0007 00 05 02 00000001", .misplacedProperty),
    .malformed("PUBREC two reasons", .v5, "50 .. 0007 80 08 1f 0001 'a' 1f 0001 'b'", .duplicateProperty),
    .malformed("PUBREL flags 0", .v311, "60 02 0007", .reservedFlags),
    .malformed("PUBREL DUP", .v311, "6a 02 0007", .reservedFlags),
    .malformed("PUBACK flags 2", .v5, "42 02 0007", .reservedFlags),
    .malformed("PUBREC flags 8", .v5, "58 02 0007", .reservedFlags),
    .malformed("PUBCOMP flags 1", .v5, "71 02 0007", .reservedFlags),
]
