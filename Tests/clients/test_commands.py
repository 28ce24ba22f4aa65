"""The command line: what it prints, and one clear line for everything that keeps the broker from starting."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from broker import write_config
from metrics import Metrics
from raw_client import RawClient
from waiting import DEADLINE


@pytest.fixture
def vernemq(binary, tmp_path):
    """Runs a command to its end in a folder of its own."""
    def run(*arguments):
        return subprocess.run(
            [binary, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE)

    return run


@pytest.fixture
def refusal(vernemq, tmp_path):
    """Starts a broker that must not start: the one line that it says why."""
    def start(settings=None, *arguments):
        config = write_config(tmp_path, settings or {})
        result = vernemq("start", "--config", config, *arguments)
        assert result.returncode not in (0, None)
        assert result.returncode > 0, "it crashed"
        said = [line for line in result.stderr.splitlines() if not line.startswith("{")]
        assert len(said) == 1, result.stderr
        return said[0]

    return start


@pytest.mark.parametrize("listener", ["listener.tcp.default", "listener.http.default"])
def test_a_port_in_use_is_named(refusal, listener):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = refusal({listener: address})
    assert address in line
    assert "Address already in use" in line


def test_a_sentence_says_nothing_twice(refusal):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = refusal({"listener.tcp.default": f"127.0.0.1:{taken.getsockname()[1]}"})
    assert "cannot cannot" not in line


def test_an_address_of_another_machine_is_named(refusal):
    assert "192.0.2.1:1883" in refusal({"listener.tcp.default": "192.0.2.1:1883"})


def test_two_listeners_on_one_address(refusal):
    line = refusal({"listener.tcp.default": "127.0.0.1:4711", "listener.tcp.other": "127.0.0.1:4711"})
    assert "listener.tcp.default" in line and "listener.tcp.other" in line


def test_a_missing_file_is_named(vernemq):
    result = vernemq("start", "--config", "nowhere.conf")
    assert result.returncode == 1
    assert result.stderr == "nowhere.conf: cannot be read: No such file or directory\n"


def test_a_folder_is_no_file(vernemq, tmp_path):
    result = vernemq("start", "--config", tmp_path)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1 and str(tmp_path) in result.stderr


def test_an_unknown_key_is_named_with_its_line_and_its_nearest(refusal):
    line = refusal({"max_inflight_mesages": 20})
    assert "vernemq.conf:10: max_inflight_mesages" in line
    assert "max_inflight_messages" in line.replace("max_inflight_mesages", "")


@pytest.mark.parametrize("key, value, allowed", [
    ("max_inflight_messages", "70000", "65535"),
    ("max_inflight_messages", "many", "integer"),
    ("retain_available", "perhaps", "on, off"),
    ("shared_subscription_policy", "mine", "prefer_local"),
    ("listener.tcp.default", "127.0.0.1:70000", "127.0.0.1:70000"),
    ("listener.tcp.default", "here", "here"),
    ("persistent_client_expiration", "soon", "never"),
])
def test_a_bad_value_is_shown_with_what_is_allowed(refusal, key, value, allowed):
    line = refusal({key: value})
    assert "vernemq.conf:" in line
    assert key in line and value in line and allowed in line


@pytest.mark.parametrize("argument, names", [
    ("no_equals_sign", "key=value"), ("=1", "key=value"), ("allow_anonymus=on", "allow_anonymous"),
    ("max_qos=9", "0...2"),
])
def test_a_bad_set_is_named(refusal, argument, names):
    line = refusal(None, "--set", argument)
    assert "--set" in line and names in line


def test_check_finds_nothing_in_a_good_file(vernemq, tmp_path):
    result = vernemq("config", "check", write_config(tmp_path, {}))
    assert (result.returncode, result.stderr) == (0, "")
    assert "OK" in result.stdout


def test_check_lists_all_that_is_wrong_at_once(vernemq, tmp_path):
    result = vernemq("config", "check", write_config(tmp_path, {"allow_anonymous": "x", "nonsense": "1"}))
    assert result.returncode == 1
    assert "allow_anonymous" in result.stderr and "nonsense" in result.stderr


# What protects something that this build does not have.
PROTECTING = [
    ("plugins.vmq_webhooks", "on", "webhooks"),
    ("plugins.mine", "on", "plugins"),
    ("listener.vmqs.default", "127.0.0.1:0", "TLS"),
    ("listener.https.ciphers", "AES128-SHA", "TLS"),
    ("listener.http.default.proxy_protocol", "on", "PROXY"),
    ("http_module.vmq_http_pub.auth.mode", "apikey", "API keys"),
    ("vmq_webhooks.a.endpoint", "http://localhost/", "webhooks"),
    ("vmq_diversity.auth_postgres.enabled", "on", "databases"),
]


@pytest.mark.parametrize("key, value, feature", PROTECTING)
def test_what_protects_and_is_not_there_keeps_the_broker_from_starting(refusal, vernemq, tmp_path, key, value, feature):
    line = refusal({key: value})
    assert f"vernemq.conf:10: {key}: it decides" in line
    assert feature in line and "remove the line" in line
    check = vernemq("config", "check", tmp_path / "vernemq.conf")
    assert check.returncode == 1
    assert line in check.stderr.splitlines()
    # Commands that let no client in use the configuration nevertheless.
    assert vernemq("config", "show", "--config", tmp_path / "vernemq.conf").returncode == 0


def test_a_broker_that_nobody_can_reach_does_not_start_and_says_what_to_write(vernemq, tmp_path):
    (tmp_path / "empty.conf").write_text("plugins.vmq_passwd = off\n")
    result = vernemq("start", "--config", "empty.conf")
    assert result.returncode == 1
    listener, anonymous = result.stderr.splitlines()
    assert "nobody can connect" in listener and "listener.tcp.default = 127.0.0.1:1883" in listener
    assert "nobody can connect" in anonymous and "or allow_anonymous = on" in anonymous
    written = [line.split("write ")[1].split(",")[0] for line in (listener, anonymous)]
    (tmp_path / "good.conf").write_text("\n".join(written) + "\n")
    assert vernemq("config", "check", "good.conf").returncode == 0


def test_check_shows_warnings_beside_errors(vernemq, tmp_path):
    result = vernemq("config", "check", write_config(tmp_path, {"log.syslog": "on", "loops": "x"}))
    assert result.returncode == 1
    warning, error, summary = result.stderr.splitlines()
    assert warning.startswith("warning: ") and "log.syslog" in warning
    assert ":11: loops" in error
    assert summary == "config has 1 error and 1 warning"


def test_many_mistakes_are_a_hundred_lines_and_a_number(vernemq, tmp_path):
    (tmp_path / "many.conf").write_text("".join(f"nonsense{number} = 1\n" for number in range(20000)))
    for command in (["config", "check", "many.conf"], ["start", "--config", "many.conf"]):
        result = vernemq(*command)
        assert result.returncode == 1
        lines = result.stderr.splitlines()
        assert lines[0].startswith("many.conf:1: nonsense0") and lines[99].startswith("many.conf:100: ")
        assert lines[100] == "and 19900 more errors"


@pytest.mark.parametrize("text, said", [
    (b"nodename = a@b\0\n", "control character"),
    (b"nodename = a@\xc3\x28\n", "vernemq.conf:10: is not UTF-8"),
    (b"log.console.file = " + b"$(" * 50000 + b")\n", "log.console.file"),
    (b"a." * 100000 + b"a = 1\n", "vernemq.conf:10: the key is longer than 512 bytes"),
    (b"x" * 10_000_000 + b"\n", "vernemq.conf:10: the key is longer than 512 bytes"),
    (b"include vernemq.conf\n", "vernemq.conf:10: includes"),
    (b"include pipe\n", "a pipe, a socket or a device"),
])
def test_a_hostile_file_is_one_short_line(vernemq, tmp_path, text, said):
    os.mkfifo(tmp_path / "pipe")
    config = write_config(tmp_path, {})
    config.write_bytes(config.read_bytes() + text)
    result = vernemq("start", "--config", config)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1 and said in result.stderr
    assert len(result.stderr) < 600


def test_a_file_of_a_gigabyte_is_not_read(vernemq, tmp_path):
    with open(tmp_path / "huge.conf", "wb") as file:
        file.truncate(1 << 30)
    result = vernemq("start", "--config", "huge.conf")
    assert result.returncode == 1
    assert result.stderr == "huge.conf: cannot be read: more than 16777216 bytes\n"


def test_the_terminal_is_not_told_of_a_log_file_that_could_not_be_opened(start_broker, tmp_path):
    (tmp_path / "taken").write_text("")
    broker = start_broker({"log.console": "file", "log.console.file": f"{tmp_path}/taken/console.log"})
    said = (broker.folder / "stderr.log").read_text()
    assert "taken/console.log: cannot be opened" in said
    assert "the log is in" not in said
    assert broker.log("started"), "the lines went to the terminal"


def test_a_full_disk_below_the_log_disturbs_nobody_and_is_counted(start_broker, client):
    broker = start_broker({"log.console": "both", "log.console.file": "/dev/full"})
    both = client(broker)
    assert both.subscribe("a", 1) == [1]
    both.publish("a", b"x", 1)
    assert both.receive().payload == b"x"
    reading = broker.metrics()
    assert reading("log_write_errors_total", place="file") > 0
    assert reading("log_write_errors_total", place="console") == 0
    assert reading("log_lines_total", place="console", level="info") > 0


def test_numbers_in_a_json_log_are_numbers(start_broker):
    started = start_broker({"loops": 2}).log("started")[0]
    assert started["loops"] == 2
    assert isinstance(started["open_files"], int)
    assert isinstance(started["version"], str)


def test_who_stops_reading_the_log_stops_no_client(binary, tmp_path):
    """The broker's stderr is a pipe that nobody empties, at the level of debug, while clients come and go."""
    config = write_config(tmp_path, {"log.console.level": "debug", "loops": 2})
    process = subprocess.Popen(
        [binary, "start", "--config", config], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE)
    try:
        ports = {}
        while len(ports) < 2:
            line = json.loads(process.stderr.readline())
            if line["message"] == "listening":
                text = line.get("address") or urllib.parse.urlsplit(line["metrics"]).netloc
                ports[line["protocol"]] = int(text.rsplit(":", 1)[1])

        def metrics():
            url = f"http://127.0.0.1:{ports['http']}/metrics"
            with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
                return Metrics(answer.read().decode())

        # A pipe holds 64 KiB, so its reader is behind for good after some hundred lines of 200 bytes.
        longest = 0.0
        for number in range(1500):
            begun = time.monotonic()
            with RawClient(("127.0.0.1", ports["mqtt"])) as raw:
                assert raw.open_session(f"client-{number}") == 0
            longest = max(longest, time.monotonic() - begun)
        lost = metrics()
        total = lost("log_write_errors_total", place="console") + sum(
            lost("log_lines_dropped_total", level=level) for level in ("debug", "info", "warning"))
        assert total > 100
        assert lost("log_queue_bytes") <= 1_310_720
        # A loop that waited for the log would have waited over 100 ms for each line.
        assert longest < 5
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_numbers_at_their_edges_do_no_harm(start_broker, client):
    """Every count and time that the broker reads, at the largest value that its table takes."""
    broker = start_broker({
        "max_client_id_size": 2**63 - 1, "max_subscriptions_per_client": 2**63 - 1,
        "max_online_messages": 2**63 - 1, "max_offline_messages": 2**63 - 1, "max_message_rate": 2**63 - 1,
        "max_inflight_messages": 65535, "retry_interval": 2**31 - 1, "mqtt_connect_timeout": 2**31 - 1,
        "expire_retain_cache": 2**31 - 1, "persistent_client_expiration": "4294967295s",
        "max_last_will_delay": "4294967295s", "topic_max_depth": 65535, "max_message_size": 268435455,
        "listener.max_connections": 2**63 - 1, "listener.max_connection_lifetime": 2**31 - 1,
        "hook_timeout": 2**31 - 1, "server_keep_alive_max": 65535,
    })
    for version in (4, 5):
        both = client(broker, version=version, client_id=f"c{version}")
        assert both.subscribe(f"a/{version}", 1) == [1]
        both.publish(f"a/{version}", b"x", 1)
        assert [message.payload for message in both.receive(1)] == [b"x"]


