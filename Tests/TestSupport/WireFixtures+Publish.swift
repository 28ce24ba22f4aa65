import MQTTCodec
import Primitives

private func publish(
    _ topic: UTF8Text, _ payload: String = "x", qos: QoS = .atMostOnce, id: PacketIdentifier? = nil,
    duplicate: Bool = false, retain: Bool = false, properties: Properties = Properties()
) -> ControlPacket {
    .publish(
        PublishPacket(
            topic: topic, payload: Array(payload.utf8), qos: qos, isDuplicate: duplicate, isRetained: retain,
            packetIdentifier: id, properties: properties))
}

let publishFixtures: [WireFixture] = [
    .packet("PUBLISH QoS 0", .v31, "30 .. 0003 'a/b' 'x'", publish("a/b")),
    .packet("PUBLISH QoS 0", .v311, "30 .. 0003 'a/b' 'x'", publish("a/b")),
    .packet("PUBLISH QoS 0", .v5, "30 .. 0003 'a/b' 00 'x'", publish("a/b")),
    .packet("PUBLISH QoS 1", .v31, "32 .. 0003 'a/b' 0007 'x'", publish("a/b", qos: .atLeastOnce, id: 7)),
    .packet("PUBLISH QoS 1", .v311, "32 .. 0004 'none' 0007 'x'", publish("none", qos: .atLeastOnce, id: 7)),
    .packet("PUBLISH QoS 1", .v5, "32 .. 0004 'none' 0007 00 'x'", publish("none", qos: .atLeastOnce, id: 7)),
    .packet("PUBLISH QoS 2", .v31, "34 .. 0001 'a' ffff 'x'", publish("a", qos: .exactlyOnce, id: 65535)),
    .packet("PUBLISH QoS 2", .v311, "34 .. 0001 'a' 0001 'x'", publish("a", qos: .exactlyOnce, id: 1)),
    .packet("PUBLISH QoS 2", .v5, "34 .. 0001 'a' 0100 00 'x'", publish("a", qos: .exactlyOnce, id: 256)),
    .packet(
        "PUBLISH DUP", .v311, "3a .. 0001 'a' 0001 'x'",
        publish("a", qos: .atLeastOnce, id: 1, duplicate: true)),
    .packet(
        "PUBLISH DUP QoS 2", .v5, "3c .. 0001 'a' 0001 00 'x'",
        publish("a", qos: .exactlyOnce, id: 1, duplicate: true)),
    .packet("PUBLISH DUP QoS 0", .v311, "38 .. 0001 'a' 'x'", publish("a"), isCanonical: false),
    .packet("PUBLISH retain", .v311, "31 .. 0005 'ret/a' 'keep'", publish("ret/a", "keep", retain: true)),
    .packet(
        "PUBLISH everything set", .v5, "3d .. 0001 'a' 0001 00 'x'",
        publish("a", qos: .exactlyOnce, id: 1, duplicate: true, retain: true)),
    .packet("PUBLISH without payload", .v31, "31 .. 0005 'ret/a'", publish("ret/a", "", retain: true)),
    .packet("PUBLISH without payload", .v311, "31 .. 0005 'ret/a'", publish("ret/a", "", retain: true)),
    .packet("PUBLISH without payload", .v5, "31 .. 0005 'ret/b' 00", publish("ret/b", "", retain: true)),
    .packet(
        "PUBLISH of $SYS", .v311, "32 .. 0006 '$SYS/x' 0007 'x'", publish("$SYS/x", qos: .atLeastOnce, id: 7)),
    .packet("PUBLISH of slashes", .v311, "30 .. 0003 '///' 'x'", publish("///")),
    .packet(
        "PUBLISH of 11 levels", .v5, "30 .. 0015 'a/b/c/d/e/f/g/h/i/j/k' 00 'x'",
        publish("a/b/c/d/e/f/g/h/i/j/k")),
    .packet(
        "PUBLISH with alias", .v5, "32 .. 0002 'al' 0007 03 23 0001 'x'",
        publish("al", qos: .atLeastOnce, id: 7, properties: Properties { $0.topicAlias = 1 })),
    .packet(
        "PUBLISH with alias only", .v5, "30 .. 0000 03 23 ffff 'x'",
        publish("", "x", properties: Properties { $0.topicAlias = 65535 })),
    .packet(
        "PUBLISH with subscription id", .v5, "32 .. 0005 'sid/x' 0001 02 0b 01 'p'",
        publish(
            "sid/x", "p", qos: .atLeastOnce, id: 1,
            properties: Properties { $0.subscriptionIdentifiers = [1] })),
    .packet(
        "PUBLISH with many properties", .v5,
        "30 .. 0001 't' 1f 01 01 02 00000e10 23 0002 26 0001 'a' 0001 'b' 26 0001 'a' 0001 'a' 03 0004 'json' 'x'",
        publish(
            "t",
            properties: Properties {
                $0.payloadFormatIndicator = 1
                $0.messageExpiryInterval = 3600
                $0.topicAlias = 2
                $0.userProperties = [UserProperty("a", "b"), UserProperty("a", "a")]
                $0.contentType = "json"
            }), isCanonical: false),
    .packet(
        "PUBLISH of 200 bytes", .v311, "30 .. 0001 'a' \(String(repeating: "61", count: 197))",
        publish("a", String(repeating: "a", count: 197))),
    .packet(
        "PUBLISH of 128 bytes", .v311, "30 .. 0001 'a' \(String(repeating: "61", count: 125))",
        publish("a", String(repeating: "a", count: 125))),
    .packet(
        "PUBLISH of 17000 bytes", .v5, "30 .. 0001 'a' 00 \(String(repeating: "00", count: 17000))",
        .publish(PublishPacket(topic: "a", payload: [UInt8](repeating: 0, count: 17000)))),
    .packet(
        "PUBLISH with 147 bytes of properties", .v5,
        "30 .. 0001 'a' 9301 03 0090 \(String(repeating: "62", count: 144)) 'x'",
        publish("a", properties: Properties { $0.contentType = UTF8Text(String(repeating: "b", count: 144)) })
    ),
]

