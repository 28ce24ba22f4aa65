"""Sessions that outlive their connections, take-over and wills."""

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from paho_client import properties
from waiting import wait_until

TAKEN_OVER = 0x8E


def keeper(client, broker, version, clean=False):
    """A client whose session stays."""
    stays = properties("CONNECT", SessionExpiryInterval=3600) if version == 5 else None
    return client(broker, version=version, client_id="keeper", clean=clean, connect_properties=stays)


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_session_is_resumed_with_what_was_sent_meanwhile(broker, client, version):
    first = keeper(client, broker, version)
    assert not first.session_present
    for qos in (0, 1, 2):
        first.subscribe(f"q{qos}", qos)
    first.disconnect()
    broker.wait_for_metric("sessions", 1, state="offline")
    publisher = client(broker)
    for number in range(30):
        publisher.publish(f"q{number % 3}", b"%d" % number, number % 3)
    second = keeper(client, broker, version)
    # 3.1 has no such flag in CONNACK.
    assert second.session_present == (version != 3)
    got = second.receive(20)
    for qos in (1, 2):  # paho shows QoS 2 only when its handshake is complete, so later than QoS 1
        of_qos = [int(message.payload) for message in got if message.qos == qos]
        assert of_qos == [number for number in range(30) if number % 3 == qos]
    reading = broker.metrics()
    assert reading("sessions_resumed_total") == 1
    assert reading("message_drops_total", reason="offline_qos0") == 10


@pytest.mark.parametrize("version", [4, 5])
def test_a_clean_start_ends_the_older_session(broker, client, version):
    first = keeper(client, broker, version)
    first.subscribe("a", 1)
    first.disconnect()
    client(broker).publish("a", b"lost", 1)
    second = keeper(client, broker, version, clean=True)
    assert not second.session_present
    assert broker.metrics()("router_subscriptions") == 0
    assert broker.metrics()("message_drops_total", reason="session_ended") == 1


def test_a_session_expires(broker, client):
    first = client(broker, client_id="a", connect_properties=properties("CONNECT", SessionExpiryInterval=1))
    first.subscribe("a", 1)
    first.disconnect()
    reading = broker.wait_for_metric("sessions_expired_total", 1)
    assert (reading("sessions"), reading("router_subscriptions")) == (0, 0)
    again = client(
        broker, client_id="a", clean=False, connect_properties=properties("CONNECT", SessionExpiryInterval=1))
    assert not again.session_present


@pytest.mark.parametrize("version", [4, 5])
def test_a_newer_connection_takes_the_session_over(broker, client, version):
    older = client(broker, version=version, client_id="same")
    newer = client(broker, version=version, client_id="same")
    code = older.wait_for_disconnect()
    if version == 5:
        assert code == TAKEN_OVER
    assert newer.subscribe("a", 1) == [1]
    assert broker.metrics()("sessions_taken_over_total") == 1


def test_a_message_in_flight_is_sent_again_with_dup(broker, client):
    stays = properties("CONNECT", SessionExpiryInterval=3600)
    first = client(broker, client_id="a", connect_properties=stays, manual_ack=True)
    first.subscribe("a", 1)
    client(broker).publish("a", b"x", 1)
    assert not first.receive().dup
    assert broker.metrics()("inflight_messages") == 1
    first.cut()
    second = client(broker, client_id="a", clean=False, connect_properties=stays)
    got = second.receive()
    assert got.payload == b"x" and got.dup
    broker.wait_for_metric("inflight_messages", 0)


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_will_is_published_unless_the_client_says_goodbye(broker, client, version):
    watcher = client(broker)
    watcher.subscribe("wills/#", 1)
    will = {"payload": b"gone", "qos": 1}
    client(broker, version=version, will={**will, "topic": "wills/polite"}).disconnect()
    client(broker, version=version, will={**will, "topic": "wills/cut"}).cut()
    assert watcher.receive().topic == "wills/cut"
    broker.wait_for_metric("ledger_wills_published_total", 1)


def test_a_disconnect_may_ask_for_the_will(broker, client):
    watcher = client(broker)
    watcher.subscribe("wills", 1)
    leaving = client(broker, will={"topic": "wills", "payload": b"gone"})
    leaving.disconnect(reasoncode=ReasonCode(PacketTypes.DISCONNECT, identifier=0x04))
    assert watcher.receive().payload == b"gone"


def test_a_will_waits_for_its_delay_and_is_forgotten_when_the_client_is_back(broker, client):
    watcher = client(broker)
    watcher.subscribe("wills/#", 1)
    stays = properties("CONNECT", SessionExpiryInterval=3600)

    def cut(name, delay):
        will = Properties(PacketTypes.WILLMESSAGE)
        will.WillDelayInterval = delay
        will = {"topic": f"wills/{name}", "payload": b"", "qos": 1, "properties": will}
        client(broker, client_id=name, connect_properties=stays, will=will).cut()

    cut("back", 1)
    assert client(broker, client_id="back", clean=False, connect_properties=stays).session_present
    cut("away", 1)
    broker.wait_for_metric("sessions", 1, state="offline")
    assert broker.metrics()("ledger_wills_published_total") == 0
    assert watcher.receive().topic == "wills/away"
    assert watcher.messages.empty()


def test_a_silent_client_is_cut_after_one_and_a_half_keep_alives(broker, client):
    silent = client(broker, keep_alive=1, connects=False)
    # The network loop never runs after CONNECT, so no PINGREQ is sent.
    silent.paho.connect(*silent.address, keepalive=1)
    reading = broker.wait_for_metric("client_keepalive_expired", 1)
    assert reading("connections_closed_total", reason="keep_alive_timeout") == 1


def test_pings_keep_a_connection(broker, client):
    pinging = client(broker, keep_alive=1)
    # The second comes after two seconds; without the first the broker would have cut it after one and a half.
    wait_until("two pings", lambda: broker.metrics()("mqtt_pingreq_received") >= 2)
    assert pinging.paho.is_connected()
    assert broker.metrics()("client_keepalive_expired") == 0
    assert pinging.paho.publish("a").rc == paho.MQTT_ERR_SUCCESS
