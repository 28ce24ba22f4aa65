"""/metrics in all its forms: text 0.0.4, OpenMetrics 1.0 and protobuf, by what reads them elsewhere."""

import gzip
import json
import socket
import threading

import pytest
from admin import Admin
from metrics import Metrics
from prometheus import ACCEPT, TRACE, Prometheus, Relay, same
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics_families
from waiting import DEADLINE, wait_until

# What differs from one reading to the next on a broker that is left alone.
MOVING = (
    "system_", "vm_memory", "process_", "loop_", "snapshot_", "http_", "metrics_", "memory_", "descriptors_", "api_",
    "store_disk")


def traffic(broker, client):
    """Clients of both versions, with a loss."""
    both = [client(broker, version=version) for version in (4, 5)]
    for each in both:
        each.subscribe("a/#", 1)
    for each in both:
        for qos in (0, 1, 2):
            each.publish("a/b", b"x", qos)
        each.publish("nobody", b"x", 1)
    wait_until("all is delivered", lambda: broker.metrics()("ledger_delivered_total") == 12)
    return both


def resting(samples):
    """Those samples that do not move on their own."""
    return {key: value for key, value in samples.items() if not dict(key)["__name__"].startswith(
        tuple("vernemq_" + name for name in MOVING))}


def parsed(families):
    """As `Prometheus.samples`, of a parser's families, without the times of creation."""
    found = {}
    for family in families:
        for sample in family.samples:
            if sample.name.endswith("_created"):
                continue
            key = tuple(sorted({**sample.labels, "__name__": sample.name}.items()))
            assert key not in found, f"{key} stands twice"
            found[key] = sample.value
    return found


def of_text(text):
    """The same of the text format."""
    return {
        tuple(sorted({**labels, "__name__": name}.items())): value
        for name, samples in Metrics(text).families.items() for labels, value in samples}


def scrape(broker, form):
    answer = broker.get("/metrics", Accept=ACCEPT[form])
    assert answer.status == 200
    assert answer.getheader("Content-Type").replace(" ", "").startswith(ACCEPT[form])
    assert "Accept" in answer.getheader("Vary")
    return answer.body


def test_the_openmetrics_parser_finds_nothing_wrong_and_the_numbers_of_the_text(broker, client):
    traffic(broker, client)
    open_metrics = list(open_metrics_families(scrape(broker, "openmetrics").decode()))
    numbers = parsed(open_metrics)
    text = scrape(broker, "text").decode()
    assert len(numbers) > 700
    assert numbers.keys() == of_text(text).keys()
    rest = resting(of_text(text))
    assert len(rest) > 400
    assert {key: value for key, value in rest.items() if not same(numbers[key], value)} == {}
    types = {family.name: (family.type, family.unit) for family in open_metrics}
    assert types["vernemq_socket_open"] == ("unknown", "")
    assert types["vernemq_ledger_accepted"] == ("counter", "")
    assert types["vernemq_loop_busy_seconds"] == ("counter", "seconds")
    assert types["vernemq_loop_turn_seconds"] == ("histogram", "seconds")
    created = [
        sample for family in open_metrics for sample in family.samples if sample.name.endswith("_created")]
    began = Metrics(text)("process_start_time_seconds")
    assert len(created) > 100 and {sample.value for sample in created} == {began}


def test_a_real_prometheus_reads_the_same_from_each_form(start_broker, client, tmp_path):
    broker = start_broker({"metrics.native_histograms": "on"})
    traffic(broker, client)
    with Relay(broker, ACCEPT["text"]) as text, Relay(broker, ACCEPT["openmetrics"]) as open_metrics, \
            Relay(broker, ACCEPT["protobuf"]) as protobuf:
        jobs = {"text": text.target, "openmetrics": open_metrics.target, "protobuf": protobuf.target}
        with Prometheus(tmp_path, jobs, features=["native-histograms", "exemplar-storage"]) as prometheus:
            prometheus.wait_for("each form was scraped", 'count by (job) (vernemq_socket_open == 2)', 1, 1, 1)
            prometheus.wait_for("no scrape failed", 'up', 1, 1, 1)
            seen = {job: prometheus.samples(job) for job in jobs}
            seen["openmetrics"] = {
                key: value for key, value in seen["openmetrics"].items()
                if not dict(key)["__name__"].endswith("_created")}
            # This Prometheus keeps the native histograms and drops the classic ones beside them.
            histograms = {
                key for key in seen["text"]
                if dict(key)["__name__"].endswith(("_bucket", "_sum", "_count")) and "_bytes" not in dict(key)["__name__"]}
            assert len(histograms) > 100
            assert seen["openmetrics"].keys() == seen["text"].keys()
            assert seen["protobuf"].keys() == {
                key for key in seen["text"] if key not in histograms or key in seen["protobuf"]}
            for job in ("openmetrics", "protobuf"):
                rest = resting(seen[job])
                assert len(rest) > 200
                assert {key: value for key, value in rest.items() if not same(seen["text"][key], value)} == {}, job
            # Native and classic histograms know of the same observations.
            classic = 'vernemq_fan_out_count{job="text"}'
            native = 'histogram_count(vernemq_fan_out{job="protobuf"})'
            assert prometheus.query(native) == prometheus.query(classic) == [8]
            assert prometheus.query('histogram_sum(vernemq_fan_out{job="protobuf"})') == [12]
            # Of 8 messages 2 matched nobody and 6 both: a native bucket is 9 % wide and each number within 16 %.
            [median] = prometheus.query('histogram_quantile(0.9, vernemq_fan_out{job="protobuf"})')
            assert 2 / 1.16 < median < 2 * 1.16
            # A scraper that traces its scrapes finds the trace of a slow one.
            def exemplars():
                data = prometheus.ask(
                    "query_exemplars", query='vernemq_metrics_scrape_seconds_bucket{job="openmetrics"}',
                    start="0", end="99999999999")
                return [exemplar for series in data for exemplar in series["exemplars"]]

            wait_until("the exemplar is there", lambda: [
                each for each in exemplars() if each["labels"] == {"trace_id": TRACE, "span_id": "b7ad6b7169203331"}],
                4 * DEADLINE)


