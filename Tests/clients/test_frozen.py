"""A process that stands still for a while: stopped, moved to another machine, or asleep."""

import signal
import time

import pytest

from raw_client import PINGREQ, RawClient, connect
from waiting import wait_until

PINGRESP = (0xD0, b"")


def freeze(broker, seconds):
    """Stops the process; what happens in `with` happens meanwhile."""
    class Frozen:
        def __enter__(self):
            broker.signal(signal.SIGSTOP)
            self.end = time.monotonic() + seconds

        def __exit__(self, *_):
            time.sleep(max(0, self.end - time.monotonic()))
            broker.signal(signal.SIGCONT)

    return Frozen()


@pytest.mark.parametrize("version", [4, 5])
def test_clients_are_not_blamed_for_what_nobody_read(start_broker, version):
    broker = start_broker()
    watcher = RawClient(broker.address())
    watcher.open_session("watcher", 4)
    watcher.subscribe("will", 1)
    clients = []
    for number in range(50):
        client = RawClient(broker.address())
        will = {"topic": "will", "payload": "gone", "qos": 1}
        assert client.open_session(f"c{number}", version, keep_alive=2, will=will) == 0
        clients.append(client)
    late = []
    with freeze(broker, 6):
        for client in clients:
            client.send(PINGREQ)
        for number in range(5):  # the kernel accepts them
            client = RawClient(broker.address())
            client.send(connect(f"late{number}"))
            late.append(client)
    for client in clients:
        assert client.read_packet() == PINGRESP
    for client in late:
        assert client.read_packet()[0] == 0x20
    for client in clients:
        client.send(PINGREQ)
        assert client.read_packet() == PINGRESP
    metrics = broker.metrics()
    assert metrics("client_keepalive_expired") == 0
    assert metrics("ledger_wills_published_total") == 0
    assert metrics("loop_lapses_total") >= 1
    assert len(broker.log("the broker stood still", level="warning")) == 1


def test_a_client_that_is_silent_after_the_stand_still_is_cut(start_broker):
    broker = start_broker()
    client = RawClient(broker.address())
    assert client.open_session("c", 4, keep_alive=2) == 0
    with freeze(broker, 4):
        pass
    assert client.is_ended()
    broker.wait_for_metric("client_keepalive_expired", 1, mqtt_version="4")


def test_a_connect_that_waits_in_the_socket_is_read_before_its_time_is_over(start_broker):
    broker = start_broker({"mqtt_connect_timeout": 1000})
    client = RawClient(broker.address())
    broker.wait_for_metric("active_mqtt_connections", 1)
    with freeze(broker, 3):
        client.send(connect("c"))
    assert client.read_packet()[0] == 0x20
    assert broker.metrics()("socket_close_timeout") == 0


def test_a_client_that_came_back_during_the_stand_still_keeps_its_session_and_its_will(start_broker):
    broker = start_broker()
    watcher = RawClient(broker.address())
    watcher.open_session("watcher", 4)
    watcher.subscribe("will", 1)
    for client_id, expiry, delay in [("session", 3, 3), ("will", 1000, 3)]:
        with RawClient(broker.address()) as client:
            will = {"topic": "will", "payload": client_id, "qos": 1, "delay": delay}
            assert client.open_session(client_id, 5, clean=False, expiry=expiry, will=will) == 0
    broker.wait_for_metric("sessions", 2, state="offline")
    back = []
    with freeze(broker, 5):
        for client_id in ["session", "will"]:
            client = RawClient(broker.address())
            client.send(connect(client_id, 5, clean=False, expiry=1000))
            back.append(client)
    for client in back:
        first, body = client.read_packet()
        assert (first, body[:2]) == (0x20, b"\x01\x00")
    assert broker.metrics()("ledger_wills_published_total") == 0


def test_a_page_that_was_asked_for_during_the_stand_still_is_answered(start_broker):
    broker = start_broker({"http.request_timeout": 2})
    connection = broker.http()
    connection.connect()
    with freeze(broker, 4):
        connection.request("GET", "/health/ping")
    assert connection.getresponse().status == 200
    connection.close()
    wait_until("nobody was cut", lambda: broker.metrics()("http_connections_timed_out_total") == 0)
