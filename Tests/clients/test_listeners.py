"""Listeners: IPv6, mountpoints, protocol versions, who may connect."""

import pytest

import raw_client
from raw_client import RawClient


def test_ipv6(start_broker, client):
    broker = start_broker({"listener.tcp.six": "[::1]:0"})
    six, four = client(broker, listener="six"), client(broker)
    assert six.address[0] == "::1"
    six.subscribe("a", 1)
    four.publish("a", b"over both", 1)
    assert six.receive().payload == b"over both"


def test_mountpoints_keep_clients_apart(start_broker, client):
    broker = start_broker({
        "listener.tcp.red": "127.0.0.1:0", "listener.tcp.red.mountpoint": "red",
        "listener.tcp.blue": "127.0.0.1:0", "listener.tcp.blue.mountpoint": "blue",
    })
    # The same client id on both: they are two clients.
    clients = {listener: client(broker, listener=listener, client_id="same") for listener in ("red", "blue")}
    for each in clients.values():
        each.subscribe("#", 1)
    for name, each in clients.items():
        each.publish("a", name.encode(), 1, retain=True)
    for name, each in clients.items():
        got = each.receive()
        assert (got.topic, got.payload) == ("a", name.encode())
        assert each.messages.empty()
    late = client(broker, listener="blue")
    late.subscribe("a", 1)
    assert late.receive().payload == b"blue"
    assert broker.metrics()("retain_messages") == 2
    assert broker.metrics()("sessions_taken_over_total") == 0


@pytest.mark.parametrize("allowed, version, code", [
    ("4", 4, 0), ("4", 3, 0x01), ("4", 5, 0x84), ("3,5", 4, 0x01), ("3,5", 3, 0), ("3,5", 5, 0),
])
def test_only_allowed_protocol_versions_come_in(start_broker, allowed, version, code):
    broker = start_broker({"listener.tcp.default.allowed_protocol_versions": allowed})
    with RawClient(broker.address()) as raw:
        assert raw.open_session("a", version) == code
        if code:
            assert raw.is_ended()
            assert broker.metrics()("connections_closed_total", reason="refused") == 1


@pytest.mark.parametrize("version, code", [(3, 0x05), (4, 0x05), (5, 0x86)])
def test_without_anonymous_access_and_plugins_nobody_comes_in(start_broker, version, code):
    # Without a listener where somebody may come in the broker would not start at all.
    broker = start_broker({
        "allow_anonymous": "off", "listener.tcp.open": "127.0.0.1:0",
        "listener.tcp.open.allow_anonymous_override": "on",
    })
    with RawClient(broker.address()) as raw:
        assert raw.open_session("a", version) == code
        assert raw.is_ended()
    reading = broker.wait_for_metric("socket_close", 1)
    assert reading("sessions") == 0
    assert reading("mqtt_connack_sent") == reading("mqtt_connect_received") == 1


def test_one_listener_may_be_open_to_all(start_broker, client):
    broker = start_broker({
        "allow_anonymous": "off", "listener.tcp.open": "127.0.0.1:0",
        "listener.tcp.open.allow_anonymous_override": "on",
    })
    assert client(broker, listener="open").code == 0
    refused = client(broker, username="u", password="p")
    assert refused.code == 0x86


@pytest.mark.parametrize("settings, warns", [
    ({"listener.tcp.default": "0.0.0.0:0"}, True),
    ({"listener.tcp.default": "[::]:0"}, True),
    ({
        "listener.tcp.default": "0.0.0.0:0", "allow_anonymous": "off", "listener.tcp.open": "127.0.0.1:0",
        "listener.tcp.open.allow_anonymous_override": "on",
    }, False),
    ({}, False),
])
def test_a_broker_open_to_everybody_warns(start_broker, settings, warns):
    broker = start_broker(settings)
    said = [line for line in broker.log("configuration", level="warning") if "anybody who reaches" in str(line)]
    assert bool(said) == warns


@pytest.mark.parametrize("version, code", [(4, 0x02), (5, 0x85)])
def test_a_long_client_id_is_rejected(start_broker, version, code):
    broker = start_broker({"max_client_id_size": 10})
    with RawClient(broker.address()) as raw:
        assert raw.open_session("a" * 11, version) == code
    with RawClient(broker.address()) as raw:
        assert raw.open_session("a" * 10, version) == 0


def test_who_does_not_send_connect_is_cut(start_broker):
    broker = start_broker({"mqtt_connect_timeout": 200})
    with RawClient(broker.address()) as raw:
        assert raw.is_ended()
    broker.wait_for_metric("socket_close_timeout", 1)


def test_packets_before_connect_end_the_connection(broker):
    with RawClient(broker.address()) as raw:
        raw.send(raw_client.PINGREQ)
        assert raw.is_ended()
    broker.wait_for_metric("connections_closed_total", 1, reason="protocol_error")
