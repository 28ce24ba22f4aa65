/// A session of MQTT 3.1.1, recorded from VerneMQ's `vmq-admin trace client`.
enum TranscriptV4 {
    private static func x(_ count: Int) -> String { String(repeating: "x", count: count) }

    static let text = """
        2026-11-21T01:12:27Z No sessions found for client "tracer4"
        2026-11-21T01:12:31Z New session with PID <10396.653.0> found for client "tracer4"
        2026-11-21T01:12:31Z <10396.653.0> MQTT RECV: CID: "tracer4" CONNECT(c: tracer4, v: 4, u: user1, p: pw_no_print, cs: 0, ka: 30)
            with LWT(wr: 0, wq: 1, wt: will/tracer4) with payload:
            gone
        2026-11-21T01:12:31Z <10396.653.0> Calling auth_on_publish(user1,{[],
                                                                          <<"tracer4">>},1,will/tracer4,false) with payload:
            gone
        2026-11-21T01:12:31Z <10396.653.0> Hook returned "ok"
        2026-11-21T01:12:31Z <10396.653.0> MQTT SEND: CID: "tracer4" CONNACK(sp: 0, rc: 0)
        2026-11-21T01:12:32Z <10396.653.0> MQTT RECV: CID: "tracer4" SUBSCRIBE(m1) with topics:
            q:2, t: "demo/#"
            q:0, t: "other/+"
        2026-11-21T01:12:32Z <10396.653.0> Calling auth_on_subscribe(user1,{[],
                                                                            <<"tracer4">>}) with topics:
            q:2, t: "demo/#"
            q:0, t: "other/+"
        2026-11-21T01:12:32Z <10396.653.0> Hook returned "ok"
        2026-11-21T01:12:32Z <10396.653.0> MQTT SEND: CID: "tracer4" SUBACK(m1, qt[0,
                                                                                   2])
        2026-11-21T01:12:32Z <10396.653.0> MQTT SEND: CID: "tracer4" PUBLISH(d0, q2, r1, m1, "demo/r") with payload:
            r5
        2026-11-21T01:12:32Z <10396.653.0> MQTT RECV: CID: "tracer4" PUBREC(m1)
        2026-11-21T01:12:32Z <10396.653.0> MQTT SEND: CID: "tracer4" PUBREL(m1)
        2026-11-21T01:12:32Z <10396.653.0> MQTT RECV: CID: "tracer4" PUBCOMP(m1)
        2026-11-21T01:12:32Z <10396.653.0> MQTT RECV: CID: "tracer4" PUBLISH(d0, q0, r0, m0, "demo/q0") with payload:
            payload-0
        2026-11-21T01:12:32Z <10396.653.0> Calling auth_on_publish(user1,{[],
                                                                          <<"tracer4">>},0,demo/q0,false) with payload:
            payload-0
        2026-11-21T01:12:32Z <10396.653.0> Hook returned "ok"
        2026-11-21T01:12:32Z <10396.653.0> MQTT SEND: CID: "tracer4" PUBLISH(d0, q0, r0, m0, "demo/q0") with payload:
            payload-0
        2026-11-21T01:12:33Z <10396.653.0> MQTT RECV: CID: "tracer4" PUBLISH(d0, q1, r1, m3, "demo/q1") with payload:
            payload-1
        2026-11-21T01:12:33Z <10396.653.0> Calling auth_on_publish(user1,{[],
                                                                          <<"tracer4">>},1,demo/q1,true) with payload:
            payload-1
        2026-11-21T01:12:33Z <10396.653.0> Hook returned "ok"
        2026-11-21T01:12:33Z <10396.653.0> MQTT SEND: CID: "tracer4" PUBACK(m3)
        2026-11-21T01:12:33Z <10396.653.0> MQTT SEND: CID: "tracer4" PUBLISH(d0, q1, r0, m2, "demo/q1") with payload:
            payload-1
        2026-11-21T01:12:33Z <10396.653.0> MQTT RECV: CID: "tracer4" PUBACK(m2)
        2026-11-21T01:12:33Z <10396.653.0> MQTT RECV: CID: "tracer4" PUBLISH(d0, q2, r0, m4, "demo/q2") with payload:
            payload-2
        2026-11-21T01:12:33Z <10396.653.0> Calling auth_on_publish(user1,{[],
                                                                          <<"tracer4">>},2,demo/q2,false) with payload:
            payload-2
        2026-11-21T01:12:33Z <10396.653.0> Hook returned "ok"
        2026-11-21T01:12:33Z <10396.653.0> MQTT SEND: CID: "tracer4" PUBREC(m4)
        2026-11-21T01:12:33Z <10396.653.0> MQTT SEND: CID: "tracer4" PUBLISH(d0, q2, r0, m3, "demo/q2") with payload:
            payload-2
        2026-11-21T01:12:33Z <10396.653.0> MQTT RECV: CID: "tracer4" PUBREL(m4)
        2026-11-21T01:12:33Z <10396.653.0> MQTT SEND: CID: "tracer4" PUBCOMP(m4)
        2026-11-21T01:12:33Z <10396.653.0> MQTT RECV: CID: "tracer4" PUBREC(m3)
        2026-11-21T01:12:33Z <10396.653.0> MQTT SEND: CID: "tracer4" PUBREL(m3)
        2026-11-21T01:12:33Z <10396.653.0> MQTT RECV: CID: "tracer4" PUBCOMP(m3)
        2026-11-21T01:12:33Z <10396.653.0> MQTT RECV: CID: "tracer4" PUBLISH(d0, q0, r0, m0, "demo/big") with payload:
            \(x(200)) (truncated)
        2026-11-21T01:12:33Z <10396.653.0> Calling auth_on_publish(user1,{[],
                                                                          <<"tracer4">>},0,demo/big,false) with payload:
            \(x(300))
        2026-11-21T01:12:33Z <10396.653.0> Hook returned "ok"
        2026-11-21T01:12:33Z <10396.653.0> MQTT SEND: CID: "tracer4" PUBLISH(d0, q0, r0, m0, "demo/big") with payload:
            \(x(200)) (truncated)
        2026-11-21T01:12:34Z <10396.653.0> MQTT RECV: CID: "tracer4" UNSUBSCRIBE(m6)
        2026-11-21T01:12:34Z <10396.653.0> MQTT SEND: CID: "tracer4" UNSUBACK(m6)
        2026-11-21T01:12:34Z <10396.653.0> MQTT RECV: CID: "tracer4" SUBSCRIBE(m7) with topics:
            q:1, t: "keep/#"
        2026-11-21T01:12:34Z <10396.653.0> Calling auth_on_subscribe(user1,{[],
                                                                            <<"tracer4">>}) with topics:
            q:1, t: "keep/#"
        2026-11-21T01:12:34Z <10396.653.0> Hook returned "ok"
        2026-11-21T01:12:34Z <10396.653.0> MQTT SEND: CID: "tracer4" SUBACK(m7, qt[1])
        2026-11-21T01:12:35Z <10396.653.0> MQTT RECV: CID: "tracer4" DISCONNECT()
        2026-11-21T01:12:35Z <10396.653.0> Trace session for tracer4 stopped
        Done.

        """
}
