"""The checks of health: is the broker alive, is it ready, does a message come through."""

import concurrent.futures
import json

import pytest

from disk import Disk
from raw_client import RawClient
from waiting import wait_until

PATH_FACTS = {"loop_us", "router_us", "queue_us"}


def check(broker, name):
    """(status, body) of a check."""
    answer = broker.get(f"/health/{name}")
    assert answer.getheader("Content-Type") == "application/json"
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("name", ["live", "ready", "path"])
def test_a_broker_that_is_well_passes_each_check(broker, name):
    status, body = check(broker, name)
    assert (status, body["status"], body["reasons"]) == (200, "OK", [])
    assert body["duration_us"] >= 0
    broker.wait_for_metric("health_probes_total", 1, check=name, result="ok")


def test_the_path_tells_how_long_each_stage_took(start_broker, client):
    broker = start_broker({"loops": 2})
    listener = client(broker)
    listener.subscribe("#", 1)
    listener.subscribe("$SYS/#", 1)
    status, body = check(broker, "path")
    assert status == 200
    assert [way["loop"] for way in body["loops"]] == [0, 1]
    assert all(way[fact] >= 0 for way in body["loops"] for fact in PATH_FACTS)
    assert body["store_us"] > 0
    metrics = broker.wait_for_metric("ledger_copies_total", 2, origin="broker")
    assert not metrics.residuals()
    for stage in ("loop", "router", "queue", "store"):
        assert metrics("health_path_stage_seconds", stage=stage) >= 0
    assert metrics("ledger_messages_total", origin="client") == 0
    assert metrics("router_subscriptions") == 2
    listener.publish("end", b"", 1)
    assert listener.receive().topic == "end"


def test_many_probers_share_a_walk(broker):
    with concurrent.futures.ThreadPoolExecutor(20) as askers:
        answers = list(askers.map(lambda _: check(broker, "path"), range(100)))
    assert all(status == 200 for status, _ in answers)
    metrics = broker.metrics()
    walks = metrics("health_path_walks_total", result="ok")
    assert walks + metrics("health_path_walks_total", result="shared") == 100
    assert walks < 100


def test_a_listener_that_is_suspended_makes_the_broker_not_ready(broker, admin):
    host, port = broker.address()
    admin("listener stop", f"address={host}", f"port={port}")
    status, body = check(broker, "ready")
    assert (status, body["status"]) == (503, "DOWN")
    assert body["reasons"] == ["Listeners are not ready: [mqtt]"]
    assert check(broker, "live")[0] == 200
    admin("listener restart", f"address={host}", f"port={port}")
    assert wait_until("ready", lambda: check(broker, "ready")[0] == 200)
    broker.wait_for_metric("health_probes_total", 1, check="ready", result="down")


def test_a_broker_that_has_no_room_for_anybody_is_not_ready(start_broker):
    broker = start_broker({"listener.tcp.default.max_connections": 1})
    first = RawClient(broker.address())
    assert first.open_session("first") == 0
    status, body = check(broker, "ready")
    assert (status, body["reasons"]) == (503, ["All listeners have max_connections"])
    first.close()
    wait_until("ready", lambda: check(broker, "ready")[0] == 200)


def test_a_store_that_takes_no_writes_is_named(start_broker, tmp_path):
    disk = Disk(tmp_path, tmp_path / "broker0" / "data")
    broker = start_broker(environment=disk.environment, may_log_errors=True)
    disk.full.touch()
    status, body = wait_until("the path is blocked", lambda: blocked(broker))
    assert status == 503 and any("store" in reason for reason in body["reasons"])
    wait_until(
        "not ready", lambda: check(broker, "ready")[1]["reasons"] == ["The store takes no writes"])
    assert check(broker, "live")[0] == 200
    disk.full.unlink()
    wait_until("the path is open", lambda: check(broker, "path")[0] == 200, deadline=60)
    assert check(broker, "ready")[0] == 200


def blocked(broker):
    status, body = check(broker, "path")
    return (status, body) if status == 503 else None
