"""Metrics go to a receiver of OpenTelemetry's protocol, which decodes them with OpenTelemetry's own package."""

import socket
import ssl
import subprocess
import time

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

from admin import Admin
from otlp_receiver import Receiver, respond
from test_admin_operations import certificate
from waiting import DEADLINE, wait_until


@pytest.fixture
def receive():
    """Starts receivers: `receive(answer, …)`."""
    receivers = []

    def start(*answers, **options):
        receiver = Receiver(*answers, **options)
        receivers.append(receiver)
        return receiver

    yield start
    for receiver in receivers:
        receiver.close()


@pytest.fixture
def push(start_broker):
    """A broker that sends to a receiver every 200 ms, but for other settings."""
    def start(receiver, **settings):
        url = receiver if isinstance(receiver, str) else receiver.url
        return start_broker({
            "otlp.metrics.endpoint": url, "otlp.metrics.interval": "200",
            **{name.replace("__", "."): value for name, value in settings.items()}})

    return start


def points(request):
    """(name, labels) → value, as on /metrics; histograms as their lines."""
    found = {}
    for name, metric in request.metrics.items():
        kind = metric.WhichOneof("data")
        for point in getattr(metric, kind).data_points:
            labels = frozenset((each.key, each.value.string_value) for each in point.attributes)
            if kind == "histogram":
                found[name + "_count", labels] = point.count
                found[name + "_sum", labels] = point.sum
                assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
                assert sum(point.bucket_counts) == point.count
                below = 0
                for bound, count in zip([*point.explicit_bounds, "+Inf"], point.bucket_counts):
                    below += count
                    found[name + "_bucket", labels | {("le", bound)}] = below
            else:
                found[name, labels] = point.as_double if point.WhichOneof("value") == "as_double" else point.as_int
    return found


def exposed(metrics):
    """The same of a reading of /metrics."""
    found = {}
    for name, samples in metrics.families.items():
        for labels, value in samples:
            pairs = {(key, text) for key, text in labels.items() if key not in ("node", "le")}
            if "le" in labels:
                pairs.add(("le", labels["le"] if labels["le"] == "+Inf" else float(labels["le"])))
            found[name, frozenset(pairs)] = value
    return found


def test_a_receiver_gets_what_metrics_says(push, receive, client):
    receiver = receive()
    broker = push(receiver, otlp__resource__deployment__environment__name="test", otlp__headers="X-Token=hush%2Chush")
    four, five = client(broker, version=4), client(broker, version=5)
    five.subscribe("a/#", 2)
    for qos in (0, 1, 2):
        four.publish("a/b", b"x", qos)
        five.receive()
    before = exposed(broker.metrics())
    while not receiver.requests.empty():
        receiver.next()
    receiver.next()  # it may have been made before the reading
    request = receiver.next()
    after = exposed(broker.metrics())
    received = points(request)
    of_the_reader = ("vernemq_descriptors_open", "vernemq_http_connections")
    same = {
        key: value for key, value in before.items() if after.get(key) == value and key[0] not in of_the_reader}
    assert len(same) > 400
    wrong = {key: (value, received.get(key)) for key, value in same.items() if received.get(key) != pytest.approx(value)}
    assert wrong == {}
    assert set(received) == set(before)
    assert received["vernemq_mqtt_publish_received", frozenset({("mqtt_version", "4")})] == 3

    metrics = request.metrics
    kinds = {}
    for line in broker.get("/metrics").body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            kinds[name] = kind
    names = {"counter": "sum", "gauge": "gauge", "histogram": "histogram"}
    assert {name: metric.WhichOneof("data") for name, metric in metrics.items()} == {
        name: names[kind] for name, kind in kinds.items()}
    start = round(broker.metrics()("process_start_time_seconds") * 1e9)
    for metric in metrics.values():
        kind = metric.WhichOneof("data")
        assert metric.description and metric.unit
        if kind != "gauge":
            assert getattr(metric, kind).aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
            assert kind != "sum" or metric.sum.is_monotonic
        for point in getattr(metric, kind).data_points:
            assert abs(point.start_time_unix_nano - (0 if kind == "gauge" else start)) < 1e6
            assert abs(point.time_unix_nano / 1e9 - time.time()) < 3600

    assert request.path == "/v1/metrics"
    assert request.headers["Content-Type"] == "application/x-protobuf"
    assert request.headers["Content-Encoding"] == "gzip" and len(request.raw) < 40_000
    assert request.headers["X-Token"] == "hush,hush"
    node = Admin(broker)("show", "nodename").rows[0]["nodename"]
    resource = request.resource
    assert resource.pop("service.version")
    assert resource == {
        "service.name": "vernemq", "service.instance.id": node, "deployment.environment.name": "test"}

    wait_until("it is counted", lambda: broker.metrics()("otlp_exports_total", result="accepted") >= 2)
    reading = broker.metrics()
    assert reading("otlp_points_total") > 800 and reading("otlp_points_rejected_total") == 0
    assert reading("otlp_request_seconds_count") >= 2 and reading("otlp_sent_bytes_total") > 5_000
    assert abs(reading("otlp_last_success_timestamp_seconds") - time.time()) < 3600
    # Headers are secrets.
    shown = subprocess.run(
        [broker.binary, "config", "show", "--all", "--config", broker.config], capture_output=True, text=True)
    assert "otlp.headers" in shown.stdout and "hush" not in shown.stdout
    assert "hush" not in Admin(broker)("config show").body.decode() and "hush" not in str(broker.log())


