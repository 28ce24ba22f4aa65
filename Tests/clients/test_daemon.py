"""start --daemon, stop, restart, ping, console and version: what scripts and images call."""

import contextlib
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess

import pytest

from broker import write_config
from waiting import DEADLINE, wait_until


class Daemon:
    """A folder with a configuration, and the commands in it."""

    def __init__(self, binary, folder, settings):
        self.binary, self.folder = binary, folder
        self.config = write_config(folder, settings)
        self.pid_file = folder / "data" / "vernemq.pid"
        self.processes = set()

    def run(self, *arguments, **options):
        return subprocess.run(
            [self.binary, *arguments, "--config", self.config], cwd=self.folder, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=DEADLINE, **options)

    def start(self, *arguments):
        result = self.run("start", "--daemon", *arguments)
        if result.returncode == 0:
            self.processes.add(self.pid)
        return result

    @property
    def pid(self):
        return int(self.pid_file.read_text())

    def is_gone(self, pid):
        with contextlib.suppress(FileNotFoundError):
            return pathlib.Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"
        return True

    def end(self):
        if self.pid_file.exists():
            with contextlib.suppress(ValueError):
                self.processes.add(self.pid)
        for pid in self.processes:
            if not self.is_gone(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def make_daemon(binary, tmp_path):
    made = []

    def make(settings=None):
        folder = tmp_path / f"daemon{len(made)}"
        folder.mkdir()
        made.append(Daemon(binary, folder, {"log.console": "file", **(settings or {})}))
        return made[-1]

    yield make
    for daemon in made:
        daemon.end()


@pytest.fixture
def daemon(make_daemon):
    return make_daemon()


def said(result):
    """VerneMQ's words; which folder it is about stands behind them."""
    return result.returncode, result.stdout, re.sub(r"No broker runs on the data folder /.*/data\.\n", "", result.stderr)


NOT_RUNNING = (1, "", "Node is not running!\n")
NO_PONG = (1, "", "Node 'VerneMQ@127.0.0.1' not responding to pings.\n")


def test_a_daemon_from_start_to_stop(daemon):
    assert said(daemon.run("ping")) == NO_PONG
    assert said(daemon.start()) == (0, "", "")
    assert said(daemon.run("ping")) == (0, "pong\n", "")
    log = (daemon.folder / "log" / "console.log").read_text()
    assert '"started"' in log
    pid = daemon.pid
    assert said(daemon.run("stop")) == (0, "ok\n", "")
    wait_until("the process has ended", lambda: daemon.is_gone(pid))
    assert not daemon.pid_file.exists()
    assert said(daemon.run("ping")) == NO_PONG
    assert said(daemon.run("stop")) == NOT_RUNNING


def test_a_daemon_takes_connections_when_start_returns(make_daemon):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    daemon = make_daemon({"listener.tcp.default": f"127.0.0.1:{port}"})
    assert daemon.start().returncode == 0
    socket.create_connection(("127.0.0.1", port), timeout=DEADLINE).close()


def test_a_daemon_has_a_session_of_its_own_and_nothing_of_the_terminal(daemon):
    daemon.start()
    pid = daemon.pid
    assert os.getsid(pid) == pid
    for number in range(3):
        assert os.readlink(f"/proc/{pid}/fd/{number}") == "/dev/null"
    assert os.readlink(f"/proc/{pid}/cwd") == str(daemon.folder)


def test_the_log_of_a_daemon_goes_to_the_file_whatever_is_configured(make_daemon):
    daemon = make_daemon({"log.console": "console"})
    assert said(daemon.start()) == (0, "", "")
    wait_until("the log is there", lambda: '"started"' in (daemon.folder / "log" / "console.log").read_text())


def test_settings_of_the_command_line_reach_the_daemon(daemon):
    daemon.start("--set", "nodename=other@host", "--set", "platform_data_dir=./data")
    assert "other@host" in (daemon.folder / "log" / "console.log").read_text()


@pytest.mark.parametrize("arguments", [("start", "--daemon"), ("start",), ("console",)])
def test_a_second_start_is_refused(daemon, arguments):
    daemon.start()
    result = daemon.run(*arguments)
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1
    assert f"another broker, process {daemon.pid}, uses the data folder" in lines[0] and "vernemq stop" in lines[0]
    assert said(daemon.run("ping")) == (0, "pong\n", "")


def test_many_starts_at_once_make_one_broker(daemon):
    starts = [
        subprocess.Popen(
            [daemon.binary, "start", "--daemon", "--config", daemon.config], cwd=daemon.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    codes = [(start.communicate(timeout=DEADLINE), start.returncode)[1] for start in starts]
    assert sorted(codes) == [0, 1, 1, 1, 1, 1]
    assert said(daemon.run("ping")) == (0, "pong\n", "")
    assert said(daemon.run("stop")) == (0, "ok\n", "")


def test_a_pid_file_that_was_left_behind_is_in_nobodys_way(daemon):
    daemon.start()
    pid = daemon.pid
    os.kill(pid, signal.SIGKILL)
    wait_until("the process has ended", lambda: daemon.is_gone(pid))
    assert daemon.pid_file.exists()
    assert said(daemon.run("ping")) == NO_PONG
    assert said(daemon.run("stop")) == NOT_RUNNING
    assert said(daemon.start()) == (0, "", "")
    assert daemon.pid != pid


def test_the_number_in_a_left_file_is_not_signalled(daemon):
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        daemon.pid_file.parent.mkdir()
        daemon.pid_file.write_text(f"{bystander.pid}\n")
        assert said(daemon.run("stop")) == NOT_RUNNING
        assert said(daemon.run("ping")) == NO_PONG
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_restart(daemon):
    assert said(daemon.run("restart")) == NOT_RUNNING
    daemon.start()
    before = daemon.pid
    assert said(daemon.run("restart")) == (0, "ok\n", "")
    assert daemon.pid != before and daemon.is_gone(before)
    assert said(daemon.run("ping")) == (0, "pong\n", "")


def test_restart_does_not_stop_what_would_not_start_again(daemon):
    daemon.start()
    before = daemon.pid
    daemon.config.write_text(daemon.config.read_text() + "nonsense = 1\n")
    result = daemon.run("restart")
    assert result.returncode == 1 and "nonsense" in result.stderr
    assert not daemon.is_gone(before)


def test_what_keeps_a_daemon_from_starting_is_said(make_daemon):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        daemon = make_daemon({"listener.tcp.default": address})
        result = daemon.start()
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert address in result.stderr and "Address already in use" in result.stderr
    assert not daemon.pid_file.exists()
    wrong = daemon.start("--set", "nonsense=1")
    assert wrong.returncode == 1 and "nonsense" in wrong.stderr


def test_a_daemon_without_a_log_file_does_not_start(make_daemon, tmp_path):
    (tmp_path / "file").touch()
    daemon = make_daemon({"log.console.file": tmp_path / "file" / "x.log"})
    result = daemon.start()
    assert result.returncode == 1
    assert str(tmp_path / "file" / "x.log") in result.stderr and "background" in result.stderr


def test_a_data_folder_that_cannot_be_made_refuses_a_daemon_and_not_a_broker_in_memory(make_daemon, start_broker, tmp_path):
    (tmp_path / "file").touch()
    settings = {"platform_data_dir": tmp_path / "file" / "data", "message_store": "memory"}
    result = make_daemon(settings).start()
    assert result.returncode == 1 and "pid file" in result.stderr and "Not a directory" in result.stderr
    assert start_broker(settings).log("no pid file", level="warning")


def test_a_broker_in_the_foreground_is_found_too(broker):
    def run(command):
        return subprocess.run(
            [broker.binary, command, "--config", broker.config], cwd=broker.folder, capture_output=True, text=True,
            timeout=DEADLINE)

    assert said(run("ping")) == (0, "pong\n", "")
    assert said(run("stop")) == (0, "ok\n", "")
    assert broker.wait_for_exit() == 0
    assert broker.log("stopped")


def test_stop_waits_and_says_so_on_a_terminal(make_daemon):
    daemon = make_daemon({"shutdown_timeout": 60000})
    daemon.start()
    os.kill(daemon.pid, signal.SIGSTOP)
    main, terminal = pty.openpty()
    stop = subprocess.Popen(
        [daemon.binary, "stop", "--config", daemon.config], cwd=daemon.folder, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    progress = os.read(main, 1000).decode()
    assert f"process {daemon.pid} is stopping, 1 s" in progress
    assert stop.poll() is None
    os.kill(daemon.pid, signal.SIGCONT)
    assert stop.communicate(timeout=DEADLINE)[0] == b"ok\n"
    os.close(main)


def test_console_has_the_log_on_the_terminal(daemon):
    log = daemon.folder / "terminal.log"
    with open(log, "wb") as terminal:
        process = subprocess.Popen(
            [daemon.binary, "console", "--config", daemon.config], cwd=daemon.folder, stdin=subprocess.DEVNULL,
            stdout=terminal, stderr=terminal)
    try:
        wait_until("the terminal says so", lambda: '"started"' in log.read_text())
        assert '"started"' in (daemon.folder / "log" / "console.log").read_text()
        assert daemon.run("stop").returncode == 0
        assert process.wait(timeout=DEADLINE) == 0
    finally:
        process.kill()
        process.wait()


def test_version(binary):
    version = subprocess.run([binary, "version"], capture_output=True, text=True, timeout=DEADLINE)
    option = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=DEADLINE)
    assert version.returncode == 0 and version.stdout == option.stdout


def test_generate_prints_a_configuration(binary, tmp_path):
    generated = subprocess.run([binary, "config", "generate"], capture_output=True, text=True, timeout=DEADLINE)
    assert (generated.returncode, generated.stderr) == (0, "")
    (tmp_path / "vernemq.conf").write_text(
        generated.stdout.replace("# allow_anonymous = off", "allow_anonymous = on") + "listener.tcp.a = 127.0.0.1:0\n")
    check = subprocess.run(
        [binary, "config", "check", tmp_path / "vernemq.conf"], capture_output=True, text=True, timeout=DEADLINE)
    assert check.returncode == 0, check.stderr
