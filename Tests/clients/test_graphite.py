"""Metrics go to Graphite: to a real carbon, and to servers that behave badly."""

import contextlib
import pathlib
import re
import socket
import subprocess
import time

import pytest

from admin import Admin
from carbon import Carbon, free_port
from waiting import DEADLINE, wait_until

# The shortest that there is.
FAST = {"graphite_enabled": "on", "graphite_host": "127.0.0.1", "graphite_interval": "100", "graphite_reconnect_timeout": "100"}
# What a reading of /metrics has to do with itself.
OF_THE_READER = ("descriptors_open", "http_connections")
# Measured anew each second.
OF_THE_SECOND = ("system_utilization",)
LINE = re.compile(r"(\S+) (-?[0-9.]+) ([0-9]{10})")


@pytest.fixture
def carbon(tmp_path):
    server = Carbon(tmp_path / "carbon")
    yield server
    server.stop()


class Server:
    """Accepts connections and keeps what comes, line by line."""

    def __init__(self, port=0, host="127.0.0.1", receive_buffer=None):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.bind((host, port))
        self.socket.listen()
        self.socket.settimeout(DEADLINE)
        self.port = self.socket.getsockname()[1]

    def accept(self):
        connection, _ = self.socket.accept()
        connection.settimeout(DEADLINE)
        return Connection(connection)

    def close(self):
        self.socket.close()


class Connection:
    def __init__(self, connection):
        self.socket, self.file = connection, connection.makefile("r", encoding="ascii", newline="\n")

    def line(self):
        """(key, value, seconds) of the next line."""
        text = self.file.readline()
        assert text.endswith("\n"), f"the connection has ended: {text!r}"
        match = LINE.fullmatch(text[:-1])
        assert match, text
        return match[1], float(match[2]), int(match[3])

    def report(self):
        """The next whole report: key → value. It begins with the first metric of all."""
        first = self.line()
        assert "socket" in first[0], first
        values, seconds = {first[0]: first[1]}, first[2]
        while True:
            key, value, at = self.line()
            assert at == seconds
            assert key not in values, f"{key} twice"
            values[key] = value
            if "otlp.request.seconds.bucket" in key and ("inf" in key):
                return values

    def has_ended(self):
        with contextlib.suppress(ConnectionError):
            while self.socket.recv(65536):
                pass
        return True

    def close(self):
        self.file.close()
        self.socket.close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def traffic(broker, client):
    """Something of everything, in both versions; then quiet."""
    four, five = client(broker, version=4), client(broker, version=5)
    for each in (four, five):
        each.subscribe("a/#", 2)
    for qos in (0, 1, 2):
        for _ in range(3):
            four.publish("a/b", b"x" * 100, qos)
            five.publish("a/c", b"y" * 10, qos, retain=True)
    five.publish("nobody", b"z", 1)
    for each in (four, five):
        for _ in range(18):
            each.receive()


def unchanged(broker, carbon):
    """(a reading, carbon's points): what did not change between two readings with a report in between, and what came
    in that time."""
    before = broker.metrics()
    begin = int(time.time()) + 1
    wait_until("carbon has a later report", lambda: any(
        at > begin for key, points in carbon.points().items() if key.endswith(("socket/open", "socket_DOT_open")) or "socket_DOT_open;" in key
        for at, _ in points))
    points = carbon.points()
    end = int(time.time())
    after = broker.metrics()
    same = {
        name: samples for name, samples in before.families.items()
        if name.removeprefix("vernemq_") not in OF_THE_READER
        and not name.removeprefix("vernemq_").startswith(OF_THE_SECOND)
        and sorted(map(str, samples)) == sorted(map(str, after.families.get(name, [])))
    }
    assert len(same) > 200
    return same, {key: [value for at, value in values if begin <= at < end] for key, values in points.items()}


def test_carbon_receives_what_metrics_says(start_broker, client, carbon):
    broker = start_broker({
        **FAST, "graphite_port": carbon.port, "graphite_interval": "500", "graphite_prefix": "plant.one", "graphite_api_key": "hush-1",
        "graphite_include_labels": "on"})
    traffic(broker, client)
    same, points = unchanged(broker, carbon)
    compared = labelled = 0

    def check(key, value):
        path = "hush-1/plant/one/" + key.replace(".", "/")
        assert path in points, f"{path} is not there"
        assert points[path] and set(points[path]) == {value}, f"{path}: {points[path]}, not {value}"

    for name, samples in same.items():
        base = name.removeprefix("vernemq_")
        if base.endswith(("_bucket", "_sum")):
            continue  # below
        if base.endswith("_count") and name.removesuffix("_count") + "_bucket" in same:
            key = base.removesuffix("_count").replace("_", ".") + ".count"
            check(key, sum(value for _, value in samples))
            continue
        check(base.replace("_", "."), sum(value for _, value in samples))
        compared += 1
        sums = {}
        for labels, value in samples:
            for label, text in labels.items():
                if label != "node":
                    key = f"{base.replace('_', '.')}.{label}_{re.sub('[^A-Za-z0-9_-]', '_', text)}"
                    sums[key] = sums.get(key, 0) + value
        for key, value in sums.items():
            check(key, value)
            labelled += 1
    assert compared > 200 and labelled > 150
    fan_out = {labels["le"]: value for labels, value in same["vernemq_fan_out_bucket"]}
    assert fan_out["+Inf"] > 0
    for bound, value in fan_out.items():
        # `le` is written as Prometheus writes a number, 1.0; a key has no dots to spare.
        check("fan.out.bucket." + ("inf" if bound == "+Inf" else str(int(float(bound)))), value)
    assert carbon.complaints() == []
    # It would have said so.
    carbon.send(b"a line of too many words 1\n")
    wait_until("carbon complains", lambda: len(carbon.complaints()) == 1)
    # The key is a secret.
    shown = subprocess.run(
        [broker.binary, "config", "show", "--all", "--config", broker.config], capture_output=True, text=True)
    assert "graphite_api_key" in shown.stdout and "hush" not in shown.stdout
    assert "hush" not in str(broker.log())


