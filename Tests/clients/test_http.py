"""The pages: health, status, metrics, and what HTTP asks of any server."""

import gzip
import json
import socket
import subprocess

import pytest

from waiting import DEADLINE, wait_until

OK = {"status": "OK"}


@pytest.mark.parametrize("path", ["/health", "/health/ping", "/health/listeners", "/health/listeners_full_cluster"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_healthy_broker_says_so(broker, path, method):
    answer = broker.request(method, path)
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "application/json"
    assert json.loads(answer.body) == OK


def test_the_status_page_is_html_that_loads_nothing_from_elsewhere(broker):
    answer = broker.get("/status")
    assert answer.status == 200
    assert answer.getheader("Content-Type").startswith("text/html")
    page = answer.body.decode()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "https://" not in page and 'src="//' not in page


def test_the_status_page_s_numbers_have_verne_mqs_shape(broker, client):
    both = client(broker, version=4)
    both.subscribe("a", 1)
    both.publish("a", b"x", 1, retain=True)

    def ask():
        """The numbers are those of the last look, which is taken once a second."""
        answer = broker.get("/status.json")
        assert answer.status == 200
        assert answer.getheader("Content-Type").startswith("application/json")
        [node] = json.loads(answer.body)
        [(name, facts)] = node.items()
        return (name, facts) if facts["msg_out"] and facts["num_retained"] else None

    name, facts = wait_until("a look has seen it", ask)
    assert "@" in name
    numbers = {
        "num_online": 1, "num_offline": 0, "msg_in": 1, "msg_out": 1, "queue_in": 1, "queue_out": 1, "queue_drop": 0,
        "queue_unhandled": 0, "num_subscriptions": 1, "num_retained": 1, "matches_local": 1, "matches_remote": 0,
    }
    assert {key: facts[key] for key in numbers} == numbers
    assert facts["mystatus"] == [{name: True}]
    assert facts["version"]
    listener = next(each for each in facts["listeners"] if each["type"] == "mqtt")
    host, port = broker.address()
    assert (listener["status"], listener["ip"], listener["port"]) == ("running", host, port)
    assert {"mountpoint", "max_conns"} <= listener.keys()


def test_an_unknown_page_is_404_and_does_not_say_what_there_is(broker):
    answer = broker.get("/nowhere")
    assert (answer.status, answer.body) == (404, b"There is no page here.\n")


@pytest.mark.parametrize("path", ["/metrics", "/status", "/status.json"])
def test_a_wrong_method_is_405_with_allow(broker, path):
    answer = broker.request("DELETE", path)
    assert answer.status == 405
    allowed = answer.getheader("Allow").split(", ")
    assert {"GET", "HEAD", "OPTIONS"} <= set(allowed) and "DELETE" not in allowed


@pytest.mark.parametrize("path", ["/metrics", "/status", "/status.json", "/health"])
def test_head_is_get_without_its_body(broker, path):
    whole, head = broker.get(path), broker.request("HEAD", path)
    assert head.status == 200
    assert head.body == b""
    assert head.getheader("Content-Type") == whole.getheader("Content-Type")
    assert int(head.getheader("Content-Length")) > 0


@pytest.mark.parametrize("header", ["Expect:", "Expect: 100-continue", "Transfer-Encoding: chunked"])
def test_a_body_over_the_limit_is_413(broker, tmp_path, header):
    # curl takes an answer that comes before it has sent all.
    body = tmp_path / "body"
    body.write_bytes(b"x" * (2 << 20))
    host, port = broker.address(protocol="http")
    command = ["curl", "--silent", "--show-error", "--include", "--header", header, "--data-binary", f"@{body}"]
    result = subprocess.run(
        [*command, f"http://{host}:{port}/health"], capture_output=True, text=True, timeout=DEADLINE)
    assert result.returncode == 0, result.stderr
    assert "HTTP/1.1 413 " in result.stdout
    assert "The body is longer than" in result.stdout


def test_a_long_request_line_is_414(broker):
    assert broker.get("/metrics?" + "x" * 9000).status == 414


def test_a_long_header_is_431(broker):
    assert broker.get("/metrics", **{"X-Long": "x" * 5000}).status == 431


@pytest.mark.parametrize("accept, status", [
    ("text/plain", 200), ("*/*", 200), ("text/*;q=0.5", 200),
    ("application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", 200),
    ("application/json", 406), ("text/plain;q=0", 406),
])
def test_metrics_are_text_for_those_who_accept_it(broker, accept, status):
    answer = broker.get("/metrics", Accept=accept)
    assert answer.status == status
    if status == 200:
        assert answer.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"


def test_metrics_are_gzip_for_those_who_accept_it(broker):
    packed = broker.get("/metrics", **{"Accept-Encoding": "gzip"})
    assert packed.getheader("Content-Encoding") == "gzip"
    assert packed.getheader("Vary") == "Accept, Accept-Encoding"
    plain = broker.get("/metrics")
    assert plain.getheader("Content-Encoding") is None
    assert plain.getheader("Vary") == "Accept, Accept-Encoding"
    text = gzip.decompress(packed.body)
    assert len(packed.body) * 4 < len(text)

    def names(body):
        return [line.split(b"{")[0] for line in body.splitlines()]

    assert names(text) == names(plain.body)


@pytest.mark.parametrize("path", [
    "/metrics/", "/health/", "/status.json/", "/health/live/", "/health/ready/", "/health/path/"])
def test_a_slash_at_the_end_changes_nothing(broker, path):
    assert broker.get(path).status == 200


@pytest.mark.parametrize("path, location", [("/status/", "../status"), ("/status//", "../../status")])
def test_the_page_with_a_slash_is_redirected_to_where_its_script_finds_the_numbers(broker, path, location):
    answer = broker.get(path)
    # Relative, so that it holds behind a proxy that adds a prefix.
    assert (answer.status, answer.getheader("Location")) == (308, location)


@pytest.mark.parametrize("path", ["/metrics", "/status"])
def test_options_is_answered_without_a_body(broker, path):
    answer = broker.request("OPTIONS", path)
    assert answer.status == 200 and answer.body == b"" and "OPTIONS" in answer.getheader("Allow")


@pytest.mark.parametrize("accept", [
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "text/plain;version=1.0.0", "text/plain; format=x; q=0.5"])
def test_what_other_clients_ask_for_gets_the_text(broker, accept):
    answer = broker.get("/metrics", Accept=accept)
    assert answer.status == 200 and answer.getheader("Content-Type").startswith("text/plain; version=0.0.4")


def raw(broker, request):
    """Sends bytes and returns all that comes until the broker closes."""
    with socket.create_connection(broker.address(protocol="http"), timeout=DEADLINE) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


@pytest.mark.parametrize("reason, status, request_bytes", [
    ("framing", 400, b"POST /health HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("framing", 400, b"POST /health HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"),
    ("framing", 400, b"POST /health HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("transfer_coding", 501, b"POST /health HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: unknown\r\n\r\n"),
    ("header", 400, b"GET /health HTTP/1.1\r\nHost : t\r\n\r\n"),
    ("host", 400, b"GET /health HTTP/1.1\r\n\r\n"),
    ("malformed", 400, b"POST /health HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"),
    ("body_too_large", 413, b"POST /health HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n" + bytes(1 << 17)),
    ("version", 505, b"GET /health HTTP/3.0\r\nHost: t\r\n\r\n"),
])
def test_what_can_be_understood_in_two_ways_is_refused(broker, reason, status, request_bytes):
    def refused():
        # What the library refuses by itself is `malformed`.
        reading = broker.metrics()
        return sum(reading("http_requests_refused_total", reason=each) for each in {reason, "malformed"})

    before = refused()
    answer = raw(broker, request_bytes + b"GET /health HTTP/1.1\r\nHost: t\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.count(b"\r\nConnection: close\r\n") == 1
    assert refused() == before + 1


def test_half_open_connections_do_not_keep_pages_from_being_served(start_broker):
    broker = start_broker({"listener.http.default.max_connections": "5"})
    address = broker.address(protocol="http")
    hostile = []
    for _ in range(10):
        connection = socket.create_connection(address, timeout=DEADLINE)
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHo")
        hostile.append(connection)
        for path in ["/health", "/metrics"]:
            assert broker.get(path).status == 200
    assert broker.metrics()("http_connections_spared_total") >= 5
    for connection in hostile:
        connection.close()


def test_a_request_that_is_not_complete_in_time_is_given_up(start_broker):
    broker = start_broker({"http.request_timeout": "1000"})
    assert raw(broker, b"GET /metrics HTTP/1.1\r\nHo").startswith(b"HTTP/1.1 408 ")
    assert broker.metrics()("http_connections_timed_out_total") == 1


def test_one_connection_serves_many_requests(broker):
    connection = broker.http()
    for _ in range(20):
        connection.request("GET", "/health/ping")
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, OK)
    connection.close()


def test_requests_are_counted_by_class(broker):
    before = broker.metrics()
    for path in ["/nowhere", "/nowhere", "/health"]:
        broker.get(path)
    after = broker.metrics()
    counted = {code: after("http_requests_total", code=code) - before("http_requests_total", code=code)
               for code in ("2xx", "4xx", "5xx")}
    assert counted == {"2xx": 2, "4xx": 2, "5xx": 0}  # the first reading is one of the two


def test_http_modules_choose_the_pages(start_broker):
    broker = start_broker({"http_modules": "[vmq_metrics_http,vmq_health_http]"})
    assert broker.get("/metrics").status == 200
    assert broker.get("/status.json").status == 404
