/// A session of MQTT 5, recorded from VerneMQ's `vmq-admin trace client`, with `--rate-max=1000 --trunc-payload=50`.
enum TranscriptV5 {
    private static func x(_ count: Int) -> String { String(repeating: "x", count: count) }

    static let text = """
        2026-11-21T01:13:38Z No sessions found for client "tracer5"
        2026-11-21T01:13:42Z New session with PID <10396.710.0> found for client "tracer5"
        2026-11-21T01:13:42Z <10396.710.0> MQTT RECV: CID: "tracer5" CONNECT(c: tracer5, v: 5, u: user1, p: pw_no_print, cs: true, ka: 30)
            with properties: #{p_user_property => [{<<"k">>,<<"v">>}],
                               p_receive_max => 50,p_request_problem_info => true,
                               p_session_expiry_interval => 300,
                               p_topic_alias_max => 5}
            with LWT(wr: false, wq: 1, wt: will/tracer5) with payload:
            gone
            with properties: #{p_content_type => <<"text/plain">>,
                               p_will_delay_interval => 5}
        2026-11-21T01:13:42Z <10396.710.0> Calling auth_on_publish_m5(user1,{[],
                                                                             <<"tracer5">>},1,will/tracer5,false) with payload:
            gone
            with properties: #{p_content_type => <<"text/plain">>,
                               p_will_delay_interval => 5}
        2026-11-21T01:13:42Z <10396.710.0> Hook returned "ok"
        2026-11-21T01:13:42Z <10396.710.0> MQTT SEND: CID: "tracer5" CONNACK(sp: 0, rc: success(0))
        2026-11-21T01:13:43Z <10396.710.0> MQTT RECV: CID: "tracer5" SUBSCRIBE(m1) with topics:
            q:2, no_local:false, rap:true, rh:send_if_new_sub
            t: "demo/#"
            with properties: #{p_subscription_id => [7]}
        2026-11-21T01:13:43Z <10396.710.0> Calling auth_on_subscribe_m5(user1,{[],
                                                                               <<"tracer5">>}) with topics:
            q:2, no_local:false, rap:true, rh:send_if_new_sub
            t: "demo/#"
            with properties: #{p_subscription_id => [7]}
        2026-11-21T01:13:43Z <10396.710.0> Hook returned "ok"
        2026-11-21T01:13:43Z <10396.710.0> MQTT SEND: CID: "tracer5" SUBACK(m1, reason_codes:[2])
        2026-11-21T01:13:43Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBLISH(d0, q2, r1, m1, "demo/r") with payload:
            r5
            with properties: #{p_subscription_id => [7],
                               p_message_expiry_interval => 524}
        2026-11-21T01:13:43Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBLISH(d0, q2, r1, m2, "demo/q1") with payload:
            payload-1
            with properties: #{p_user_property => [{<<"a">>,<<"b">>}],
                               p_content_type => <<"text/plain">>,
                               p_subscription_id => [7],
                               p_message_expiry_interval => 7,
                               p_correlation_data => <<1,2>>,
                               p_response_topic => <<"r/t">>}
        2026-11-21T01:13:43Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBREC(m1), rc: success(0))
        2026-11-21T01:13:43Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBREL(m1), rc: success(0))
        2026-11-21T01:13:43Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBREC(m2), rc: success(0))
        2026-11-21T01:13:43Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBREL(m2), rc: success(0))
        2026-11-21T01:13:43Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBCOMP(m1), rc: success(0))
        2026-11-21T01:13:43Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBCOMP(m2), rc: success(0))
        2026-11-21T01:13:43Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBLISH(d0, q0, r0, m0, "demo/q0") with payload:
            payload-0
            with properties: #{p_user_property => [{<<"a">>,<<"b">>}],
                               p_content_type => <<"text/plain">>,
                               p_message_expiry_interval => 60,
                               p_correlation_data => <<1,2>>,
                               p_response_topic => <<"r/t">>}
        2026-11-21T01:13:43Z <10396.710.0> Calling auth_on_publish_m5(user1,{[],
                                                                             <<"tracer5">>},0,demo/q0,false) with payload:
            payload-0
            with properties: #{p_user_property => [{<<"a">>,<<"b">>}],
                               p_content_type => <<"text/plain">>,
                               p_message_expiry_interval => 60,
                               p_correlation_data => <<1,2>>,
                               p_response_topic => <<"r/t">>}
        2026-11-21T01:13:43Z <10396.710.0> Hook returned "ok"
        2026-11-21T01:13:43Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBLISH(d0, q0, r0, m0, "demo/q0") with payload:
            payload-0
            with properties: #{p_user_property => [{<<"a">>,<<"b">>}],
                               p_content_type => <<"text/plain">>,
                               p_subscription_id => [7],
                               p_message_expiry_interval => 60,
                               p_correlation_data => <<1,2>>,
                               p_response_topic => <<"r/t">>}
        2026-11-21T01:13:44Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBLISH(d0, q1, r1, m3, "demo/q1") with payload:
            payload-1
            with properties: #{p_user_property => [{<<"a">>,<<"b">>}],
                               p_content_type => <<"text/plain">>,
                               p_message_expiry_interval => 60,
                               p_correlation_data => <<1,2>>,
                               p_response_topic => <<"r/t">>}
        2026-11-21T01:13:44Z <10396.710.0> Calling auth_on_publish_m5(user1,{[],
                                                                             <<"tracer5">>},1,demo/q1,true) with payload:
            payload-1
            with properties: #{p_user_property => [{<<"a">>,<<"b">>}],
                               p_content_type => <<"text/plain">>,
                               p_message_expiry_interval => 60,
                               p_correlation_data => <<1,2>>,
                               p_response_topic => <<"r/t">>}
        2026-11-21T01:13:44Z <10396.710.0> Hook returned "ok"
        2026-11-21T01:13:44Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBACK(m3, rc: success(0))
        2026-11-21T01:13:44Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBLISH(d0, q1, r1, m3, "demo/q1") with payload:
            payload-1
            with properties: #{p_user_property => [{<<"a">>,<<"b">>}],
                               p_content_type => <<"text/plain">>,
                               p_subscription_id => [7],
                               p_message_expiry_interval => 60,
                               p_correlation_data => <<1,2>>,
                               p_response_topic => <<"r/t">>}
        2026-11-21T01:13:44Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBACK(m3, rc: success(0))
        2026-11-21T01:13:44Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBLISH(d0, q2, r0, m4, "demo/q2") with payload:
            payload-2
            with properties: #{p_user_property => [{<<"a">>,<<"b">>}],
                               p_content_type => <<"text/plain">>,
                               p_message_expiry_interval => 60,
                               p_correlation_data => <<1,2>>,
                               p_response_topic => <<"r/t">>}
        2026-11-21T01:13:44Z <10396.710.0> Calling auth_on_publish_m5(user1,{[],
                                                                             <<"tracer5">>},2,demo/q2,false) with payload:
            payload-2
            with properties: #{p_user_property => [{<<"a">>,<<"b">>}],
                               p_content_type => <<"text/plain">>,
                               p_message_expiry_interval => 60,
                               p_correlation_data => <<1,2>>,
                               p_response_topic => <<"r/t">>}
        2026-11-21T01:13:44Z <10396.710.0> Hook returned "ok"
        2026-11-21T01:13:44Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBREC(m4), rc: success(0))
        2026-11-21T01:13:44Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBLISH(d0, q2, r0, m4, "demo/q2") with payload:
            payload-2
            with properties: #{p_user_property => [{<<"a">>,<<"b">>}],
                               p_content_type => <<"text/plain">>,
                               p_subscription_id => [7],
                               p_message_expiry_interval => 60,
                               p_correlation_data => <<1,2>>,
                               p_response_topic => <<"r/t">>}
        2026-11-21T01:13:44Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBREL(m4), rc: success(0))
        2026-11-21T01:13:44Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBCOMP(m4), rc: success(0))
        2026-11-21T01:13:44Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBREC(m4), rc: success(0))
        2026-11-21T01:13:44Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBREL(m4), rc: success(0))
        2026-11-21T01:13:44Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBCOMP(m4), rc: success(0))
        2026-11-21T01:13:44Z <10396.710.0> MQTT RECV: CID: "tracer5" PUBLISH(d0, q0, r0, m0, "demo/big") with payload:
            \(x(50)) (truncated)
        2026-11-21T01:13:44Z <10396.710.0> Calling auth_on_publish_m5(user1,{[],
                                                                             <<"tracer5">>},0,demo/big,false) with payload:
            \(x(300))
        2026-11-21T01:13:44Z <10396.710.0> Hook returned "ok"
        2026-11-21T01:13:44Z <10396.710.0> MQTT SEND: CID: "tracer5" PUBLISH(d0, q0, r0, m0, "demo/big") with payload:
            \(x(50)) (truncated)
            with properties: #{p_subscription_id => [7]}
        2026-11-21T01:13:45Z <10396.710.0> MQTT RECV: CID: "tracer5" UNSUBSCRIBE(m6) with topics:
            t: "demo/#"
        2026-11-21T01:13:45Z <10396.710.0> MQTT SEND: CID: "tracer5" UNSUBACK(m6, reason_codes:[0])
        2026-11-21T01:13:45Z <10396.710.0> MQTT RECV: CID: "tracer5" SUBSCRIBE(m7) with topics:
            q:1, no_local:false, rap:false, rh:send_retain
            t: "keep/#"
        2026-11-21T01:13:45Z <10396.710.0> Calling auth_on_subscribe_m5(user1,{[],
                                                                               <<"tracer5">>}) with topics:
            q:1, no_local:false, rap:false, rh:send_retain
            t: "keep/#"
        2026-11-21T01:13:45Z <10396.710.0> Hook returned "ok"
        2026-11-21T01:13:45Z <10396.710.0> MQTT SEND: CID: "tracer5" SUBACK(m7, reason_codes:[1])
        2026-11-21T01:13:46Z <10396.710.0> MQTT RECV: CID: "tracer5" DISCONNECT(rc:normal_disconnect(0))
            with properties: #{p_session_expiry_interval => 100}
        2026-11-21T01:13:46Z <10396.710.0> Trace session for tracer5 stopped
        Done.

        """
}
