"""What the log tells of clients and limits: who, and why; and no more than tens of lines."""

import contextlib

from paho_client import properties
from raw_client import RawClient, connect
from waiting import wait_until


def events(broker, code):
    return [line for line in broker.log() if line.get("event") == code]


def wait_for_event(broker, code, deadline=60):
    return wait_until(f"the event {code}", lambda: events(broker, code), deadline=deadline)[0]


def peer(client):
    host, port = client.socket.getsockname()[:2]
    return f"{host}:{port}"


def test_a_refused_client_is_named(start_broker):
    broker = start_broker({"max_client_id_size": 3})
    client = RawClient(broker.address())
    client.send(connect("nobody", 5))
    line = wait_for_event(broker, "client_connect_refused")
    assert (line["level"], line["client"], line["peer"], line["listener"]) == ("info", "nobody", peer(client), "default")
    assert (line["code"], line["reason"]) == (133, "client_identifier_not_valid")


def test_protocol_errors_are_told_with_and_without_a_session(broker):
    with RawClient(broker.address()) as early:
        early.send(b"\xc0\x00")
        line = wait_for_event(broker, "client_protocol_error")
        assert line["peer"] == peer(early) and "client" not in line and line["reason"] == "protocol_error"
    with RawClient(broker.address()) as client:
        assert client.open_session("wrong", 4) == 0
        client.send(b"\x36\x05\x00\x01a\x00\x01")  # QoS 3
        wait_until("a second line", lambda: len(events(broker, "client_protocol_error")) == 2)
        line = events(broker, "client_protocol_error")[1]
        assert (line["client"], line["peer"]) == ("wrong", peer(client))
        assert line["reason"] == "malformed" and line["problem"]


def test_a_take_over_names_both_peers(broker):
    with RawClient(broker.address()) as first, RawClient(broker.address()) as second:
        assert first.open_session("same", 4) == 0
        assert second.open_session("same", 4) == 0
        line = wait_for_event(broker, "session_taken_over")
        assert (line["client"], line["peer"], line["new_peer"]) == ("same", peer(first), peer(second))


def test_a_client_that_loses_messages_is_told_once_and_at_its_end(start_broker, client):
    broker = start_broker({"max_offline_messages": 5, "loops": 2})
    stays = properties("CONNECT", SessionExpiryInterval=3600)
    away = client(broker, version=5, client_id="away", clean=False, connect_properties=stays)
    away.subscribe("t", 1)
    away.disconnect()
    publisher = client(broker)
    for number in range(205):
        publisher.publish("t", b"%d" % number, 1)
    broker.wait_for_metric("message_drops_total", 200, reason="queue_full")
    line = wait_for_event(broker, "client_drops_began")
    assert (line["client"], line["reason"], line["waiting"], line["online"]) == ("away", "queue_full", 5, False)
    # The session ends.
    client(broker, version=5, client_id="away").disconnect()
    line = wait_for_event(broker, "client_drops_ended")
    assert (line["client"], line["dropped"]) == ("away", 200)
    assert len(events(broker, "client_drops_began")) == 1


def test_a_client_that_does_not_read_is_told(broker, client):
    slow = RawClient(broker.address(), receive_buffer=4096)
    assert slow.open_session("slow", 4) == 0
    slow.subscribe("t", 0)
    publisher = client(broker)
    def flood():
        publisher.publish("t", bytes(500_000), 1)
        return events(broker, "client_slow")
    line = wait_until("the event", flood, deadline=60)[0]
    assert (line["client"], line["peer"], line["reason"]) == ("slow", peer(slow), "output_full")
    slow.close()


def test_a_limit_is_told_as_it_is_reached_and_as_it_clears_though_nobody_comes(start_broker):
    broker = start_broker({"listener.tcp.default.max_connections": 1})
    with contextlib.ExitStack() as clients:
        first = clients.enter_context(RawClient(broker.address()))
        assert first.open_session("first", 4) == 0
        second = clients.enter_context(RawClient(broker.address()))
        assert second.open_session("second", 4) == 3
        line = wait_for_event(broker, "limit_reached")
        assert (line["limit"], line["listener"]) == ("max_connections", "default")
        assert (line["connections"], line["maximum"]) == (1, 1)
    # Whoever reads the metrics makes the loops look; nobody connects.
    def is_cleared():
        broker.metrics()
        return events(broker, "limit_cleared")
    line = wait_until("it clears", is_cleared, deadline=60)[0]
    assert (line["limit"], line["listener"], line["kept_out"]) == ("max_connections", "default", 1)


def test_a_storm_of_refusals_writes_tens_of_lines(start_broker):
    broker = start_broker({"max_client_id_size": 3, "loops": 2})
    count = 500
    for number in range(count):
        with RawClient(broker.address()) as client:
            client.send(connect(f"long{number}"))
            assert client.read_packet() == (0x20, b"\x00\x02")
    def told():
        return len(events(broker, "client_connect_refused"))
    def omitted():
        return broker.metrics()("log_client_events_omitted_total", event="client_connect_refused")
    # A thread of its own writes the log.
    wait_until("each is told or counted", lambda: told() + omitted() == count)
    # They may lie in more than one minute.
    assert 1 <= told() < count / 4


def test_hostile_names_stay_within_their_line(start_broker):
    broker = start_broker({
        "max_client_id_size": 3,
        "log.console": "both", "log.console.file": "./text.log", "log.console.file.format": "text"})
    for name in ("x\n2026-01-01T00:00:00.000Z error forged event=forged", "\x1b[2J\u202e ", "a" * 60_000, 'q" event=forged'):
        with RawClient(broker.address()) as client:
            client.send(connect(name))
            assert client.read_packet() == (0x20, b"\x00\x02")
    text = broker.folder / "text.log"
    def refusals():
        return [line for line in text.read_bytes().split(b"\n") if b"event=client_connect_refused" in line]
    wait_until("all lines", lambda: len(refusals()) == 4)
    lines, refused = text.read_bytes().split(b"\n"), refusals()
    assert all(len(line) <= 4096 for line in refused)
    assert not any(byte < 0x20 or byte == 0x7F for line in refused for byte in line)
    assert not any(line.startswith(b"2026-01-01") for line in lines)
