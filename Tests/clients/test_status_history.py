"""The status page's data: the numbers, the history and its file, what is refused."""

import gzip
import json
import time

import pytest

from paho_client import properties
from waiting import wait_until

RANGES = {"15m": 1, "6h": 10, "48h": 60}


def status(broker):
    """(name, numbers) of the node."""
    [(name, node)] = json.loads(broker.get("/status.json").body)[0].items()
    return name, node


def history(broker, span="15m"):
    answer = broker.get(f"/status/history.json?range={span}")
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def known(values):
    return [value for value in values if value is not None]


@pytest.mark.parametrize("query", ["range=", "range", "range=1h", "range=15m&range=6h", "range=15M", "range=%00", "range=" + "9" * 2000])
def test_a_range_that_is_not_there_is_refused_with_those_that_are(broker, query):
    answer = broker.get(f"/status/history.json?{query}")
    assert answer.status == 400
    assert answer.body.decode() == "range must be one of 15m, 6h, 48h\n"


def test_every_range_has_all_series_of_one_length(broker):
    wait_until("there is a sample", lambda: history(broker)["series"]["clients"])
    for span, interval in RANGES.items():
        read = history(broker, span)
        assert (read["range"], read["interval_s"]) == (span, interval)
        assert {len(values) for values in read["series"].values()} <= {1, 2} or span == "15m"
        assert len({len(values) for values in read["series"].values()}) == 1
        assert read["series"].keys() == read["units"].keys()
    assert json.loads(broker.get("/status/history.json").body)["range"] == "15m"
    answer = broker.get("/status/history.json", **{"Accept-Encoding": "gzip"})
    assert json.loads(gzip.decompress(answer.body))["range"] == "15m"


def test_what_was_published_and_lost_is_in_the_history(broker, client):
    subscriber = client(broker, client_id="s", connect_properties=properties("CONNECT", SessionExpiryInterval=600))
    subscriber.subscribe("a", 0)
    wait_until("there are two samples", lambda: len(history(broker)["series"]["in"]) >= 2)
    subscriber.disconnect()
    publisher = client(broker)
    for _ in range(20):
        publisher.publish("a", b"x", 1)

    def is_there():
        series = history(broker)["series"]
        total = {name: sum(known(series[name])) for name in ("in", "lost", "lost_offline_qos0", "lost_expired")}
        return total if total["lost"] > 19 else None

    # A rate times its second is a number; the looks are not exactly a second apart.
    total = wait_until("the loss is in the history", is_there)
    assert total["in"] == pytest.approx(20, rel=0.2) and total["lost_offline_qos0"] == pytest.approx(20, rel=0.2)
    assert total["lost_expired"] == 0


def test_the_history_is_kept_over_a_restart_with_a_gap_for_the_time_between(broker):
    wait_until("there are three samples", lambda: len(known(history(broker)["series"]["clients"])) >= 3)
    end = history(broker)["end_s"]
    assert broker.stop() == 0
    before = (broker.folder / "data" / "metric-history").stat().st_size
    assert 100_000 < before < 10_000_000
    wait_until("there are seconds of which nobody knows anything", lambda: time.time() > end + 4)
    broker.launch()
    broker.wait_until_ready()

    def is_new():
        read = history(broker)
        return read if read["end_s"] > end + 1 and read["series"]["in"][-1] is not None else None

    read = wait_until("there are new samples", is_new)
    clients, rates = read["series"]["clients"], read["series"]["in"]
    assert len(known(clients)) >= 4
    # Rates need two looks of one run, so the first second of the new one is a gap at least.
    begin = next(i for i, value in enumerate(rates) if value is not None)
    assert None in rates[begin:]
    assert not list((broker.folder / "data").glob("metric-history.new"))


@pytest.mark.parametrize("content", [b"", b"hello", b"VMQHIST1" + bytes(500), b"\xff" * 700_000, b"x" * 11_000_000])
def test_a_file_that_is_no_history_is_named_in_the_log_and_replaced(start_broker, broker, content):
    assert broker.stop() == 0
    path = broker.folder / "data" / "metric-history"
    path.write_bytes(content)
    broker.launch()
    broker.wait_until_ready()
    [line] = broker.log("the history of metrics was not read")
    assert line["level"] == "warning" and str(path.name) in json.dumps(line)
    wait_until("there is a sample", lambda: history(broker)["series"]["clients"])
    assert broker.stop() == 0
    assert path.read_bytes().startswith(b"VMQHIST1") and 100_000 < path.stat().st_size < 10_000_000
    broker.launch()
    broker.wait_until_ready()
    assert not broker.log("the history of metrics was not read")


def test_a_history_that_cannot_be_written_is_said_once_and_stops_nothing(broker):
    (broker.folder / "data" / "metric-history.new").mkdir()
    assert broker.stop() == 0
    assert len(broker.log("the history of metrics cannot be kept")) == 1


def queue_difference(node):
    return node["queue_in"] - node["queue_out"] - node["queue_drop"] - node["queue_unhandled"]


def test_the_counters_of_queues_say_what_waits_when_sessions_end_and_after_a_restart(broker, client):
    for name in "abc":
        waiting = client(broker, client_id=name, connect_properties=properties("CONNECT", SessionExpiryInterval=600))
        waiting.subscribe("q/#", 1)
        waiting.disconnect()
    publisher = client(broker)
    for i in range(10):
        publisher.publish("q/1", str(i).encode(), 1)
    wait_until("thirty wait", lambda: queue_difference(status(broker)[1]) == 30)
    client(broker, client_id="a").disconnect()  # a clean start: ten are lost with the session
    wait_until("the session has ended", lambda: status(broker)[1]["queue_unhandled"] == 10)
    _, node = status(broker)
    assert queue_difference(node) == 20 and node["msg_drop"] == 10
    assert broker.stop() == 0
    broker.launch()
    broker.wait_until_ready()
    wait_until("twenty wait still", lambda: queue_difference(status(broker)[1]) == 20)
    receiver = client(broker, client_id="b", clean=False, connect_properties=properties("CONNECT", SessionExpiryInterval=600))
    receiver.receive(10)
    wait_until("ten are acknowledged", lambda: queue_difference(status(broker)[1]) == 10)


def test_metrics_history_draws_the_same_numbers(broker, admin):
    wait_until("there is a sample", lambda: known(history(broker)["series"]["clients"]))
    rows = admin("metrics history").rows
    assert {"in", "out", "lost", "clients", "loop_busy", "latency_p99"} <= {row["number"] for row in rows}
    assert all(len(row["course"]) == 48 for row in rows)
    answer = admin("metrics history", "name=clients", "--minutes=15")
    assert answer.rows[0]["now"] == 0 and "15 min ago" in answer.of("text")
    assert admin("metrics history", "name=clients", "--minutes=2881").status == 400
    assert admin("metrics history", "name=clients", "--minutes=2880").status == 200
