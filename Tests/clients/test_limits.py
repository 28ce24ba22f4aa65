"""More clients than there is room for: those over a limit are told, the others and the broker itself go on."""

import contextlib
import json

import pytest

import raw_client
from broker import Broker
from raw_client import RawClient
from waiting import wait_until

MIB = 1 << 20


@pytest.mark.parametrize("version, code", [(3, 0x03), (4, 0x03), (5, 0x97)])
def test_the_client_over_max_connections_is_told(start_broker, version, code):
    broker = start_broker({"listener.tcp.default.max_connections": 3})
    with contextlib.ExitStack() as clients:
        for number in range(3):
            served = clients.enter_context(RawClient(broker.address()))
            assert served.open_session(f"served-{number}", version) == 0
        with RawClient(broker.address()) as fourth:
            assert fourth.open_session("fourth", version) == code
            assert fourth.is_ended()
        reading = broker.wait_for_metric("listener_refused_total", 1, listener="default", limit="max_connections")
        assert reading("listener_connections", listener="default") == 3
        assert reading("listener_connections_limit", listener="default") == 3
        assert reading("connections_refused_total") == 1
        assert [line["limit"] for line in broker.log("no room for more connections")] == ["max_connections"]
        health = broker.get("/health")
        assert health.status == 200
        assert "max_connections" in json.loads(health.body)["limits_reached"][0]
        listener = list(json.loads(broker.get("/status.json").body)[0].values())[0]["listeners"][0]
        assert (listener["conns"], listener["max_conns"], listener["refused"]) == (3, 3, 1)
        served.close()
        broker.wait_for_metric("active_mqtt_connections", 2)
        with RawClient(broker.address()) as fifth:
            assert fifth.open_session("fifth", version) == 0


def test_with_the_action_wait_clients_wait_in_the_backlog(start_broker):
    broker = start_broker({"listener.tcp.default.max_connections": 1, "listener.max_connections_action": "wait"})
    with contextlib.ExitStack() as clients:
        first = clients.enter_context(RawClient(broker.address()))
        assert first.open_session("first") == 0
        # Not before: of two clients that wait at two loops, either may be the one that is let in.
        second = clients.enter_context(RawClient(broker.address()))
        second.send(raw_client.connect("second"))
        wait_until("the loop leaves it in the backlog", lambda: broker.metrics()("accept_paused_total") >= 1)
        assert broker.metrics()("connections_refused_total") == 0
        broker.wait_for_log("clients wait in the backlog")
        broker.wait_for_metric("clients_waiting", 1)
        first.close()
        assert second.read_packet() == (0x20, b"\x00\x00")
        broker.wait_for_metric("clients_waiting", 0)


def test_few_descriptors_are_enough_for_the_store_the_pages_and_those_who_fit(start_broker):
    """300 clients and 256 descriptors: LevelDB once failed, and /metrics timed out."""
    broker = start_broker({}, open_files=256)
    budget = broker.log("descriptors shared out")[0]
    assert sum(int(budget[name]) for name in ("clients", "http", "refusals", "store", "broker")) == 256
    room = int(budget["clients"])
    assert room >= 64
    with contextlib.ExitStack() as crowd:
        codes = []
        for number in range(300):
            one = crowd.enter_context(RawClient(broker.address()))
            codes.append(one.open_session(f"one-{number}", 5, clean=False))
        assert codes.count(0) == room
        assert codes.count(0x97) == 300 - room
        reading = broker.metrics()
        assert reading("descriptors_open", use="clients") == reading("descriptors_limit", use="clients") == room
        assert reading("listener_refused_total", limit="descriptors") == 300 - room
        assert reading("accept_descriptor_exhausted_total") == 0
        assert reading("store_errors_total") == 0
        assert broker.get("/health").status == 200
    with RawClient(broker.address()) as late:
        broker.wait_for_metric("active_mqtt_connections", 1)
        assert late.open_session("late", 5) == 0


def test_too_few_descriptors_keep_the_broker_from_starting(binary, tmp_path):
    broker = Broker(binary, tmp_path, {}, open_files=100)
    assert broker.wait_for_exit() != 0
    said = (broker.folder / "stderr.log").read_text()
    assert "the limit on open files is 100" in said and "raise it to" in said


def test_halves_of_large_connects_take_little_memory(start_broker):
    """2,000 such peers once took 750 MB, and 1.3 GB after they had been cut."""
    broker = start_broker({"loops": 2})
    before = broker.resident_bytes()
    head = b"\x10\xc0\x84\x3d" + raw_client.text("MQTT") + b"\x04\x02\x00\x00\xff\xff"
    peak = 0
    with contextlib.ExitStack() as crowd:
        for number in range(400):
            peer = crowd.enter_context(RawClient(broker.address()))
            with contextlib.suppress(OSError):  # it may have been cut already
                peer.send(head + b"a" * 500_000)
            if number % 20 == 0:
                peak = max(peak, broker.resident_bytes())
                with RawClient(broker.address()) as honest:
                    assert honest.open_session(f"honest-{number}") == 0
        assert peak - before < 100 * MIB
        reading = broker.metrics()
        assert reading("newcomer_bytes") <= 16 * MIB
        assert reading("connections_closed_total", reason="newcomer_memory") > 100
    broker.wait_for_metric("newcomer_bytes", 0)
    wait_until("freed memory goes back", lambda: broker.resident_bytes() - before < 50 * MIB)


@pytest.mark.parametrize("depth", [0, 65535])
def test_no_topic_has_more_levels_than_the_broker_takes(start_broker, depth):
    broker = start_broker({"topic_max_depth": depth})
    with RawClient(broker.address()) as client:
        assert client.open_session("diver") == 0
        client.send(raw_client.subscribe("/" * 1023) + raw_client.publish("/" * 1023, b"deep"))
        assert client.read_packet()[0] >> 4 == 9
        assert client.read_packet()[0] >> 4 == 3
        client.send(raw_client.publish("/" * 1024, b"too deep"))
        assert client.is_ended()
