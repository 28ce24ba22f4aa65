"""Prometheus and its tools read /metrics."""

import json
import random
import re
import socket
import subprocess
import urllib.parse
import urllib.request

from waiting import DEADLINE, wait_until

# Families that VerneMQ does not have, by how their names begin: of these promtool must have nothing to say.
OWN = re.compile(
    r"vernemq_(ledger|message_drops|connections?|output|undecoded|publisher|subscriber|sessions|queued|inflight|fan_out"
    r"|router_cache|retained|hook|loop|listener|http|process|snapshot|build)_")
# What VerneMQ's names, kept for its dashboards, do against the conventions: counters without _total, others with it
# or with _count.
TOLERATED = re.compile(
    r"vernemq_\w+ ("
    r'counter metrics should have "_total" suffix'
    r'|non-counter metrics should not have "_total" suffix'
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
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host, broker_port = broker.address(protocol="http")
    config = tmp_path / "prometheus.yml"
    config.write_text(json.dumps({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "vernemq", "static_configs": [{"targets": [f"{host}:{broker_port}"]}]}],
    }))
    for _ in range(3):
        client(broker)
    with open(tmp_path / "prometheus.log", "wb") as log:
        prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)

    def query(expression):
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
                results = json.load(answer)["data"]["result"]
        except OSError:
            assert prometheus.poll() is None, (tmp_path / "prometheus.log").read_text()
            return None
        return [float(result["value"][1]) for result in results]

    try:
        wait_until("Prometheus sees the broker", lambda: query('up{job="vernemq"}') == [1])
        assert query("vernemq_socket_open") == [3]
        assert query("vernemq_sessions{state='online'}") == [3]
        assert query("scrape_samples_scraped")[0] > 300
        client(broker)
        wait_until("Prometheus sees the fourth client", lambda: query("vernemq_socket_open") == [4])
        wait_until("the rate is known", lambda: query("sum(increase(vernemq_socket_open[1m])) > 0"))
    finally:
        prometheus.terminate()
        prometheus.wait(timeout=DEADLINE)