def test_carbon_takes_tags(start_broker, client, carbon):
    broker = start_broker({
        **FAST, "graphite_port": carbon.port, "graphite_interval": "500", "graphite_tags": "on",
        "listener.tcp.odd-one": "127.0.0.1:0"})
    traffic(broker, client)
    same, points = unchanged(broker, carbon)
    # Carbon sorts the tags, and makes folders of a hash; its file has the name.
    series = {}
    for path, values in points.items():
        name, *tags = pathlib.PurePath(path).name.replace("_DOT_", ".").split(";")
        series[(name, frozenset(tags))] = values
    compared = 0
    for name, samples in same.items():
        base = name.removeprefix("vernemq_")
        if base.endswith(("_bucket", "_sum", "_count")):
            continue
        for labels, value in samples:
            key = (base.replace("_", "."), frozenset(f"{label}={text}" for label, text in labels.items()))
            assert series.get(key) and set(series[key]) == {value}, f"{key}: {series.get(key)}, not {value}"
            compared += 1
    assert compared > 350
    assert carbon.complaints() == []


def test_settings_take_effect_at_once(broker, server):
    admin, other = Admin(broker), Server()
    assert broker.metrics()("graphite_connected") == 0
    admin("set", "graphite_enabled=on", "graphite_host=127.0.0.1", f"graphite_port={server.port}", "graphite_interval=100")
    connection = server.accept()
    report = connection.report()
    assert report["mqtt.connect.received"] == 0 and "mqtt.connect.received.mqtt_version_4" not in report
    admin("set", "graphite_include_labels=on")
    wait_until("labels come", lambda: "mqtt.connect.received.mqtt_version_4" in connection.report())
    admin("set", "graphite_tags=on")

    def has_tags():
        node = admin("show", "nodename").rows[0]["nodename"]
        return f"mqtt.connect.received;mqtt_version=4;node={node}" in connection.report()

    wait_until("tags come", has_tags)
    admin("set", f"graphite_port={other.port}")
    second = other.accept()
    second.report()
    assert connection.has_ended()
    reading = broker.wait_for_metric("graphite_reconnects_total", 1)
    assert reading("graphite_connected") == 1 and reading("graphite_pushes_total") >= 4
    assert abs(reading("graphite_last_success_timestamp_seconds") - time.time()) < 3600
    assert reading("graphite_sent_bytes_total") > 10_000
    # One interval after the connection: no report comes within this test.
    admin("set", "graphite_interval=3600000")
    admin("set", "graphite_enabled=off")
    assert second.has_ended()
    broker.wait_for_metric("graphite_connected", 0)
    assert broker.metrics()("graphite_errors_total") == 0
    other.close()


def test_a_server_that_closes_is_connected_to_again(start_broker, server):
    broker = start_broker({**FAST, "graphite_port": server.port})
    for _ in range(3):
        connection = server.accept()
        connection.report()
        connection.close()
    last = server.accept()
    last.report()
    reading = broker.wait_for_metric("graphite_reconnects_total", 3)
    # A close with unread bytes is a reset.
    assert reading("graphite_errors_total", reason="closed") + reading("graphite_errors_total", reason="send") == 3
    broker.wait_for_log("Graphite gets no metrics")
    broker.wait_for_log("Graphite gets metrics again")
    last.close()


def test_a_server_that_closes_at_once_is_not_hurried(start_broker, server):
    """Without a report there is the reconnect timeout: here longer than the test."""
    broker = start_broker({**FAST, "graphite_port": server.port, "graphite_reconnect_timeout": "3600000", "graphite_interval": "3600000"})
    server.accept().close()
    reading = broker.wait_for_metric("graphite_connected", 0)
    reading = broker.wait_for_metric("graphite_errors_total", 1, reason="closed")
    assert reading("graphite_reconnects_total") == 0


