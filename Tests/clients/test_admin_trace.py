"""The tracer of clients, over the socket and over HTTP."""

import re
import threading

import pytest

from admin import Admin, Stream
from paho_client import properties
from raw_client import RawClient, publish, subscribe
from waiting import wait_until

TIME, PID = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", r"<\d+\.\d+\.\d+>"


def masked(text):
    return re.sub(PID, "PID", re.sub(TIME, "TIME", text))


@pytest.fixture
def trace(broker, admin):
    """Starts traces; those that are left over end with the test."""
    streams = []

    def start(*items, **options):
        streams.append(Stream(admin, "trace client", *items, **options))
        return streams[-1]

    yield start
    for stream in streams:
        stream.close()
    broker.wait_for_metric("client_traces", 0)


def use(client, broker, version, **options):
    """What most clients do, once."""
    one = client(broker, version=version, client_id="one", username="bob", password="never shown", **options)
    one.subscribe("a/b", 1)
    one.publish("a/b", b"hello", 1)
    assert one.receive().payload == b"hello"
    one.unsubscribe("a/b")
    one.disconnect()


def test_connects_are_within_the_budget_too(broker, client, trace):
    stream = trace("client-id=one", "--rate-max=3", "--rate-interval=600000")
    stream.wait_for("No sessions found")
    for _ in range(20):
        client(broker, client_id="one").disconnect()
    stream.wait_for("events skipped")
    assert stream.text.count("CONNECT(") <= 6


@pytest.mark.parametrize("wire", [False, True])
def test_a_client_of_3_1_1(broker, client, trace, wire):
    stream = trace("client-id=one", "--rate-max=1000", wire=wire)
    stream.wait_for("No sessions found")
    use(client, broker, 4, keep_alive=33)
    text = masked(stream.wait_for("Trace session for one stopped"))
    assert "never shown" not in text
    for line in [
        'TIME No sessions found for client "one"\n',
        'TIME New session with PID PID found for client "one"\n',
        'TIME PID MQTT RECV: CID: "one" CONNECT(c: one, v: 4, u: bob, p: pw_no_print, cs: 1, ka: 33)\n',
        'TIME PID MQTT SEND: CID: "one" CONNACK(sp: 0, rc: 0)\n',
        'TIME PID MQTT RECV: CID: "one" SUBSCRIBE(m1) with topics:\n    q:1, t: "a/b"\n',
        'TIME PID MQTT SEND: CID: "one" SUBACK(m1, qt[1])\n',
        'TIME PID MQTT RECV: CID: "one" PUBLISH(d0, q1, r0, m2, "a/b") with payload:\n    hello\n',
        'TIME PID MQTT SEND: CID: "one" PUBACK(m2)\n',
        'TIME PID MQTT SEND: CID: "one" PUBLISH(d0, q1, r0, m1, "a/b") with payload:\n    hello\n',
        'TIME PID MQTT RECV: CID: "one" PUBACK(m1)\n',
        'TIME PID MQTT RECV: CID: "one" UNSUBSCRIBE(m3)\n', 'TIME PID MQTT SEND: CID: "one" UNSUBACK(m3)\n',
        'TIME PID MQTT RECV: CID: "one" DISCONNECT()\n', "TIME PID Trace session for one stopped\n",
    ]:
        assert line in text, f"{line!r} is not in\n{text}"


def test_a_client_of_5(broker, client, trace):
    stream = trace("client-id=one", "--rate-max=1000")
    stream.wait_for("No sessions found")
    will = {"topic": "will/topic", "payload": b"bye", "qos": 1}
    use(client, broker, 5, will=will, connect_properties=properties("CONNECT", SessionExpiryInterval=10))
    text = masked(stream.wait_for("Trace session for one stopped"))
    assert "never shown" not in text
    for line in [
        'CONNECT(c: one, v: 5, u: bob, p: pw_no_print, cs: true, ka: 60)\n    with properties: #{p_session_expiry_interval => 10}\n',
        "    with LWT(wr: false, wq: 1, wt: will/topic) with payload:\n    bye\n",
        'MQTT SEND: CID: "one" CONNACK(sp: 0, rc: success(0))\n',
        'SUBSCRIBE(m1) with topics:\n    q:1, no_local:false, rap:false, rh:send_retain\n    t: "a/b"\n',
        "SUBACK(m1, reason_codes:[1])\n", 'PUBLISH(d0, q1, r0, m2, "a/b") with payload:\n    hello\n',
        "PUBACK(m2, rc: success(0))\n", 'UNSUBSCRIBE(m3) with topics:\n    t: "a/b"\n', "UNSUBACK(m3, reason_codes:[0])\n",
        "DISCONNECT(rc:normal_disconnect(0))\n",
    ]:
        assert line in text, f"{line!r} is not in\n{text}"


def test_who_is_connected_already_is_traced(broker, client, trace):
    one = client(broker, version=4, client_id="one")
    other = client(broker, version=4, client_id="other")
    stream = trace("client-id=one", "--trunc-payload=3")
    text = masked(stream.wait_for("Starting trace"))
    assert text == 'TIME Starting trace for 1 existing sessions for client "one" with PIDs\n    [PID]\n'
    other.publish("other/topic", b"x", 1)
    one.publish("a", b"1234567", 1)
    text = stream.wait_for("PUBACK")
    assert "    123 (truncated)\n" in text and "other/topic" not in text


def flood(broker, count):
    """A client that publishes `count` messages of QoS 0 without a pause, and then one of QoS 1."""
    with RawClient(broker.address()) as raw:
        raw.open_session("one")
        raw.send(publish("flood", b"x") * count)
        raw.send(publish("last", b"x", 1))
        raw.read_packet()


