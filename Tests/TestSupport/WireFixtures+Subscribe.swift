import MQTTCodec
import Primitives

private let fullOptions = SubscriptionOptions(
    qos: .exactlyOnce, noLocal: true, retainAsPublished: true, retainHandling: 2)

let subscribeFixtures: [WireFixture] = [
    .packet(
        "SUBSCRIBE", .v31, "82 .. 0001 0003 'a/b' 00",
        .subscribe(SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("a/b", qos: .atMostOnce)]))),
    .packet(
        "SUBSCRIBE", .v311, "82 .. 0001 0005 'ret/#' 01",
        .subscribe(
            SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("ret/#", qos: .atLeastOnce)]))),
    .packet(
        "SUBSCRIBE", .v5, "82 .. 0001 00 0004 'dup2' 02",
        .subscribe(
            SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("dup2", qos: .exactlyOnce)]))),
    .packet(
        "SUBSCRIBE two", .v311, "82 .. 0001 0005 'ov4/#' 01 0005 'ov4/x' 02",
        .subscribe(
            SubscribePacket(
                packetIdentifier: 1,
                filters: [
                    SubscribeFilter("ov4/#", qos: .atLeastOnce), SubscribeFilter("ov4/x", qos: .exactlyOnce),
                ]))),
    .packet(
        "SUBSCRIBE no local", .v5, "82 .. 0001 00 0004 'nl/#' 05",
        .subscribe(
            SubscribePacket(
                packetIdentifier: 1,
                filters: [SubscribeFilter("nl/#", SubscriptionOptions(qos: .atLeastOnce, noLocal: true))]))),
    .packet(
        "SUBSCRIBE all options", .v5, "82 .. 0001 00 0001 'a' 2e",
        .subscribe(SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("a", fullOptions)]))),
    .packet(
        "SUBSCRIBE retain handling 1", .v5, "82 .. 0001 00 0001 'a' 10",
        .subscribe(
            SubscribePacket(
                packetIdentifier: 1,
                filters: [SubscribeFilter("a", SubscriptionOptions(qos: .atMostOnce, retainHandling: 1))]))),
    .packet(
        "SUBSCRIBE with id", .v5, "82 .. 0001 02 0b 01 0005 'sid/#' 01",
        .subscribe(
            SubscribePacket(
                packetIdentifier: 1, filters: [SubscribeFilter("sid/#", qos: .atLeastOnce)],
                properties: Properties { $0.subscriptionIdentifiers = [1] }))),
    .packet(
        "SUBSCRIBE with the largest id", .v5, "82 .. 0001 05 0b ffffff7f 0001 '#' 00",
        .subscribe(
            SubscribePacket(
                packetIdentifier: 1, filters: [SubscribeFilter("#", qos: .atMostOnce)],
                properties: Properties { $0.subscriptionIdentifiers = [268_435_455] }))),
    .packet(
        "SUBSCRIBE wildcards", .v311, "82 .. 0001 0007 '+/a/+/#' 00",
        .subscribe(
            SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("+/a/+/#", qos: .atMostOnce)]))),
    .packet(
        "SUBSCRIBE /+/", .v311, "82 .. 0001 0003 '/+/' 00",
        .subscribe(SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("/+/", qos: .atMostOnce)]))),
    .packet(
        "SUBSCRIBE shared", .v5, "82 .. 0001 00 000e '$share/g/ret/#' 01",
        .subscribe(
            SubscribePacket(
                packetIdentifier: 1, filters: [SubscribeFilter("$share/g/ret/#", qos: .atLeastOnce)]))),
    .packet(
        "SUBSCRIBE shared", .v31, "82 .. 0001 000a '$share/g/+' 01",
        .subscribe(
            SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("$share/g/+", qos: .atLeastOnce)]))
    ),
    .packet(
        "SUBSCRIBE shared, filter /", .v311, "82 .. 0001 000a '$share/g//' 01",
        .subscribe(
            SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("$share/g//", qos: .atLeastOnce)]))
    ),
    .packet(
        "SUBSCRIBE $shared", .v5, "82 .. 0001 00 0009 '$shared/g' 04",
        .subscribe(
            SubscribePacket(
                packetIdentifier: 1,
                filters: [SubscribeFilter("$shared/g", SubscriptionOptions(qos: .atMostOnce, noLocal: true))])
        )),
    .packet("SUBACK", .v31, "90 03 0001 02", .suback(SubackPacket(packetIdentifier: 1, codes: [2]))),
    .packet(
        "SUBACK", .v311, "90 05 0001 00 80 01",
        .suback(SubackPacket(packetIdentifier: 1, codes: [0, 0x80, 1]))),
    .packet(
        "SUBACK", .v5, "90 06 0001 00 00 87 a2",
        .suback(SubackPacket(packetIdentifier: 1, codes: [0, 0x87, 0xA2]))),
    .packet(
        "SUBACK with reason", .v5, "90 .. 0001 05 1f 0002 'no' 80",
        .suback(
            SubackPacket(
                packetIdentifier: 1, codes: [0x80], properties: Properties { $0.reasonString = "no" }))),
    .malformed("SUBACK code 3", .v311, "90 03 0001 03", .reasonCodeInvalid),
    .malformed("SUBACK code 0x87", .v311, "90 03 0001 87", .reasonCodeInvalid),
    .malformed("SUBACK code 0x11", .v5, "90 04 0001 00 11", .reasonCodeInvalid),
    .malformed("SUBACK without codes", .v311, "90 02 0001", .emptyPayload),
    .malformed("SUBACK without codes", .v5, "90 03 0001 00", .emptyPayload),
    .malformed("SUBACK id 0", .v311, "90 03 0000 00", .packetIdentifierZero),
]