def test_the_interval_changes_at_once(push, receive):
    receiver = receive()
    broker = push(receiver, otlp__metrics__interval="3600000")
    Admin(broker)("set", "otlp.metrics.interval=100")
    for _ in range(3):
        receiver.next()


def test_a_busy_receiver_is_asked_again_when_it_says(push, receive):
    receiver = receive(lambda handler: respond(handler, 503, Retry_After="2"), lambda handler: respond(handler, 429))
    broker = push(receiver, otlp__metrics__interval="60000")
    Admin(broker)("set", "otlp.metrics.interval=6000")
    first, second, third = receiver.next(), receiver.next(), receiver.next()
    # The same export, not before its time.
    assert first.raw == second.raw == third.raw
    assert second.at - first.at >= 1.9
    reading = broker.wait_for_metric("otlp_exports_total", 1, result="accepted")
    assert reading("otlp_requests_total", result="busy") == 2 and reading("otlp_requests_total", result="accepted") == 1
    assert reading("otlp_retries_total") == 2
    [line] = broker.log("the OTLP receiver gets no metrics")
    assert "503" in line["problem"]
    broker.wait_for_log("the OTLP receiver gets metrics again")


def test_an_export_is_given_up_when_the_next_one_is_due(push, receive):
    receiver = receive(*[lambda handler: respond(handler, 502)] * 3)
    broker = push(receiver, otlp__metrics__interval="100")
    requests = [receiver.next() for _ in range(4)]
    assert len({request.raw for request in requests}) == 4
    reading = broker.wait_for_metric("otlp_exports_total", 3, result="given_up")
    assert reading("otlp_retries_total") == 0
    broker.wait_for_log("the OTLP receiver gets metrics again")
    assert len(broker.log("the OTLP receiver gets no metrics")) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500])
def test_a_receiver_that_refuses_is_not_asked_again(push, receive, status):
    receiver = receive(*[lambda handler: respond(handler, status, b"no such tenant\x1b[2J", "text/plain")] * 2)
    broker = push(receiver)
    assert receiver.next().raw != receiver.next().raw
    reading = broker.wait_for_metric("otlp_exports_total", 2, result="refused")
    assert reading("otlp_retries_total") == 0 and reading("otlp_requests_total", result="refused") == 2
    [line] = broker.log("the OTLP receiver gets no metrics")
    assert line["problem"].startswith(f"the answer is {status}: no such tenant")
    broker.wait_for_log("the OTLP receiver gets metrics again")


def test_points_that_are_rejected_are_counted_and_told_once(push, receive):
    def partial(handler):
        answer = ExportMetricsServiceResponse()
        answer.partial_success.rejected_data_points = 7
        answer.partial_success.error_message = "too many labels"
        respond(handler, 200, answer.SerializeToString())

    receiver = receive(partial, partial, partial)
    broker = push(receiver)
    for _ in range(4):
        receiver.next()
    reading = broker.wait_for_metric("otlp_exports_total", 3, result="partial")
    assert reading("otlp_points_rejected_total") == 21
    assert reading("otlp_requests_total", result="partial") == 3
    [line] = broker.log("rejects some of the metrics")
    assert (line["problem"], line["rejected"]) == ("too many labels", 7)
    broker.wait_for_log("the OTLP receiver takes all metrics again")


def test_a_redirect_is_not_followed(push, receive):
    other = receive()
    receiver = receive(lambda handler: respond(handler, 307, Location=other.url))
    broker = push(receiver)
    receiver.next()
    broker.wait_for_metric("otlp_exports_total", 1, result="refused")
    receiver.next()
    assert other.requests.empty()