def test_without_native_histograms_a_prometheus_keeps_the_classic_ones(broker, client, tmp_path):
    traffic(broker, client)
    with Relay(broker, ACCEPT["text"]) as text, Relay(broker, ACCEPT["protobuf"]) as protobuf:
        with Prometheus(tmp_path, {"text": text.target, "protobuf": protobuf.target}) as prometheus:
            prometheus.wait_for("each form was scraped", 'count by (job) (vernemq_socket_open == 2)', 1, 1)
            prometheus.wait_for("classic buckets are there", 'count by (job) (vernemq_fan_out_bucket)', 22, 22)
            assert prometheus.samples("protobuf").keys() == prometheus.samples("text").keys()


@pytest.mark.parametrize("form", ACCEPT)
def test_each_form_comes_in_gzip_to_those_who_take_it(broker, form):
    plain = scrape(broker, form)
    answer = broker.get("/metrics", **{"Accept": ACCEPT[form], "Accept-Encoding": "gzip"})
    assert answer.getheader("Content-Encoding") == "gzip"
    assert len(answer.body) < len(plain) / 3
    assert abs(len(gzip.decompress(answer.body)) - len(plain)) < 500


def test_a_part_of_the_metrics(broker):
    text = broker.get("/metrics?family=socket_open&collect[]=vernemq_fan_out").body.decode()
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")} == {
        "vernemq_socket_open", "vernemq_fan_out"}
    answer = broker.get("/metrics?family=soket_open")
    assert answer.status == 400
    assert "socket_open" in answer.body.decode()
    assert broker.metrics()("metrics_scrapes_refused_total", reason="unknown_family") == 1
    assert broker.get("/metrics?other=1").status == 200
    assert broker.get("/metrics", Accept="image/png").status == 406
    assert broker.metrics()("metrics_scrapes_refused_total", reason="not_acceptable") == 1


def test_the_catalogue_describes_every_family(broker):
    catalogue = json.loads(broker.get("/metrics/catalog.json").body)
    names = {family["exposed"] for family in catalogue["families"]}
    text = broker.get("/metrics").body.decode()
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")} <= names
    assert all(
        {"name", "kind", "unit", "labels", "help", "heritage"} <= family.keys() for family in catalogue["families"])


def test_scrapes_that_come_together_share_a_reading(broker):
    """However many come at once: all are answered, and what they cost is counted."""
    errors = []

    def scrape_often():
        for form in [*ACCEPT] * 4:
            try:
                scrape(broker, form)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=scrape_often) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    reading = broker.metrics()
    assert [reading("metrics_scrapes_total", format=form) for form in ACCEPT] == [40, 40, 40]
    assert reading("metrics_scrape_seconds_count") == 120


def test_a_scrape_that_is_never_read_holds_nobody_up(broker, client):
    """Neither clients nor other scrapers; the answer is given up when its time is over."""
    sockets = []
    for _ in range(20):
        reader = socket.create_connection(broker.address(protocol="http"))
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        sockets.append(reader)
    wait_until("all were answered", lambda: broker.metrics()("metrics_scrapes_total", format="text") >= 20)
    both = client(broker)
    both.subscribe("a", 1)
    both.publish("a", b"x", 1)
    assert len(both.receive(1)) == 1
    assert len(scrape(broker, "openmetrics")) > 10_000
    for reader in sockets:
        reader.close()


def test_the_budget_of_series_is_kept(start_broker):
    listeners = {f"listener.tcp.{name}": "127.0.0.1:0" for name in ("a", "b", "c", "d")}
    broker = start_broker({"metrics.max_series_per_family": 3, **listeners})
    reading = broker.metrics()
    shown = {labels["listener"] for labels, _ in reading.families["vernemq_listener_connections"]}
    assert len(shown) == 3 and "other" in shown
    assert reading("metrics_folded_series", metric="listener_connections") == 3
    assert reading("metrics_folded_series", metric="listener_refused_total") > 0
    assert reading("metrics_folds_total") >= 3
    assert reading.residuals() == {}
    answer = Admin(broker)("metrics cardinality")
    assert "listener_connections: 3 label sets are folded" in answer.body.decode()


def test_metrics_check_reads_every_form_back(broker, client, admin):
    traffic(broker, client)
    answer = admin("metrics check")
    text = answer.text
    for form in ("text", "openmetrics", "protobuf"):
        assert f"/metrics as {form}: " in text
    assert text.count("nothing is wrong") == 3
    assert not [element for element in answer.elements if element["type"] == "alert"]