let malformedPublishFixtures: [WireFixture] = [
    .malformed("PUBLISH QoS 3", .v31, "36 .. 0001 'a' 0007 'x'", .qos3),
    .malformed("PUBLISH QoS 3", .v311, "36 .. 0001 'a' 0007 'x'", .qos3),
    .malformed("PUBLISH QoS 3", .v5, "37 .. 0001 'a' 0007 00 'x'", .qos3),
    .malformed("PUBLISH packet id 0", .v31, "34 .. 0001 'a' 0000 'x'", .packetIdentifierZero),
    .malformed("PUBLISH packet id 0", .v311, "32 .. 0001 'a' 0000 'x'", .packetIdentifierZero),
    .malformed("PUBLISH packet id 0", .v5, "32 .. 0001 'a' 0000 00 'x'", .packetIdentifierZero),
    .malformed("PUBLISH without packet id", .v311, "32 .. 0001 'a'", .truncated),
    .malformed("PUBLISH half a packet id", .v311, "34 .. 0001 'a' 00", .truncated),
    .malformed("PUBLISH empty topic", .v31, "30 .. 0000 'x'", .topicEmpty),
    .malformed("PUBLISH empty topic", .v311, "30 .. 0000 'x'", .topicEmpty),
    .malformed("PUBLISH neither topic nor alias", .v5, "30 .. 0000 00 'x'", .topicEmpty),
    .malformed("PUBLISH to +", .v31, "30 .. 0001 '+' 'x'", .topicWildcard),
    .malformed("PUBLISH to +", .v311, "32 .. 0003 'a/+' 0007 'x'", .topicWildcard),
    .malformed("PUBLISH to +", .v5, "32 .. 0003 'a/+' 0007 00 'x'", .topicWildcard),
    .malformed("PUBLISH to #", .v5, "30 .. 000b 'abcdefgh/i#' 00 'x'", .topicWildcard),
    .malformed("PUBLISH to a +b", .v311, "30 .. 0004 'abc+' 'x'", .topicWildcard),
    .malformed("PUBLISH topic over the end", .v311, "30 .. 0004 'abc'", .truncated),
    .malformed("PUBLISH half a topic length", .v311, "30 01 00", .truncated),
    .malformed("PUBLISH without properties", .v5, "30 .. 0001 'a'", .truncated),
    .malformed("PUBLISH property length over the end", .v5, "30 .. 0001 'a' 05 01 01", .truncated),
    .malformed("PUBLISH property length 8000", .v5, "30 .. 0001 'a' 8000 'x'", .overlongVariableByteInteger),
    .malformed("PUBLISH alias 0", .v5, "32 .. 0002 'al' 0007 03 23 0000 'x'", .topicAliasZero),
    .malformed(
        "PUBLISH subscription id from a client", .v5, "32 .. 0002 'al' 0007 02 0b 01 'x'",
        .subscriptionIdentifierFromClient, sender: .client),
    .malformed("PUBLISH subscription id 0", .v5, "30 .. 0001 'a' 02 0b 00 'x'", .subscriptionIdentifierZero),
    .malformed(
        "PUBLISH response topic +", .v5, "30 .. 0001 'a' 06 08 0003 'r/+' 'x'", .responseTopicWildcard),
    .malformed("PUBLISH response topic #", .v5, "30 .. 0001 'a' 04 08 0001 '#' 'x'", .responseTopicWildcard),
    .malformed("PUBLISH response topic empty", .v5, "30 .. 0001 'a' 03 08 0000 'x'", .topicEmpty),
    .malformed("PUBLISH property cut by its length", .v5, "30 .. 0001 'a' 04 02 00000001 'x'", .truncated),
]

