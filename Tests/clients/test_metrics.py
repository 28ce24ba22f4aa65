"""The numbers of /metrics are what the clients did, packet for packet."""

import pytest

import raw_client
from raw_client import RawClient

VERSIONS = [4, 5]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_packet_and_byte_is_counted(broker, version):
    with RawClient(broker.address()) as raw:
        assert raw.open_session("counter", version) == 0
        raw.send(raw_client.subscribe("a/#", 1, packet_identifier=1, version=version))
        assert raw.read_packet()[0] == 0x90
        for number in range(7):
            raw.send(raw_client.publish("b", b"unrouted", 0, version=version))
        for number in range(5):
            raw.send(raw_client.publish("b", b"unrouted", 1, number + 1, version))
            assert raw.read_packet()[0] == 0x40
        for number in range(3):
            raw.send(raw_client.publish("b", b"unrouted", 2, number + 1, version))
            assert raw.read_packet()[0] == 0x50
            raw.send(raw_client.packet(0x62, (number + 1).to_bytes(2, "big")))
            assert raw.read_packet()[0] == 0x70
        raw.send(raw_client.publish("a/x", b"routed", 1, 9, version))
        kinds = {}
        for _ in range(2):
            first, body = raw.read_packet()
            kinds[first >> 4] = body
        assert set(kinds) == {3, 4}  # the PUBLISH and the PUBACK, in whatever order
        topic_length = int.from_bytes(kinds[3][:2], "big")
        raw.send(raw_client.packet(0x40, kinds[3][2 + topic_length : 4 + topic_length]))
        for _ in range(4):
            raw.send(raw_client.PINGREQ)
            assert raw.read_packet() == (0xD0, b"")
        reading = broker.metrics()
        assert reading("active_mqtt_connections") == reading("listener_connections", type="mqtt") == 1
        assert reading("sessions", state="online") == 1
        assert reading("router_subscriptions") == 1
        raw.send(raw_client.DISCONNECT)
        assert raw.is_ended()
    reading = broker.wait_for_metric("socket_close", 1)

    def packets(name):
        assert reading(name) == reading(name, mqtt_version=str(version)), "the other version was counted too"
        return reading(name)

    expected = {
        "mqtt_connect_received": 1, "mqtt_connack_sent": 1, "mqtt_subscribe_received": 1, "mqtt_suback_sent": 1,
        "mqtt_publish_received": 16, "mqtt_puback_sent": 6, "mqtt_pubrec_sent": 3, "mqtt_pubrel_received": 3,
        "mqtt_pubcomp_sent": 3, "mqtt_publish_sent": 1, "mqtt_puback_received": 1, "mqtt_pingreq_received": 4,
        "mqtt_pingresp_sent": 4, "mqtt_disconnect_received": 1, "mqtt_unsubscribe_received": 0,
        "mqtt_publish_error": 0, "mqtt_pubrec_received": 0, "mqtt_puback_invalid_error": 0,
    }
    assert {name: packets(name) for name in expected} == expected
    assert (reading("bytes_received"), reading("bytes_sent")) == (raw.sent, raw.received)
    assert reading("connections_closed_total") == 1
    assert reading("connections_closed_total", reason="client_disconnect") == 1
    everything = {
        "socket_open": 1, "socket_error": 0, "connections_accepted_total": 1, "ledger_received_total": 16,
        "ledger_accepted_total": 16, "ledger_unrouted_total": 15, "ledger_copies_total": 1,
        "ledger_delivered_total": 1, "message_drops_total": 0, "router_matches_local": 1,
    }
    assert {name: reading(name) for name in everything} == everything
    at_rest(reading)


def at_rest(reading):
    """Nobody is connected, nothing waits, nothing is unaccounted for."""
    gauges = [
        "total_active_connections", "active_mqtt_connections", "listener_connections", "sessions", "queue_processes",
        "router_subscriptions", "queued_messages", "queued_bytes", "inflight_messages", "output_buffer_bytes",
        "loop_connections", "loop_mailbox_depth",
    ]
    # The HTTP listener has connections of its own: those of this reading.
    assert {name: reading(name, type="mqtt") if name == "listener_connections" else reading(name)
            for name in gauges} == dict.fromkeys(gauges, 0)
    assert reading.residuals() == {}


def test_many_clients_leave_no_trace_in_the_gauges(broker, client):
    subscribers = [client(broker, version=version) for version in (3, 4, 5) for _ in range(5)]
    for subscriber in subscribers:
        subscriber.subscribe("fan/out", 1)
    publisher = client(broker)
    for _ in range(20):
        publisher.publish("fan/out", b"x", 1)
    for subscriber in subscribers:
        assert len(subscriber.receive(20)) == 20
    reading = broker.wait_for_metric("ledger_delivered_total", 300)
    assert reading("sessions", state="online") == 16
    assert reading("ledger_received_total") == reading("mqtt_publish_received") == 20
    assert reading("router_matches_local") == reading("mqtt_publish_sent") == reading("mqtt_puback_received") == 300
    assert reading("mqtt_publish_sent", mqtt_version="4") == 200
    assert reading("mqtt_publish_sent", mqtt_version="5") == 100
    assert reading("fan_out_count") == 20
    assert reading("fan_out_sum") == 300
    for each in [*subscribers, publisher]:
        each.disconnect()
    at_rest(broker.wait_for_metric("socket_close", 16))


