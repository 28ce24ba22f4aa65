import MQTTCodec
import Primitives
import Testing
import Tracer

/// The packets that are not in the recorded sessions.
@Suite struct PacketTextTests {
    private let reason = Properties { $0.reasonString = "why" }
    private let reasonLine = "    with properties: #{p_reason_string => <<\"why\">>}\n"

    private func sent(
        _ packet: ControlPacket, _ version: ProtocolVersion = .v5, style: TraceStyle = TraceStyle()
    ) -> String {
        let line = TraceScript.line(version, style: style) { $0.sent(packet) }
        let prefix = "MQTT SEND: CID: \"c\" "
        #expect(line.hasPrefix(prefix))
        return String(line.dropFirst(prefix.count))
    }

    @Test func `a connection of another mountpoint is named with it, except in its CONNECT`() {
        let connect = ControlPacket.connect(ConnectPacket(version: .v311, clientID: "c"))
        let ping = TraceScript.line(.v311, mountpoint: "mp") { $0.received(.pingreq) }
        #expect(ping == "MQTT RECV: MP: \"mp\" CID: \"c\" PINGREQ()\n")
        #expect(
            TraceScript.line(.v311, mountpoint: "mp") { $0.received(connect) }
                .hasPrefix("MQTT RECV: CID: \"c\" CONNECT("))
        var style = TraceStyle()
        style.compatibility = false
        #expect(
            TraceScript.line(.v311, style: style, mountpoint: "mp") { $0.received(connect) }
                .hasPrefix("MQTT RECV: MP: \"mp\" CID: \"c\" CONNECT("))
    }

    @Test(arguments: [
        (ProtocolVersion.v31, false, 3), (.v31, true, 131), (.v311, false, 4), (.v311, true, 132),
    ])
    func `CONNECT shows the protocol level as on the wire, and never a password`(
        _ version: ProtocolVersion, _ isBridge: Bool, _ level: Int
    ) {
        let packet = ConnectPacket(
            version: version, isBridge: isBridge, keepAlive: 5, clientID: "c",
            password: Array("pässword".utf8))
        #expect(
            sent(.connect(packet), version)
                == "CONNECT(c: c, v: \(level), u: undefined, p: pw_no_print, cs: 1, ka: 5)\n")
    }

    @Test func `CONNACK has a number before MQTT 5 and a name in it`() {
        #expect(
            sent(.connack(ConnackPacket(isSessionPresent: true, code: 5)), .v311)
                == "CONNACK(sp: 1, rc: 5)\n")
        #expect(
            sent(.connack(ConnackPacket(reasonCode: .unsupportedProtocolVersion, properties: reason)))
                == "CONNACK(sp: 0, rc: unsupported_protocol_VERSION(132))\n" + reasonLine)
        #expect(sent(.connack(ConnackPacket(code: 77))) == "CONNACK(sp: 0, rc: 77)\n")
    }

    @Test func `a PUBLISH shows its flags`() {
        let packet = PublishPacket(
            topic: "a", qos: .atLeastOnce, isDuplicate: true, packetIdentifier: 65535)
        #expect(sent(.publish(packet), .v31) == "PUBLISH(d1, q1, r0, m65535, \"a\") with payload:\n    \n")
    }

    @Test func `acknowledgements of MQTT 5 have the bracket too many of VerneMQ, unless that is not wanted`()
    {
        let ack = AckPacket(packetIdentifier: 9, reasonCode: .packetIdentifierNotFound, properties: reason)
        let code = "packet_id_not_found(146))\n" + reasonLine
        var style = TraceStyle()
        #expect(sent(.puback(ack)) == "PUBACK(m9, rc: " + code)
        #expect(sent(.pubrec(ack)) == "PUBREC(m9), rc: " + code)
        #expect(sent(.pubrel(ack)) == "PUBREL(m9), rc: " + code)
        #expect(sent(.pubcomp(ack)) == "PUBCOMP(m9), rc: " + code)
        style.compatibility = false
        #expect(sent(.puback(ack), style: style) == "PUBACK(m9, rc: " + code)
        #expect(sent(.pubcomp(ack), style: style) == "PUBCOMP(m9, rc: " + code)
        #expect(sent(.pubcomp(AckPacket(packetIdentifier: 9)), .v311) == "PUBCOMP(m9)\n")
    }

    @Test func `SUBSCRIBE shows filters in reverse before MQTT 5, and all options in it`() {
        let filters = [
            SubscribeFilter("a", qos: .atLeastOnce),
            SubscribeFilter(
                "b", SubscriptionOptions(qos: .atMostOnce, noLocal: true, retainHandling: 2)),
        ]
        let packet = ControlPacket.subscribe(SubscribePacket(packetIdentifier: 3, filters: filters))
        #expect(
            sent(packet, .v311) == """
                SUBSCRIBE(m3) with topics:
                    q:0, t: "b"
                    q:1, t: "a"

                """)
        #expect(
            sent(packet) == """
                SUBSCRIBE(m3) with topics:
                    q:1, no_local:false, rap:false, rh:send_retain
                    t: "a"
                    q:0, no_local:true, rap:false, rh:dont_send
                    t: "b"

                """)
    }

    @Test func `SUBACK and UNSUBACK show what was granted`() {
        #expect(
            sent(.suback(SubackPacket(packetIdentifier: 3, codes: [0, 0x80])), .v311)
                == "SUBACK(m3, qt[0,not_allowed])\n")
        #expect(
            sent(.suback(SubackPacket(packetIdentifier: 3, codes: [0, 135, 161], properties: reason)))
                == "SUBACK(m3, reason_codes:[0,135,\n" + String(repeating: " ", count: 70) + "161])\n"
                + reasonLine)
        #expect(
            sent(.unsuback(UnsubackPacket(packetIdentifier: 3, codes: [17])))
                == "UNSUBACK(m3, reason_codes:[17])\n")
    }

    @Test func `UNSUBSCRIBE shows its filters in MQTT 5 alone`() {
        let packet = ControlPacket.unsubscribe(UnsubscribePacket(packetIdentifier: 3, filters: ["a", "b"]))
        #expect(sent(packet, .v311) == "UNSUBSCRIBE(m3)\n")
        #expect(sent(packet) == "UNSUBSCRIBE(m3) with topics:\n    t: \"a\"\n    t: \"b\"\n")
    }

    @Test func `the small packets`() {
        #expect(sent(.pingresp) == "PINGRESP()\n")
        #expect(sent(.disconnect(DisconnectPacket()), .v311) == "DISCONNECT()\n")
        #expect(
            sent(.disconnect(DisconnectPacket(reasonCode: .sessionTakenOver, properties: reason)))
                == "DISCONNECT(rc:session_taken_over(142))\n" + reasonLine)
        #expect(
            sent(.auth(AuthPacket(reasonCode: .continueAuthentication)))
                == "AUTH(rc:continue_authentication(24))\n")
    }

    @Test func `Authentication Data is hidden, unless it is asked for`() {
        let packet = ControlPacket.auth(
            AuthPacket(
                properties: Properties {
                    $0.authenticationMethod = "PLAIN"
                    $0.authenticationData = Array("secret".utf8)
                }))
        #expect(
            sent(packet) == """
                AUTH(rc:success(0))
                    with properties: #{p_authentication_method => <<"PLAIN">>,
                                       p_authentication_data => data_no_print}

                """)
        var style = TraceStyle()
        style.showsAuthenticationData = true
        #expect(sent(packet, style: style).contains("p_authentication_data => <<\"secret\">>}"))
    }

    @Test func `every property has VerneMQ's name`() {
        let text = sent(.connack(ConnackPacket(reasonCode: .success, properties: Self.everything)))
        for name in Self.names { #expect(text.contains("\(name) => "), "\(name)") }
        #expect(text.count { $0 == "=" } == Self.names.count)
        #expect(text.contains("p_payload_format_indicator => utf8"))
        #expect(text.contains("p_retain_available => false"))
        #expect(text.contains("p_max_qos => 1"))
    }

    @Test func `a PUBLISH can be shown from where it lies`() {
        let (topic, payload) = (Array("a/b".utf8), Array("hello".utf8))
        let lines = TraceText().publish(
            TracePublish(
                topic: topic.span.bytes, payload: payload.span.bytes, qos: .atMostOnce, isDuplicate: false,
                isRetained: true, packetIdentifier: 0, properties: Properties()),
            .received, subject: TraceSubject(token: "<1>", clientID: "c"), at: TraceTime(seconds: 0))
        #expect(
            String(decoding: lines, as: UTF8.self) == """
                1970-01-01T00:00:00Z <1> MQTT RECV: CID: "c" PUBLISH(d0, q0, r1, m0, "a/b") with payload:
                    hello

                """)
    }

    private static let everything = Properties {
        $0.payloadFormatIndicator = 1
        $0.messageExpiryInterval = 1
        $0.contentType = "t"
        $0.responseTopic = "t"
        $0.correlationData = [1]
        $0.subscriptionIdentifiers = [1]
        $0.sessionExpiryInterval = 1
        $0.assignedClientIdentifier = "t"
        $0.serverKeepAlive = 1
        $0.authenticationMethod = "t"
        $0.authenticationData = [1]
        $0.requestProblemInformation = 0
        $0.willDelayInterval = 1
        $0.requestResponseInformation = 1
        $0.responseInformation = "t"
        $0.serverReference = "t"
        $0.reasonString = "t"
        $0.receiveMaximum = 1
        $0.topicAliasMaximum = 1
        $0.topicAlias = 1
        $0.maximumQoS = 1
        $0.retainAvailable = 0
        $0.userProperties = [UserProperty("a", "b")]
        $0.maximumPacketSize = 1
        $0.wildcardSubscriptionAvailable = 1
        $0.subscriptionIdentifiersAvailable = 1
        $0.sharedSubscriptionAvailable = 1
    }

    private static let names = [
        "p_payload_format_indicator", "p_message_expiry_interval", "p_content_type", "p_response_topic",
        "p_correlation_data", "p_subscription_id", "p_session_expiry_interval", "p_assigned_client_id",
        "p_server_keep_alive", "p_authentication_method", "p_authentication_data", "p_request_problem_info",
        "p_will_delay_interval", "p_request_response_info", "p_response_info", "p_server_ref",
        "p_reason_string", "p_receive_max", "p_topic_alias_max", "p_topic_alias", "p_max_qos",
        "p_retain_available", "p_user_property", "p_max_packet_size", "p_wildcard_subs_available",
        "p_sub_ids_available", "p_shared_subs_available",
    ]
}
