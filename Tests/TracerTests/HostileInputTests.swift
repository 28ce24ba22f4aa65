import MQTTCodec
import Primitives
import TestSupport
import Testing
import Tracer

@Suite struct HostileInputTests {
    private static let attack =
        "\u{1B}]0;owned\u{07}\u{1B}[2J\r\n2026-11-21T01:12:31Z <1> forged\u{9B}31m\u{202E}"
    private static let shown =
        #"\x1B]0;owned\x07\x1B[2J\x0D\x0A2026-11-21T01:12:31Z <1> forged\xC2\x9B31m\xE2\x80\xAE"#

    /// Whether a terminal shows it as it is: lines of printable characters.
    private static func isTame(_ bytes: [UInt8]) -> Bool {
        String(validating: bytes, as: UTF8.self)?.unicodeScalars.allSatisfy { scalar in
            scalar == "\n"
                || (scalar.value >= 0x20 && !(0x7F..<0xA0 ~= scalar.value) && scalar.value != 0x202E)
        } ?? false
    }

    @Test func `no byte of a client id, user name, topic or payload acts on the terminal`() {
        let text = UTF8Text(Self.attack)
        let connect = TraceScript.line(clientID: text) {
            $0.received(
                .connect(
                    ConnectPacket(
                        version: .v311, clientID: text, userName: text,
                        will: WillPacketFields(topic: text, payload: text.bytes))))
        }
        #expect(
            connect == """
                MQTT RECV: CID: "\(Self.shown)" CONNECT(c: \(Self.shown), v: 4, u: \(Self.shown), \
                p: pw_no_print, cs: 1, ka: 60)
                    with LWT(wr: 0, wq: 0, wt: \(Self.shown)) with payload:
                    \(Self.shown)

                """)
        let publish = TraceScript.line { $0.sent(.publish(PublishPacket(topic: text))) }
        #expect(publish.contains("\"\(Self.shown)\""))
        let subscribe = TraceScript.line { $0.call(.subscribe([SubscribeFilter(text, qos: .atMostOnce)])) }
        #expect(subscribe.contains("t: \"\(Self.shown)\""))
        let status = TraceText().status(.noSessions(clientID: text), at: TraceTime(seconds: 0))
        #expect(Self.isTame(status) && status.count { $0 == 0x0A } == 1)
    }

    @Test func `neither does a property, nor what a plugin answers`() {
        let text = UTF8Text(Self.attack)
        let properties = Properties {
            $0.userProperties = [UserProperty(text, text)]
            $0.reasonString = text
            $0.correlationData = text.bytes
        }
        let line = TraceScript.line { $0.sent(.disconnect(DisconnectPacket(properties: properties))) }
        #expect(Self.isTame(Array(line.utf8)))
        let answer = TraceScript.line { $0.answer(.error(Self.attack)) }
        #expect(Self.isTame(Array(answer.utf8)))
    }

    @Test func `bytes that are no text are spelled out, and text stays text`() {
        let payload: [UInt8] =
            [0x00, 0xFF, 0xC3, 0x28] + Array("größe {\"a\":\"\\n\"} 😀".utf8) + [0xE2, 0x82]
        let line = TraceScript.line { $0.sent(.publish(PublishPacket(topic: "t", payload: payload))) }
        #expect(line.hasSuffix(#"    \x00\xFF\xC3(größe {"a":"\n"} 😀\xE2\x82"# + "\n"))
    }

    @Test(arguments: [(3, "aö"), (2, "a"), (1, "a"), (0, ""), (-5, "")])
    func `a payload is not cut within a character`(_ limit: Int, _ text: String) {
        var style = TraceStyle()
        style.payloadByteCount = limit
        let packet = PublishPacket(topic: "t", payload: Array("aöb".utf8))
        let line = TraceScript.line(style: style) { $0.sent(.publish(packet)) }
        #expect(line.hasSuffix("    \(text) (truncated)\n"))
    }

    @Test func `an event costs what is shown of it, however large it is`() {
        let long = UTF8Text(bytes: [UInt8](repeating: 0x2F, count: 65_535))
        let filters = [SubscribeFilter](repeating: SubscribeFilter(long, qos: .atMostOnce), count: 1000)
        let properties = Properties {
            $0.userProperties = Array(repeating: UserProperty(long, long), count: 5000)
            $0.subscriptionIdentifiers = Array(repeating: 1, count: 50_000)
        }
        let payload = [UInt8](repeating: 0x00, count: 256 * 1024)
        let publish = TraceScript.line(clientID: long) {
            $0.sent(.publish(PublishPacket(topic: long, payload: payload)))
        }
        #expect(publish.utf8.count < 4000)
        let subscribe = TraceScript.line { script in
            script.sent(.subscribe(SubscribePacket(packetIdentifier: 1, filters: filters)))
        }
        #expect(subscribe.utf8.count < 40_000 && subscribe.hasSuffix("    … and 968 more\n"))
        let disconnect = TraceScript.line {
            $0.sent(.disconnect(DisconnectPacket(properties: properties)))
        }
        #expect(disconnect.utf8.count < 75_000)
        let suback = TraceScript.line {
            $0.sent(.suback(SubackPacket(packetIdentifier: 1, codes: Array(repeating: 0, count: 60_000))))
        }
        #expect(suback.utf8.count < 4000 && suback.contains("|..."))
        let answer = TraceScript.line {
            $0.answer(.modifiers([.other(.tuple([.atom("topic"), .topic(long)]))]))
        }
        #expect(answer.utf8.count < 5000)
    }

    @Test func `whatever bytes come, lines stay tame`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let packet = PublishPacket(
                topic: "t", payload: bytes, properties: Properties { $0.correlationData = bytes })
            let line = TraceText().packet(
                .publish(packet), .sent, version: .v5, subject: TraceSubject(token: "<1>", clientID: "c"),
                at: TraceTime(seconds: 0))
            guard Self.isTame(line) else {
                Issue.record("\(bytes)")
                return
            }
        }
    }
}
