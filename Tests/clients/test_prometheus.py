"""Prometheus and its tools read /metrics."""

import random
import re
import subprocess

from prometheus import Prometheus
from waiting import DEADLINE, wait_until

# Families that VerneMQ does not have, by how their names begin: of these promtool must have nothing to say.
OWN = re.compile(
    r"vernemq_(ledger|message_drops|connections?|output|undecoded|publisher|subscriber|sessions|queued|inflight|fan_out"
    r"|router_cache|retained|hook|loop|listener|http|process|snapshot|build|metrics|publish|ack|health|log)_")
# What VerneMQ's names, kept for its dashboards, do against the conventions: counters without _total, others with it
# or with _count, and microseconds.
TOLERATED = re.compile(
    r"vernemq_\w+ ("
    r'counter metrics should have "_total" suffix'
    r'|non-counter metrics should not have "_total" suffix'
    r'|use base unit "seconds" instead of "microseconds"'
    r'|non-histogram and non-summary metrics should not have "_count" suffix)')


def check(text):
    """promtool's complaints. Exit status 3 says there are some, others that it cannot read the text."""
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=DEADLINE)
    assert result.returncode in (0, 3), result.stderr
    return result.stderr.splitlines()


def test_promtool_accepts_our_names_and_knows_verne_mqs(broker, client):
    both = client(broker)
    both.subscribe("a", 1)
    both.publish("a", b"", 1)
    complaints = check(broker.get("/metrics").body.decode())
    assert [line for line in complaints if OWN.match(line) or not TOLERATED.fullmatch(line)] == []


def test_promtool_sees_what_is_wrong():
    text = "# HELP vernemq_ledger_x Words.\n# TYPE vernemq_ledger_x counter\nvernemq_ledger_x 1\n"
    assert [line for line in check(text) if OWN.match(line)] != []


def test_a_namespace_is_refused_or_readable(binary, start_broker, tmp_path):
    """What the configuration takes, promtool reads; what it refuses would not have been read, or is too long."""
    generator = random.Random(5)
    alphabet = "aZ_:09-. {}é"
    spaces = ["my-ns_", "9a", "a:b_", "_", ":", "a" * 101]
    spaces += ["".join(generator.choices(alphabet, k=generator.randint(1, 4))).strip() or "." for _ in range(60)]
    text = start_broker().get("/metrics").body.decode()
    accepted = 0
    for space in spaces:
        file = tmp_path / "vernemq.conf"
        file.write_text(
            f"prometheus_namespace = {space}\nallow_anonymous = on\nlistener.tcp.default = 127.0.0.1:0\n")
        command = [binary, "config", "check", str(file)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
        read = subprocess.run(
            ["promtool", "check", "metrics"], input=text.replace("vernemq_", space), capture_output=True, text=True,
            timeout=DEADLINE)
        if result.returncode == 0:
            accepted += 1
            assert read.returncode in (0, 3), f"{space!r}: {read.stderr}"
        else:
            assert space[:60] in result.stderr and "prometheus_namespace" in result.stderr  # a long value is shortened
            assert "1 to 100 of A-Z a-z 0-9 _ :" in result.stderr
    assert accepted > 5


def test_a_real_prometheus_scrapes(broker, client, tmp_path):
    host, port = broker.address(protocol="http")
    for _ in range(3):
        client(broker)
    with Prometheus(tmp_path, {"vernemq": f"{host}:{port}"}) as prometheus:
        prometheus.wait_for("Prometheus sees the broker", 'up{job="vernemq"}', 1)
        assert prometheus.query("vernemq_socket_open") == [3]
        assert prometheus.query("vernemq_sessions{state='online'}") == [3]
        assert prometheus.query("scrape_samples_scraped")[0] > 300
        client(broker)
        prometheus.wait_for("Prometheus sees the fourth client", "vernemq_socket_open", 4)
        wait_until("the rate is known", lambda: prometheus.query("sum(increase(vernemq_socket_open[1m])) > 0"))