/// What is UTF-8 and what is not, as topics: in the first eight bytes, behind them, and at the very end.
let textFixtures: [WireFixture] = [
    .packet("topic ä", .v311, "30 .. 0002 c3a4 'x'", publish("ä")),
    .packet(
        "topic with 2, 3 and 4 byte characters", .v5, "30 .. 0009 c3a4 e282ac f09f9880 00 'x'", publish("ä€😀")
    ),
    .packet(
        "topic ends with a character over 8 bytes", .v311, "30 .. 000a 'abcdefgh' c3a4 'x'",
        publish("abcdefghä")),
    .packet("topic of highest character", .v311, "30 .. 0004 f48fbfbf 'x'", publish("\u{10FFFF}")),
    .packet("topic of a non-character", .v311, "30 .. 0003 efbfbf 'x'", publish("\u{FFFF}")),
    .packet(
        "topic of characters beside the surrogates", .v5, "30 .. 0006 ed9fbf ee8080 00 'x'",
        publish("\u{D7FF}\u{E000}")),
    .packet(
        "topic with a byte order mark", .v311, "30 .. 0004 efbbbf 'a' 'x'",
        publish(UTF8Text(bytes: [0xEF, 0xBB, 0xBF, 0x61]))),
    .packet("topic of control characters", .v5, "30 .. 0003 01 1f 7f 00 'x'", publish("\u{01}\u{1F}\u{7F}")),
    .packet(
        "topic of lowest 2, 3 and 4 byte characters", .v311, "30 .. 0009 c280 e0a080 f0908080 'x'",
        publish("\u{80}\u{800}\u{10000}")),
    .malformed("topic ff fe", .v311, "30 .. 0002 fffe 'x'", .invalidUTF8),
    .malformed("topic of a surrogate", .v31, "30 .. 0003 eda080 'x'", .invalidUTF8),
    .malformed("topic of the last surrogate", .v5, "30 .. 0003 edbfbf 00 'x'", .invalidUTF8),
    .malformed("topic overlong 2", .v311, "30 .. 0002 c080 'x'", .invalidUTF8),
    .malformed("topic overlong 2 of /", .v311, "30 .. 0002 c1af 'x'", .invalidUTF8),
    .malformed("topic overlong 3", .v311, "30 .. 0003 e09fbf 'x'", .invalidUTF8),
    .malformed("topic overlong 4", .v5, "30 .. 0004 f08fbfbf 00 'x'", .invalidUTF8),
    .malformed("topic over 10FFFF", .v311, "30 .. 0004 f4908080 'x'", .invalidUTF8),
    .malformed("topic f5", .v311, "30 .. 0004 f5808080 'x'", .invalidUTF8),
    .malformed("topic stray continuation", .v311, "30 .. 0002 'a' 80 'x'", .invalidUTF8),
    .malformed("topic cut character", .v311, "30 .. 0003 'a' e282 acac", .invalidUTF8),
    .malformed("topic cut character over 8 bytes", .v5, "30 .. 0009 'abcdefgh' c3 00 'x'", .invalidUTF8),
    .malformed("topic bad third byte", .v311, "30 .. 0003 e28261 'x'", .invalidUTF8),
    .malformed("topic bad fourth byte", .v311, "30 .. 0004 f09f9861 'x'", .invalidUTF8),
    .malformed("topic with NUL", .v311, "30 .. 0003 'a' 00 'b' 'x'", .nullCharacter),
    .malformed("topic with NUL", .v5, "30 .. 0003 'a' 00 'b' 00 'x'", .nullCharacter),
    .malformed("topic with NUL in the first word", .v31, "30 .. 0009 'abcdefg' 00 'i' 'x'", .nullCharacter),
    .malformed("topic with NUL behind ä", .v311, "30 .. 0003 c3a4 00 'x'", .nullCharacter),
    .malformed("topic with + behind ä", .v311, "30 .. 0004 c3a4 '/+' 'x'", .topicWildcard),
]
