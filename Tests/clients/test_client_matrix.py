"""Every client library in every version it speaks, alone and with every other."""

import pytest

import raw_client
from client_libraries import KINDS, Message, Properties
from raw_client import RawClient

SENT = Properties(
    user=[("first", "1"), ("second", "2"), ("first", "3")], content_type="text/plain",
    response_topic="answers/1", correlation=b"number-7", expiry=3600)

each_kind = pytest.mark.parametrize("kind", KINDS, ids=[kind[0] for kind in KINDS])


@pytest.fixture
def make(start_broker):
    """Makes a client of a kind: `make(broker, kind)`; those still there are closed at the end."""
    made = []

    def connect(broker, kind, client_id=None, will=None):
        name, library, version, _ = kind
        client = library(broker, version, client_id or f"{name}-{len(made)}", will)
        client.kind, client.version, client.highest = name, version, kind[3]
        made.append(client)
        return client

    yield connect
    for client in made:
        if not getattr(client, "has_left", False):
            client.close()


def leave(client):
    client.has_left = True
    client.disconnect()


@each_kind
def test_publishes_to_itself_and_disconnects(broker, make, kind):
    client = make(broker, kind)
    client.subscribe("own/#", client.highest)
    for qos in range(client.highest + 1):
        client.publish(f"own/{qos}", b"payload %d" % qos, qos)
        got = client.receive()
        assert (got.topic, got.payload, got.qos) == (f"own/{qos}", b"payload %d" % qos, qos)
        assert not got.is_retained
    leave(client)
    broker.wait_for_metric("connections_closed_total", 1, reason="client_disconnect")


@each_kind
def test_retained(broker, make, kind):
    client = make(broker, kind)
    for qos in range(client.highest + 1):
        client.publish(f"kept/{qos}", b"%d" % qos, qos, is_retained=True)
    broker.wait_for_metric("retain_messages", client.highest + 1)
    client.subscribe("kept/#", client.highest)
    got = {message.topic: message for message in (client.receive() for _ in range(client.highest + 1))}
    assert {topic: (message.payload, message.qos) for topic, message in got.items()} == {
        f"kept/{qos}": (b"%d" % qos, qos) for qos in range(client.highest + 1)}
    assert all(message.is_retained for message in got.values())


@each_kind
def test_will(broker, make, kind):
    watcher = make(broker, kind)
    watcher.subscribe("wills", 1)
    make(broker, kind, client_id="mortal", will=Message("wills", b"gone", 1, False, Properties()))
    # Any library's connection can be ended so, without its DISCONNECT.
    with RawClient(broker.address()) as usurper:
        assert usurper.open_session("mortal") == 0
        got = watcher.receive()
        usurper.send(raw_client.DISCONNECT)
    assert (got.topic, got.payload, got.qos) == ("wills", b"gone", 1)


@each_kind
def test_sends_to_every_other(broker, make, kind):
    receivers = [make(broker, each) for each in KINDS]
    for receiver in receivers:
        receiver.subscribe("all", receiver.highest)
    sender = make(broker, kind)
    for qos in range(sender.highest + 1):
        sender.publish("all", b"%d" % qos, qos, properties=SENT if sender.version == 5 else None)
        for receiver in receivers:
            got = receiver.receive()
            pair = f"{sender.kind} to {receiver.kind}"
            assert (got.payload, got.qos) == (b"%d" % qos, min(qos, receiver.highest)), pair
            if receiver.version != 5:
                continue
            if sender.version != 5:
                assert got.properties == Properties(), pair
                continue
            assert 3590 <= got.properties.expiry <= 3600, pair
            got.properties.expiry = SENT.expiry
            assert got.properties == SENT, pair
    for client in receivers + [sender]:
        leave(client)
    broker.wait_for_metric("sessions", 0)