def test_reading_the_metrics_changes_no_mqtt_number(broker):
    def mqtt(reading):
        return {name: samples for name, samples in reading.families.items() if "_mqtt_" in name or "ledger" in name}

    assert mqtt(broker.metrics()) == mqtt(broker.metrics())


def test_a_message_out_of_a_full_queue_is_a_counted_drop(start_broker, client):
    broker = start_broker({"max_offline_messages": 5})
    first = client(broker, version=4, client_id="keeper", clean=False)
    first.subscribe("a", 1)
    first.disconnect()
    broker.wait_for_metric("sessions", 1, state="offline")
    publisher = client(broker)
    for number in range(8):
        publisher.publish("a", b"%d" % number, 1)
    reading = broker.metrics()
    assert reading("queued_messages") == 5
    assert reading("queue_message_drop") == reading("message_drops_total", reason="queue_full") == 3
    second = client(broker, version=4, client_id="keeper", clean=False)
    assert [message.payload for message in second.receive(5)] == [b"0", b"1", b"2", b"3", b"4"]


def protocols(reading):
    return {name: reading("clients_online", protocol=name) for name in ("3.1", "3.1.1", "5.0")}


def test_connections_are_told_apart_by_protocol_and_encryption(broker):
    with RawClient(broker.address()) as old, RawClient(broker.address()) as new, RawClient(broker.address()) as newer, \
            RawClient(broker.address()):
        assert old.open_session("old", 4) == new.open_session("new", 5) == newer.open_session("newer", 5) == 0
        reading = broker.wait_for_metric("connections_open", 4, tls_version="none")
        assert protocols(reading) == {"3.1": 0, "3.1.1": 1, "5.0": 2}
        assert reading("connections_opened_total") == reading("connections_opened_total", tls_version="none") == 4
        assert {each["tls_version"] for each, _ in reading.families["vernemq_connections_open"]} == {
            "none", "1.0", "1.1", "1.2", "1.3"}
        # The same client comes again, on whatever loop.
        with RawClient(broker.address()) as again:
            assert again.open_session("new", 5) == 0
            assert new.is_ended()
            reading = broker.wait_for_metric("connections_open", 4)
            assert protocols(reading) == {"3.1": 0, "3.1.1": 1, "5.0": 2}
    reading = broker.wait_for_metric("connections_open", 0)
    assert protocols(reading) == {"3.1": 0, "3.1.1": 0, "5.0": 0}
    assert reading("connections_opened_total") == 5


def test_it_is_told_who_has_ended_a_connection(start_broker):
    broker = start_broker({"max_message_size": "1000"})

    def ended(by, reason):
        broker.wait_for_metric("connections_closed_total", 1, by=by, reason=reason)

    with RawClient(broker.address()) as raw:
        assert raw.open_session("a", 5) == 0
        raw.send(raw_client.DISCONNECT)
        ended("client", "client_disconnect")
    with RawClient(broker.address()) as raw:
        assert raw.open_session("a", 5) == 0
    ended("client", "peer_closed")
    with RawClient(broker.address()) as raw:
        assert raw.open_session("a", 5) == 0
        raw.send(b"\x00\x00")
        assert raw.read_packet()[0] == 0xE0
        ended("server", "malformed")
    with RawClient(broker.address()) as raw:
        assert raw.open_session("a", 5, keep_alive=1) == 0
        ended("network", "keep_alive_timeout")
    reading = broker.metrics()
    assert reading("connections_closed_total") == 4
    assert [reading("connections_closed_total", by=by) for by in ("client", "server", "network")] == [2, 1, 1]


def test_memory_is_told_by_owner(start_broker, client):
    broker = start_broker({"max_offline_messages": "-1"})
    before = broker.metrics()
    sleeper = client(broker, version=4, client_id="sleeper", clean=False)
    sleeper.subscribe("a", 1)
    sleeper.disconnect()
    payload, publisher = b"x" * 100_000, client(broker)
    for _ in range(20):
        publisher.publish("a", payload, 1)
        publisher.publish("kept", payload, 1, retain=True)
    reading = broker.wait_for_metric("queued_messages", 20)
    assert reading("queued_bytes") >= 20 * 100_000
    assert reading("memory_bytes", owner="queues") == reading("queued_bytes")
    assert 100_000 <= reading("memory_bytes", owner="retained") == reading("retain_memory") < 200_000
    assert reading("memory_bytes", owner="store") > 0
    assert reading("memory_bytes", owner="code") > 1 << 20
    known = reading("memory_bytes") - reading("memory_bytes", owner="unattributed")
    resident = reading("process_resident_memory_bytes")
    assert reading("memory_bytes", owner="unattributed") == max(0, resident - known)
    assert before("memory_bytes", owner="retained") < reading("memory_bytes", owner="retained")
