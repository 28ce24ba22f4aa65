"""The command line: what it prints, and one clear line for everything that keeps the broker from starting."""

import socket
import subprocess

import pytest

from broker import write_config
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
    assert "vernemq.conf:7: max_inflight_mesages" in line
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