def test_a_flood_is_skipped_and_counted(broker, trace):
    stream = trace("client-id=one", "--rate-max=5", "--rate-interval=1000")
    stream.wait_for("No sessions found")
    flood(broker, 5000)
    text = stream.wait_for("Trace session for one stopped")
    while not re.search(r"[1-9]\d* .*(skipped|not shown)|(skipped|not shown).* [1-9]\d*", text):
        stream.read()
        text = stream.text
    shown = text.count("PUBLISH(")
    assert 0 < shown < 100
    broker.wait_for_metric("client_traces", 1)  # It goes on.
    with RawClient(broker.address()) as raw:
        raw.open_session("one")
        stream.wait_for("stopped")


def test_on_limit_stop_ends_as_in_verne_mq(broker, trace):
    stream = trace("client-id=one", "--rate-max=5", "--rate-interval=60000", "--on-limit=stop")
    stream.wait_for("No sessions found")
    flood(broker, 100)
    text = masked(stream.rest())
    # N + 1 events are shown, without the first CONNECT.
    assert text.count("MQTT ") == 1 + 6
    assert text.endswith("TIME Trace rate limit triggered.\nDone.\n")
    broker.wait_for_metric("client_traces", 0)


def test_two_traces_and_their_end(broker, client, admin, trace):
    first, second = trace("client-id=one"), trace("client-id=two")
    twin = trace("client-id=one", wire=True)
    for stream in [first, second, twin]:
        stream.wait_for("No sessions found")
    broker.wait_for_metric("client_traces", 3)
    client(broker, version=4, client_id="one")
    client(broker, version=4, client_id="two")
    for stream, name in [(first, "one"), (second, "two"), (twin, "one")]:
        assert f'CID: "{name}" CONNECT' in stream.wait_for("CONNACK")
    assert 'CID: "two"' not in first.text
    assert admin("trace stop_all").json == []
    for stream in [first, second, twin]:
        assert "Trace terminated by external action.\n" in stream.rest()
    broker.wait_for_metric("client_traces", 0)
    assert admin("trace stop_all").json == []


@pytest.mark.parametrize("wire", [False, True])
def test_a_trace_ends_when_its_reader_goes(broker, trace, wire):
    stream = trace("client-id=silent", wire=wire)
    stream.wait_for("No sessions found")
    broker.wait_for_metric("client_traces", 1)
    stream.close()
    wait_until("the trace ends", lambda: broker.metrics()("client_traces") == 0, deadline=5)


def test_a_reader_that_reads_nothing_holds_up_nobody(broker, client, trace):
    stream = trace("client-id=one", "--rate-max=100000", "--rate-interval=100", "--trunc-payload=60000")
    stream.wait_for("No sessions found")
    before = broker.resident_bytes()
    one, other = client(broker, client_id="one"), client(broker, client_id="other")
    for _ in range(20):
        for _ in range(20):
            one.send("a", bytes(50_000), 0)
        one.publish("a", b"", 1)
        other.publish("b", b"", 1)
    assert broker.resident_bytes() - before < 40 << 20
    stream.close()


def test_no_more_traces_than_the_broker_has_places_for(broker, admin, trace):
    for _ in range(16):
        trace("client-id=x").wait_for("No sessions found")
    refused = admin("trace client", "client-id=x")
    assert refused.status == 503 and b"16 traces run already" in refused.body


def test_a_broker_with_traces_ends(broker, trace):
    streams = [trace("client-id=x", wire=wire) for wire in (False, True)]
    for stream in streams:
        stream.wait_for("No sessions found")
    readers = [threading.Thread(target=stream.rest, daemon=True) for stream in streams]
    for reader in readers:
        reader.start()
    assert broker.stop() == 0
    broker.launch()
    broker.wait_until_ready()


def test_over_http_a_trace_needs_a_key(broker, client, admin):
    admin("api-key add", "key=0123456789", "scope=mgmt")
    assert Admin(broker, "wrong")("trace client", "client-id=one").status == 401
    stream = Stream(Admin(broker, "0123456789"), "trace client", "client-id=one")
    stream.wait_for("No sessions found")
    with RawClient(broker.address()) as raw:
        raw.open_session("one")
        raw.send(subscribe("a/#", 2))
        assert 'q:2, t: "a/#"' in stream.wait_for("SUBACK")
    stream.close()
    broker.wait_for_metric("client_traces", 0)


def test_traces_over_http_take_no_place_of_other_commands(broker, client, admin):
    admin("api-key add", "key=0123456789abcdefghij", "scope=mgmt")
    remote = Admin(broker, "0123456789abcdefghij")
    client(broker, client_id="one")
    streams = [Stream(remote, "trace client", "client-id=x") for _ in range(8)]
    try:
        for stream in streams:
            stream.wait_for("No sessions found")
        refused = remote("trace client", "client-id=x")
        assert refused.status == 503 and b"8 answers of this kind" in refused.body
        assert broker.metrics()("http_streams_refused_total") == 1
        for command in ["session show", "client show client-id=one", "queue show client-id=one", "metrics show"]:
            words = command.split()
            answer = remote(" ".join(words[:2]), *words[2:])
            assert answer.status == 200, (command, answer.body)
        # The socket has places of its own.
        local = Stream(admin, "trace client", "client-id=x")
        local.wait_for("No sessions found")
        local.close()
    finally:
        for stream in streams:
            stream.close()
    broker.wait_for_metric("client_traces", 0)