let malformedSubscribeFixtures: [WireFixture] = [
    .malformed(
        "SUBSCRIBE a/#/b", .v311, "82 .. 0001 0003 'a/b' 00 0005 'a/#/b' 01 0003 'c/+' 02", .filterInvalid),
    .malformed("SUBSCRIBE a/#/b", .v5, "82 .. 0001 00 0003 'a/b' 00 0005 'a/#/b' 01", .filterInvalid),
    .malformed("SUBSCRIBE a+", .v31, "82 .. 0001 0002 'a+' 00", .filterInvalid),
    .malformed("SUBSCRIBE +a", .v311, "82 .. 0001 0002 '+a' 00", .filterInvalid),
    .malformed("SUBSCRIBE a#", .v311, "82 .. 0001 0002 'a#' 00", .filterInvalid),
    .malformed("SUBSCRIBE #/", .v5, "82 .. 0001 00 0002 '#/' 00", .filterInvalid),
    .malformed("SUBSCRIBE ++", .v5, "82 .. 0001 00 0002 '++' 00", .filterInvalid),
    .malformed("SUBSCRIBE shared a+", .v5, "82 .. 0001 00 000b '$share/g/a+' 00", .filterInvalid),
    .malformed("SUBSCRIBE empty filter", .v31, "82 .. 0001 0000 00", .filterEmpty),
    .malformed("SUBSCRIBE empty filter", .v311, "82 .. 0001 0000 00", .filterEmpty),
    .malformed("SUBSCRIBE empty filter", .v5, "82 .. 0001 00 0000 00", .filterEmpty),
    .malformed("SUBSCRIBE filter with NUL", .v311, "82 .. 0001 0003 'a' 00 'b' 00", .nullCharacter),
    .malformed("SUBSCRIBE filter not UTF-8", .v5, "82 .. 0001 00 0002 ff 'b' 00", .invalidUTF8),
    .malformed("SUBSCRIBE nothing", .v31, "82 02 0001", .emptyPayload),
    .malformed("SUBSCRIBE nothing", .v311, "82 02 0001", .emptyPayload),
    .malformed("SUBSCRIBE nothing", .v5, "82 03 0001 00", .emptyPayload),
    .malformed("SUBSCRIBE QoS 3", .v311, "82 .. 0001 0001 'a' 03", .subscriptionQoS3),
    .malformed("SUBSCRIBE QoS 3", .v5, "82 .. 0001 00 0001 'a' 03", .subscriptionQoS3),
    .malformed("SUBSCRIBE option bit 2", .v31, "82 .. 0001 0001 'a' 04", .reservedSubscriptionOptions),
    .malformed("SUBSCRIBE option bit 7", .v311, "82 .. 0001 0001 'a' 80", .reservedSubscriptionOptions),
    .malformed(
        "SUBSCRIBE option bits 6 and 7", .v5, "82 .. 0001 00 0001 'a' c0", .reservedSubscriptionOptions),
    .malformed("SUBSCRIBE retain handling 3", .v5, "82 .. 0001 00 0001 'a' 30", .retainHandling3),
    .malformed(
        "SUBSCRIBE shared no local", .v5, "82 .. 0001 00 000a '$share/g/a' 04", .noLocalOnSharedSubscription),
    .malformed("SUBSCRIBE $share/g", .v311, "82 .. 0001 0008 '$share/g' 00", .sharedFilterInvalid),
    .malformed("SUBSCRIBE $share/g", .v5, "82 .. 0001 00 0008 '$share/g' 00", .sharedFilterInvalid),
    .malformed("SUBSCRIBE $share/g/", .v5, "82 .. 0001 00 0009 '$share/g/' 00", .sharedFilterInvalid),
    .malformed("SUBSCRIBE $share//a", .v5, "82 .. 0001 00 0009 '$share//a' 00", .sharedFilterInvalid),
    .malformed("SUBSCRIBE $share/", .v5, "82 .. 0001 00 0007 '$share/' 00", .sharedFilterInvalid),
    .malformed("SUBSCRIBE $share", .v5, "82 .. 0001 00 0006 '$share' 00", .sharedFilterInvalid),
    .malformed("SUBSCRIBE $share/+/a", .v5, "82 .. 0001 00 000a '$share/+/a' 00", .sharedFilterInvalid),
    .malformed("SUBSCRIBE $share/#", .v31, "82 .. 0001 0008 '$share/#' 00", .sharedFilterInvalid),
    .malformed("SUBSCRIBE id 0", .v311, "82 .. 0000 0001 'a' 00", .packetIdentifierZero),
    .malformed("SUBSCRIBE id 0", .v5, "82 .. 0000 00 0001 'a' 00", .packetIdentifierZero),
    .malformed("SUBSCRIBE without options", .v311, "82 .. 0001 0001 'a'", .truncated),
    .malformed(
        "SUBSCRIBE subscription id 0", .v5, "82 .. 0001 02 0b 00 0001 'a' 00", .subscriptionIdentifierZero),
    .malformed(
        "SUBSCRIBE two subscription ids", .v5, "82 .. 0001 04 0b 01 0b 02 0001 'a' 00", .duplicateProperty),
    .malformed(
        "SUBSCRIBE overlong subscription id", .v5, "82 .. 0001 03 0b 8100 0001 'a' 00",
        .overlongVariableByteInteger),
    .malformed("SUBSCRIBE flags 0", .v311, "80 .. 0001 0001 'a' 00", .reservedFlags),
    .malformed("SUBSCRIBE flags 3", .v5, "83 .. 0001 00 0001 'a' 00", .reservedFlags),
]

