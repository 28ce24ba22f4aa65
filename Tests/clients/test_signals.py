"""SIGTERM, SIGINT and SIGHUP."""

import os
import signal
import time

import pytest

import raw_client
from raw_client import RawClient
from waiting import wait_until

SHUTTING_DOWN = 0x8B


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_clients_are_told_that_the_broker_goes(broker, client, number):
    new, old = client(broker), client(broker, version=4)
    broker.signal(number)
    assert new.wait_for_disconnect() == SHUTTING_DOWN
    old.wait_for_disconnect()
    assert broker.wait_for_exit() == 0
    assert broker.log("stopped")


def test_the_disconnect_is_the_last_packet(broker):
    with RawClient(broker.address()) as raw:
        raw.open_session("a", version=5)
        broker.signal(signal.SIGTERM)
        first, body = raw.read_packet()
        assert (first, body[0]) == (0xE0, SHUTTING_DOWN)
        assert raw.is_ended()
    assert broker.wait_for_exit() == 0


def test_wills_do_not_disturb_the_end(broker, client):
    watcher = client(broker)
    watcher.subscribe("wills", 1)
    for _ in range(5):
        client(broker, will={"topic": "wills", "payload": b"gone", "qos": 1})
    broker.signal(signal.SIGTERM)
    assert watcher.wait_for_disconnect() == SHUTTING_DOWN
    assert broker.wait_for_exit() == 0


@pytest.fixture
def stuck(client):
    """Makes a client that does not read, with much waiting for it."""
    made = []

    def make(broker):
        raw = RawClient(broker.address(), receive_buffer=4096)
        made.append(raw)
        raw.open_session("stuck")
        raw.send(raw_client.subscribe("flood"))
        raw.read_packet()
        publisher = client(broker, version=4)
        for _ in range(200):
            publisher.publish("flood", b"x" * 65536, 1)
        assert broker.metrics()("connection_write_blocked_total") > 0

    yield make
    for raw in made:
        raw.close()


def test_a_client_that_does_not_read_cannot_hold_the_broker_up(start_broker, stuck):
    broker = start_broker({"shutdown_timeout": 1000})
    stuck(broker)
    begun = time.monotonic()
    broker.signal(signal.SIGTERM)
    assert broker.wait_for_exit() == 0
    assert 0.9 < time.monotonic() - begun < 4
    assert broker.log("did not read", level="warning")


def test_a_second_signal_ends_at_once(start_broker, stuck):
    broker = start_broker({"shutdown_timeout": 60000})
    stuck(broker)
    broker.signal(signal.SIGTERM)
    broker.wait_for_log("stopping")
    assert broker.process.poll() is None
    broker.signal(signal.SIGTERM)
    broker.wait_for_exit(deadline=5)


def test_sighup_reopens_the_log_file(start_broker, client):
    broker = start_broker({"log.console": "file", "log.console.file": "./broker.log"}, log="broker.log")
    both = client(broker)
    os.rename(broker.folder / "broker.log", broker.folder / "broker.log.1")
    broker.signal(signal.SIGHUP)
    broker.wait_for_log("reopened")
    assert "started" in (broker.folder / "broker.log.1").read_text()
    assert both.subscribe("a", 1) == [1]  # the connection is untouched
    broker.signal(signal.SIGTERM)
    assert both.wait_for_disconnect() == SHUTTING_DOWN
    assert broker.wait_for_exit() == 0
    wait_until("the new file has the end", lambda: broker.log("stopped"))
