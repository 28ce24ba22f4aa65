"""Wills of clients that were connected when the broker ended, in peace or not."""

import signal

import pytest

from raw_client import DISCONNECT, RawClient, publish
from wall_clock import DAY, WallClock

FOR_EVER = 0xFFFFFFFF


def watch(broker, first=False):
    """A lasting client that gets all wills."""
    watcher = RawClient(broker.address())
    assert watcher.open_session("watcher", 5, clean=first, expiry=FOR_EVER) == 0
    if first:
        watcher.subscribe("will/#", 1)
        watcher.subscribe("end", 1)
    return watcher


def wills_so_far(broker):
    """What has come to the watcher, who was away."""
    with RawClient(broker.address()) as sender:
        assert sender.open_session("sender", 5) == 0
        sender.publish("end", b"")
    with watch(broker) as watcher:
        found = sorted(message.payload.decode() for message in watcher.messages_until("end"))
        broker.wait_for_metric("store_rows", 0, kind="copies")
        return found


def will(name, delay=None):
    return {"topic": f"will/{name}", "payload": name, "qos": 1, "delay": delay}


def end(broker, how, clients=()):
    """As a crash or a planned stop, without the start. In a stop `clients` close when they are sent away: the broker
    would wait two seconds for them."""
    if how == "TERM":
        broker.signal(signal.SIGTERM)
        for client in clients:
            assert client.is_ended()
            client.close()
        assert broker.wait_for_exit() == 0
    else:
        broker.kill()


def start(broker):
    broker.launch()
    broker.wait_until_ready()


# Client id, version, session expiry, will delay, and whether its will is told at the end by KILL and by TERM when the
# client does not come back at once.
CLIENTS = [
    ("clean3", 4, None, None, True, True),
    ("lasting3", 4, FOR_EVER, None, True, True),
    ("clean5", 5, 0, None, True, True),
    ("clean5-delayed", 5, 0, 300, True, True),
    ("lasting5", 5, 300, None, True, True),
    ("never-ending5", 5, FOR_EVER, None, True, True),
    ("lasting5-delayed", 5, 300, 300, False, False),
    ("never-ending5-delayed", 5, FOR_EVER, 300, False, False),
]


def come(broker, client_id, version, expiry, delay, clean_start=True):
    client = RawClient(broker.address())
    clean = clean_start if version == 5 else expiry is None
    assert client.open_session(client_id, version, clean=clean, expiry=expiry, will=will(client_id, delay)) == 0
    return client


@pytest.mark.parametrize("how", [("KILL",), ("TERM",), ("KILL", "KILL"), ("KILL", "TERM"), ("TERM", "KILL")])
def test_every_will_is_told_once_or_waits_for_its_client(start_broker, how):
    broker = start_broker()
    watch(broker, first=True).close()
    clients = [come(broker, *each[:4]) for each in CLIENTS]
    broker.wait_for_metric("store_rows", 3, kind="wills")
    for each in how:
        end(broker, each, clients)
        start(broker)
    assert wills_so_far(broker) == sorted(each[0] for each in CLIENTS if each[4])
    assert broker.metrics()("store_rows", kind="wills") == 0
    for client in clients:
        client.close()


@pytest.mark.parametrize("how", ["KILL", "TERM"])
def test_a_client_that_is_back_at_once_resumes_and_only_its_delayed_will_is_not_told(start_broker, how):
    broker = start_broker()
    watch(broker, first=True).close()
    clients = [come(broker, *each[:4]) for each in CLIENTS]
    broker.wait_for_metric("store_rows", 3, kind="wills")
    end(broker, how, clients)
    start(broker)
    for each in CLIENTS:
        client = come(broker, *each[:4], clean_start=False)
        assert client.is_present == (each[2] not in (None, 0)), each
        client.send(DISCONNECT)
        assert client.is_ended()
    assert wills_so_far(broker) == sorted(each[0] for each in CLIENTS if each[4])
    for client in clients:
        client.close()


@pytest.mark.parametrize("how", ["KILL", "TERM"])
def test_a_delayed_will_is_told_when_its_delay_or_its_session_is_over(start_broker, how):
    broker = start_broker()
    watch(broker, first=True).close()
    clients = [come(broker, "delay", 5, 300, 1), come(broker, "expiry", 5, 1, 300)]
    broker.wait_for_metric("store_rows", 3, kind="sessions")
    end(broker, how, clients)
    start(broker)
    # Not by what this process has published: the one before may have, when its end took long.
    broker.wait_for_metric("store_rows", 2, kind="copies")
    assert wills_so_far(broker) == ["delay", "expiry"]
    for client in clients:
        client.close()


def test_what_was_over_while_the_broker_was_down_is_told_before_anybody_comes(start_broker, tmp_path):
    clock = WallClock(tmp_path)
    broker = start_broker(environment=clock.environment)
    watch(broker, first=True).close()
    clients = [come(broker, "delay", 5, DAY, 300), come(broker, "expiry", 5, 300, DAY)]
    broker.wait_for_metric("store_rows", 3, kind="sessions")
    end(broker, "TERM", clients)
    clock.set(600)  # time that passes while the broker is down
    start(broker)
    delayed = come(broker, "delay", 5, 300, None, clean_start=False)
    assert delayed.is_present
    expired = come(broker, "expiry", 5, 300, None, clean_start=False)
    assert not expired.is_present
    for client in (delayed, expired):
        client.send(DISCONNECT)
    assert wills_so_far(broker) == ["delay", "expiry"]
    for client in clients:
        client.close()


def test_a_will_that_was_taken_back_is_not_told(start_broker):
    broker = start_broker()
    watch(broker, first=True).close()
    clients = [come(broker, *each[:4]) for each in CLIENTS]
    broker.wait_for_metric("store_rows", 3, kind="wills")
    for client in clients:
        client.send(DISCONNECT)
        assert client.is_ended()
    broker.wait_for_metric("store_rows", 0, kind="wills")
    end(broker, "KILL")
    start(broker)
    assert wills_so_far(broker) == []


def test_a_retained_will_of_a_clean_session_replaces_what_it_had_said(start_broker):
    broker = start_broker()
    client = RawClient(broker.address())
    said = {"topic": "state", "payload": "offline", "qos": 1, "retain": True}
    assert client.open_session("c", 4, will=said) == 0
    client.publish("state", b"online", retain=True)
    broker.wait_for_metric("store_rows", 1, kind="wills")
    end(broker, "KILL")
    start(broker)
    with RawClient(broker.address()) as reader:
        reader.open_session("reader", 4)
        reader.subscribe("end", 1)
        reader.subscribe("state", 1)
        reader.send(publish("end", b""))
        assert [message.payload for message in reader.messages_until("end")] == [b"offline"]
    client.close()


def test_the_first_to_come_after_a_crash_finds_the_will_told(start_broker):
    broker = start_broker()
    watch(broker, first=True).close()
    for round in range(5):
        client = come(broker, "c", 5, FOR_EVER, None, clean_start=round == 0)
        # PUBACK tells that the session is in the store too, for the kill is no test of the commit window.
        client.publish("will/marker", b"m%d" % round)
        end(broker, "KILL")
        broker.launch()
        broker.wait_for_log("listening")
        back = come(broker, "c", 5, FOR_EVER, None, clean_start=False)
        assert back.is_present
        back.send(DISCONNECT)
        assert back.is_ended()
        client.close()
        broker.wait_until_ready()
    assert wills_so_far(broker) == sorted(["c"] * 5 + [f"m{round}" for round in range(5)])