let unsubscribeFixtures: [WireFixture] = [
    .packet(
        "UNSUBSCRIBE", .v31, "a2 .. 0001 0003 'a/b'",
        .unsubscribe(UnsubscribePacket(packetIdentifier: 1, filters: ["a/b"]))),
    .packet(
        "UNSUBSCRIBE", .v311, "a2 .. 0001 0003 'a/b' 0001 '#'",
        .unsubscribe(UnsubscribePacket(packetIdentifier: 1, filters: ["a/b", "#"]))),
    .packet(
        "UNSUBSCRIBE", .v5, "a2 .. 0002 00 0002 'u1' 0002 'u2'",
        .unsubscribe(UnsubscribePacket(packetIdentifier: 2, filters: ["u1", "u2"]))),
    .packet(
        "UNSUBSCRIBE with property", .v5, "a2 .. 0002 07 26 0001 'k' 0001 'v' 000a '$share/g/a'",
        .unsubscribe(
            UnsubscribePacket(
                packetIdentifier: 2, filters: ["$share/g/a"],
                properties: Properties { $0.userProperties = [UserProperty("k", "v")] }))),
    .packet("UNSUBACK", .v31, "b0 02 0001", .unsuback(UnsubackPacket(packetIdentifier: 1))),
    .packet("UNSUBACK", .v311, "b0 02 0001", .unsuback(UnsubackPacket(packetIdentifier: 1))),
    .packet(
        "UNSUBACK", .v5, "b0 05 0002 00 00 11",
        .unsuback(UnsubackPacket(packetIdentifier: 2, codes: [0, 0x11]))),
    .malformed("UNSUBSCRIBE nothing", .v31, "a2 02 0001", .emptyPayload),
    .malformed("UNSUBSCRIBE nothing", .v311, "a2 02 0001", .emptyPayload),
    .malformed("UNSUBSCRIBE nothing", .v5, "a2 03 0001 00", .emptyPayload),
    .malformed("UNSUBSCRIBE id 0", .v311, "a2 .. 0000 0001 'a'", .packetIdentifierZero),
    .malformed("UNSUBSCRIBE bad filter", .v5, "a2 .. 0001 00 0002 'a#'", .filterInvalid),
    .malformed("UNSUBSCRIBE empty filter", .v311, "a2 .. 0001 0000", .filterEmpty),
    .malformed("UNSUBSCRIBE cut filter", .v311, "a2 .. 0001 0003 'ab'", .truncated),
    .malformed("UNSUBSCRIBE flags 0", .v311, "a0 .. 0001 0001 'a'", .reservedFlags),
    .malformed("UNSUBACK with codes", .v311, "b0 03 0001 00", .trailingBytes),
    .malformed("UNSUBACK without codes", .v5, "b0 03 0001 00", .emptyPayload),
    .malformed("UNSUBACK code 1", .v5, "b0 04 0001 00 01", .reasonCodeInvalid),
]