def test_a_server_that_never_reads(start_broker, client):
    server = Server(receive_buffer=4096)
    broker = start_broker({
        **FAST, "graphite_port": server.port, "graphite_buffer": "256KB", "graphite_send_timeout": "5000", "graphite_include_labels": "on"})
    connection = server.accept()
    both = client(broker)
    both.subscribe("a", 1)

    def lines_are_dropped():
        reading = broker.metrics()
        assert reading("graphite_buffered_bytes") <= 262144
        both.publish("a", b"x", 1)
        assert both.receive().payload == b"x"
        return reading("graphite_lines_dropped_total", reason="buffer_full") > 0

    wait_until("lines are dropped", lines_are_dropped)
    broker.wait_for_log("Graphite takes less than it is sent: lines are dropped")
    wait_until("it is given up", lambda: broker.metrics()("graphite_errors_total", reason="send_timeout") == 1)
    # The next connection begins with a whole line, and later all is well.
    connection.close()
    second = server.accept()
    second.line()
    while not broker.log("Graphite takes all lines again"):
        for _ in range(500):  # faster than they come
            second.line()
    # Many lines were dropped, and one was logged.
    assert len(broker.log("Graphite takes less than it is sent")) == 1
    server.close()


def test_nobody_listens_and_then_somebody_does(start_broker):
    port = free_port()
    broker = start_broker({**FAST, "graphite_port": port})
    line = broker.wait_for_log("Graphite gets no metrics")
    assert line["server"] == f"127.0.0.1:{port}" and line["reason"] == "connect"
    assert "refused" in line["problem"]
    server = Server(port)
    connection = server.accept()  # five seconds after the last attempt
    connection.report()
    broker.wait_for_log("Graphite gets metrics again")
    assert broker.metrics()("graphite_errors_total", reason="connect") >= 1
    server.close()


@pytest.fixture
def names(tmp_path):
    """The environment of a broker whose name servers are in the test's hand: see slow_lookup.c. `.write_text(ADDRESS)` on
    the path moves `moves.test`."""
    library, path = tmp_path / "slow_lookup.so", tmp_path / "moves.test"
    source = pathlib.Path(__file__).parent / "slow_lookup.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "NAME_FILE": str(path)}, path


def test_a_name_is_looked_up_at_each_connect(start_broker, names):
    environment, path = names
    first, second = Server(host="127.0.0.1"), None
    second = Server(first.port, host="127.0.0.2")
    path.write_text("127.0.0.1")
    broker = start_broker({**FAST, "graphite_host": "moves.test", "graphite_port": first.port}, environment=environment)
    connection = first.accept()
    connection.report()
    path.write_text("127.0.0.2")
    connection.close()
    second.accept().report()
    assert broker.metrics()("graphite_errors_total", reason="lookup") == 0
    first.close()
    second.close()


def test_name_servers_that_do_not_answer_hold_up_nobody(start_broker, client, names, server):
    environment, _ = names
    broker = start_broker({
        **FAST, "graphite_host": "hangs.test", "graphite_port": server.port, "graphite_connect_timeout": "200",
        "otlp.metrics.endpoint": "http://hangs.test/v1/metrics", "otlp.metrics.interval": "100", "otlp.metrics.timeout": "200",
    }, environment=environment)
    wait_until("the lookup is given up", lambda: broker.metrics()("graphite_errors_total", reason="lookup") > 0)
    wait_until("so is OTLP's", lambda: broker.metrics()("otlp_requests_total", result="unreachable") > 0)
    both = client(broker)
    both.subscribe("a", 1)
    both.publish("a", b"x", 1)
    assert both.receive().payload == b"x"
    line = broker.wait_for_log("Graphite gets no metrics")
    assert line["reason"] == "lookup" and line["problem"] == "name servers do not answer"
    # Another server is connected to while that lookup still hangs; and at the end of the test the broker must stop.
    Admin(broker)("set", "graphite_host=127.0.0.1")
    server.accept().report()


def test_a_name_that_is_not_known(start_broker, names):
    environment, path = names
    path.write_text("")
    broker = start_broker({**FAST, "graphite_host": "moves.test"}, environment=environment)
    line = broker.wait_for_log("Graphite gets no metrics")
    assert line["reason"] == "lookup" and "not known" in line["problem"]
    broker.wait_for_metric("graphite_errors_total", 1, reason="lookup")


def test_lines_for_another_server_are_dropped_and_counted(start_broker):
    server = Server(receive_buffer=4096)
    broker = start_broker({**FAST, "graphite_port": server.port, "graphite_include_labels": "on", "graphite_buffer": "1MB"})
    connection = server.accept()
    wait_until("lines wait", lambda: broker.metrics()("graphite_buffered_bytes") > 0)
    Admin(broker)("set", f"graphite_port={free_port()}")
    wait_until("they are dropped", lambda: broker.metrics()("graphite_lines_dropped_total", reason="server_changed") > 0)
    Admin(broker)("set", "graphite_enabled=off")
    assert broker.metrics()("graphite_buffered_bytes") == 0
    Admin(broker)("set", f"graphite_port={server.port}", "graphite_enabled=on")
    connection.close()
    server.accept()
    wait_until("lines wait", lambda: broker.metrics()("graphite_buffered_bytes") > 0)
    Admin(broker)("set", "graphite_enabled=off")
    wait_until("they are dropped", lambda: broker.metrics()("graphite_lines_dropped_total", reason="disabled") > 0)
    server.close()
