"""The broker as a process: started in a folder of its own, on ports the kernel chose."""

import contextlib
import http.client
import json
import os
import pathlib
import resource
import signal
import subprocess
import urllib.parse

from metrics import Metrics
from waiting import DEADLINE, wait_until

DEFAULTS = {
    "allow_anonymous": "on",
    "allow_all_topics": "on",
    "plugins.vmq_acl": "off",
    "plugins.vmq_passwd": "off",
    "listener.tcp.default": "127.0.0.1:0",
    "listener.http.default": "127.0.0.1:0",
    "log.console": "console",
    "log.console.console.format": "json",
    "log.console.file.format": "json",
}


def write_config(folder, settings):
    """`vernemq.conf` in `folder`, from the defaults above and `settings`; a setting that is None is left out."""
    merged = {**DEFAULTS, **settings}
    path = pathlib.Path(folder) / "vernemq.conf"
    path.write_text("".join(f"{key} = {value}\n" for key, value in merged.items() if value is not None))
    return path


class Broker:
    """A running broker. `open_files` limits its file descriptors; `log` is where its JSON log goes; `environment` is
    added to the test's own; `is_first` lets it run whenever it wants to, where we may say so: its turns are then its own
    work, not its wait for a processor."""

    def __init__(
        self, binary, folder, settings, open_files=None, log="stderr.log", may_log_errors=False, environment=None,
        is_first=False,
    ):
        self.binary, self.folder, self.open_files, self.environment = binary, folder, open_files, environment or {}
        self.is_first = is_first
        self.log_path = folder / log
        self.may_log_errors = may_log_errors
        # Tests that count messages count those of clients.
        self.config = write_config(folder, {**settings, "systree_enabled": settings.get("systree_enabled", "off")})
        self.launch()

    def launch(self):
        """Starts the process, anew after `kill`; its log begins anew too."""
        def limit():
            if self.open_files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files, self.open_files))
            if self.is_first:
                with contextlib.suppress(OSError):
                    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))

        with open(self.folder / "stderr.log", "wb") as stderr:
            self.process = subprocess.Popen(
                [self.binary, "start", "--config", self.config], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=stderr, stderr=stderr, preexec_fn=limit, env={**os.environ, **self.environment})

    def restart(self):
        """As a crash and what follows: SIGKILL, then a start on the same directory."""
        self.kill()
        self.launch()
        self.wait_until_ready()

    def stop(self):
        """A polite end; the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait_for_exit()

    # Log

    def log(self, message=None, level=None):
        """The lines of the log so far, as dictionaries; those with this message or level."""
        if not self.log_path.exists():
            return []
        text = self.log_path.read_text()
        lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines() if line.startswith("{")]
        return [
            line for line in lines
            if (message is None or message in line["message"]) and (level is None or line["level"] == level)
        ]

    def wait_for_log(self, message):
        return wait_until(f"the log says {message!r}", lambda: self.log(message))[0]

    def wait_until_ready(self):
        def is_started():
            assert self.process.poll() is None, f"the broker ended: {(self.folder / 'stderr.log').read_text()}"
            return self.log("started")

        wait_until("the broker has started", is_started)
        assert self.get("/health/ping").status == 200

    # Where it listens

    def address(self, listener="default", protocol="mqtt"):
        """(host, port) of a listener."""
        lines = [
            line for line in self.log("listening")
            if line.get("listener") == listener and line["protocol"] == protocol
        ]
        assert lines, f"no listener {listener} for {protocol}"
        text = lines[0]["address"] if protocol.startswith("mqtt") else urllib.parse.urlsplit(lines[0]["metrics"]).netloc
        host, port = text.rsplit(":", 1)
        return host.strip("[]"), int(port)

    @property
    def port(self):
        return self.address()[1]

    # HTTP

    def http(self):
        return http.client.HTTPConnection(*self.address(protocol="http"), timeout=DEADLINE)

    def request(self, method, path, body=None, headers=None):
        """The answer, its body in `.body`."""
        connection = self.http()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.body = answer.read()
            return answer
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def metrics(self):
        answer = self.get("/metrics")
        assert answer.status == 200
        return Metrics(answer.body.decode())

    def wait_for_metric(self, name, value, **labels):
        """Waits until the metric has this value; the reading in which it has."""
        seen = []

        def has_value():
            reading = self.metrics()
            seen[:] = [reading(name, **labels)]
            return reading if seen[0] == value else None

        try:
            return wait_until("", has_value)
        except AssertionError:
            raise AssertionError(f"vernemq_{name} {labels} is {seen[0]}, not {value}") from None

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def descriptor_count(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    # The store

    def store(self, command):
        """`vernemq store COMMAND` on this broker's directory: its exit status, with `.stdout` and `.stderr`."""
        return subprocess.run(
            [self.binary, "store", command, "--config", self.config], cwd=self.folder, capture_output=True, text=True,
            timeout=DEADLINE)

    @property
    def store_directory(self):
        return self.folder / "data" / "leveldb"

    # The end

    def signal(self, number):
        self.process.send_signal(number)

    def wait_for_exit(self, deadline=DEADLINE):
        return self.process.wait(timeout=deadline)

    def check_and_stop(self):
        """What must hold at the end of every test."""
        if self.process.poll() is None:
            wait_until("the ledger accounts for all", lambda: not self.metrics().residuals())
            self.signal(signal.SIGTERM)
        status = self.wait_for_exit()
        assert status == 0, f"exit status {status}: {(self.folder / 'stderr.log').read_text()[-2000:]}"
        if not self.may_log_errors:
            assert self.log(level="error") == []

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