def test_a_receiver_that_never_answers(push, receive, client):
    receiver = None

    def never(handler):
        receiver.ends.wait()

    receiver = receive(never, never)
    broker = push(receiver, otlp__metrics__timeout="200", otlp__metrics__interval="5000")
    Admin(broker)("set", "otlp.metrics.interval=60000")
    Admin(broker)("set", "otlp.metrics.interval=200")
    receiver.next()
    receiver.next()
    receiver.next()
    reading = broker.wait_for_metric("otlp_requests_total", 2, result="timeout")
    assert reading("otlp_exports_total", result="given_up") == 2
    both = client(broker)
    both.subscribe("a", 1)
    both.publish("a", b"x", 1)
    assert both.receive().payload == b"x"


def test_the_broker_stops_while_a_request_waits(push, receive):
    receiver = None

    def never(handler):
        receiver.ends.wait()

    receiver = receive(never)
    broker = push(receiver, otlp__metrics__timeout="600000")
    receiver.next()
    assert broker.stop() == 0


def test_a_receiver_that_vanishes_and_comes_back(push, receive):
    receiver = receive(lambda handler: handler.connection.shutdown(socket.SHUT_RDWR))
    broker = push(receiver)
    receiver.next()
    receiver.next()
    wait_until("it is lost", lambda: broker.metrics()("otlp_requests_total", result="lost") >= 1)
    port = receiver.port
    receiver.close()
    wait_until("nobody is there", lambda: broker.metrics()("otlp_requests_total", result="unreachable") >= 1)
    again = receive(port=port)
    again.next()
    broker.wait_for_log("the OTLP receiver gets metrics again")


@pytest.mark.parametrize("part", ["body", "chunks", "head"])
def test_an_answer_without_end(push, receive, part):
    def endless(handler):
        if part == "head":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                handler.wfile.write(b"X-Line: " + b"x" * 1000 + b"\r\n")
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-protobuf")
        handler.send_header(*(("Transfer-Encoding", "chunked") if part == "chunks" else ("Connection", "close")))
        handler.end_headers()
        while True:
            handler.wfile.write((b"400\r\n" + b"x" * 1024 + b"\r\n") if part == "chunks" else b"x" * 1024)

    receiver = receive(endless, endless)
    broker = push(receiver)
    for _ in range(3):
        receiver.next()
    reading = broker.wait_for_metric("otlp_requests_total", 2, result="answer_too_large")
    assert reading("otlp_exports_total", result="unconfirmed") == 2
    broker.wait_for_log("the OTLP receiver gets metrics again")


def test_success_that_is_no_otlp(push, receive):
    receiver = receive(lambda handler: respond(handler, 200, b"<html>", "text/html"))
    broker = push(receiver)
    receiver.next()
    reading = broker.wait_for_metric("otlp_exports_total", 1, result="unconfirmed")
    assert reading("otlp_requests_total", result="unreadable") == 1


def test_a_server_that_speaks_something_else(push):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(DEADLINE)
        broker = push(f"http://127.0.0.1:{server.getsockname()[1]}/")
        connection, _ = server.accept()
        connection.sendall(b"220 mail.example ESMTP\r\n")
        broker.wait_for_log("the OTLP receiver gets no metrics")
        wait_until("it is counted", lambda: broker.metrics()("otlp_requests_total", result="lost") + broker.metrics()(
            "otlp_requests_total", result="unreachable") >= 1)
        connection.close()


def test_https_with_an_authority_and_without(push, receive, tmp_path):
    file, key = certificate(tmp_path, "receiver", "1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, key)
    receiver = receive(tls=context)
    trusting = push(receiver, otlp__cafile=file)
    assert receiver.next().resource["service.name"] == "vernemq"
    wait_until("it is accepted", lambda: trusting.metrics()("otlp_exports_total", result="accepted") >= 1)
    other = receive(tls=context)
    broker = push(other)
    wait_until("it is not trusted", lambda: broker.metrics()("otlp_requests_total", result="untrusted") >= 1)
    assert "certificate" in broker.wait_for_log("the OTLP receiver gets no metrics")["problem"]
    assert other.requests.empty()


def test_a_wrong_url_is_an_error_that_says_what_is_right(binary, tmp_path):
    file = tmp_path / "vernemq.conf"
    file.write_text("otlp.metrics.endpoint = collector:4318\notlp.headers = hush\n")
    result = subprocess.run([binary, "config", "check", file], capture_output=True, text=True)
    assert result.returncode == 1
    assert 'vernemq.conf:1: otlp.metrics.endpoint: "collector:4318" is not an http:// or https:// URL' in result.stderr
    assert "otlp.headers" in result.stderr and "hush" not in result.stderr
