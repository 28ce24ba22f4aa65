import MQTTCodec
import Primitives
import Testing
import Tracer

@Suite struct HookTextTests {
    private func call(
        _ question: TraceHookCall.Question, _ version: ProtocolVersion = .v311, userName: UTF8Text? = "bob",
        mountpoint: String = "", properties: Properties = Properties()
    ) -> String {
        TraceScript.line(version, mountpoint: mountpoint) {
            $0.call(question, userName: userName, properties: properties)
        }
    }

    private func answer(_ result: TraceHookResult) -> String {
        TraceScript.line { $0.answer(result) }
    }

    @Test func `auth_on_register shows the address, and a blank at its end`() {
        let peer = TracePeer(address: "10.0.0.7", port: 50112)
        #expect(
            call(.register(peer: peer, cleanStart: true))
                == "Calling auth_on_register({{10,0,0,7},50112},{[],\n" + blanks(70)
                + "<<\"c\">>},bob,pw_no_print,true) \n")
        #expect(
            call(
                .register(peer: peer, cleanStart: false), .v5, userName: nil,
                properties: Properties { $0.receiveMaximum = 5 })
                == "Calling auth_on_register_m5({{10,0,0,7},50112},{[],\n" + blanks(73)
                + "<<\"c\">>},undefined,pw_no_print,false) \n    with properties: #{p_receive_max => 5}\n")
    }

    @Test func `an address of any kind is shown as Erlang has it`() {
        func shown(_ address: String) -> String {
            let line = call(.register(peer: TracePeer(address: address, port: 1), cleanStart: true))
            return String(line.dropFirst("Calling auth_on_register(".count).prefix { $0 != "[" })
        }
        #expect(shown("::1") == "{{0,0,0,0,0,0,0,1},1},{")
        #expect(shown("2001:db8::ff00") == "{{8193,3512,0,0,0,0,0,65280},\n" + blanks(51) + "1},{")
        #expect(shown("/run/a.sock") == "{local,<<\"/run/a.sock\">>},{")
    }

    @Test func `a long line breaks between the parts of an address`() {
        let peer = TracePeer(address: "127.0.0.1", port: 54321)
        let subject = TraceSubject(token: "<10396.653.0>", clientID: "tracer4")
        var script = TraceScript(subject, version: .v311)
        script.call(.register(peer: peer, cleanStart: true))
        #expect(
            script.written == """
                1970-01-01T00:00:00Z <10396.653.0> Calling auth_on_register({{127,0,0,1},
                                                                             54321},{[],
                                                                                     <<"tracer4">>},\
                user1,pw_no_print,true)\u{20}

                """)
    }

    @Test func `a mountpoint is a string`() {
        #expect(
            call(
                .publish(qos: .atLeastOnce, topic: "a/b", isRetained: false, payload: [0x68, 0x69]),
                userName: nil, mountpoint: "mp")
                == "Calling auth_on_publish(undefined,{\"mp\",<<\"c\">>},1,a/b,false) with payload:\n    hi\n"
        )
    }

    @Test func `a step of enhanced authentication has its code and no data`() {
        #expect(
            call(
                .authenticate(.continueAuthentication), .v5,
                properties: Properties {
                    $0.authenticationMethod = "m"
                    $0.authenticationData = [0x61]
                }) == """
                    Calling on_auth_m5(bob,{[],<<"c">>},continue_authentication(24))
                        with properties: #{p_authentication_method => <<"m">>,
                                           p_authentication_data => data_no_print}

                    """)
    }

    @Test func `the payload that a hook gets has a limit of its own`() {
        let much = [UInt8](repeating: 0x78, count: 5000)
        let line = call(.publish(qos: .atMostOnce, topic: "t", isRetained: false, payload: much))
        #expect(line.hasSuffix("    " + String(repeating: "x", count: 1024) + " (truncated)\n"))
    }

    @Test func `answers`() {
        #expect(answer(.ok) == "Hook returned \"ok\"\n")
        #expect(answer(.modifiers([])) == "Hook returned \"ok\"\n")
        #expect(
            answer(.payload(Array("new".utf8))) == "Hook returned \"ok\" with modified payload:\n    new\n")
        #expect(answer(.error("invalid_credentials")) == "Hook returned {error,invalid_credentials}\n")
        #expect(answer(.other(.atom("next"))) == "Hook returned next\n")
    }

    @Test func `each change of an answer has a line`() {
        #expect(
            answer(
                .modifiers([
                    .retryInterval(20), .upgradeQoS(true), .maxMessageRate(5), .maxMessageSize(100),
                    .maxInflightMessages(7), .cleanSession(false),
                    .other(.tuple([.atom("topic"), .topic("a/b")])),
                ])) == """
                    Hook returned "ok" with modifiers:
                        retry_interval: 20ms
                        upgrade_qos: true
                        max_message_rate: 5 msgs/s
                        max_message_size: 100 bytes
                        max_inflight_messages: 7 msgs
                        clean_session: false
                        {topic,[<<"a">>,<<"b">>]}

                    """)
    }

    private func blanks(_ count: Int) -> String { String(repeating: " ", count: count) }
}