def test_show_tells_values_and_where_they_come_from(vernemq, tmp_path):
    config = write_config(tmp_path, {})
    result = vernemq("config", "show", "--config", config, "--set", "max_qos=1")
    assert result.returncode == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    assert rows["max_qos"] == ["1", "--set"]
    value, origin = rows["allow_anonymous"]
    assert value == "on" and origin.endswith("vernemq.conf:1")
    assert "retry_interval" not in rows
    assert "retry_interval" in vernemq("config", "show", "--config", config, "--all").stdout


def test_describe_tells_about_a_setting(vernemq):
    result = vernemq("config", "describe", "max_inflight_messages")
    assert result.returncode == 0
    assert "default: 20" in result.stdout and "65535" in result.stdout


def test_describe_names_the_nearest_of_an_unknown_setting(vernemq):
    result = vernemq("config", "describe", "max_inflight_message")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1 and "max_inflight_messages" in result.stderr


def test_describe_speaks_of_what_was_asked(vernemq):
    said = vernemq("config", "describe", "max_inflight_message").stderr
    assert "--set" not in said and "value" not in said


def test_version_and_help(vernemq):
    version = vernemq("--version")
    assert version.returncode == 0
    assert all(part.isdigit() for part in version.stdout.strip().split("."))
    for command in (["--help"], ["start", "--help"], ["config", "--help"], ["config", "check", "--help"]):
        result = vernemq(*command)
        assert result.returncode == 0
        assert "USAGE: vernemq" in result.stdout


def test_an_unknown_option_is_a_usage_error(vernemq):
    result = vernemq("--nonsense")
    assert result.returncode == 64
    assert "--nonsense" in result.stderr
