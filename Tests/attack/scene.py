"""A broker under attack, and what is read off it meanwhile: CPU, the longest turn, memory, what innocent clients wait."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time

from broker import Broker
from waiting import wait_until

MIB = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")
SETTINGS = {"listener.max_connections": "infinity", "loops": 2}


class Reading:
    """What one attack cost."""

    def __init__(self):
        self.cpu = self.turn = self.memory = self.left = self.wait = self.starved = 0.0


class Scene:
    """`measured()` is the part of an attack whose cost counts; what prepares it comes before."""

    def __init__(self, program, folder, settings, open_files=None):
        self.broker = Broker(
            program, folder, {**SETTINGS, **settings}, open_files=open_files, may_log_errors=True, is_first=True)
        self.broker.wait_until_ready()
        self.reading = Reading()
        self.is_idle_wanted = True

    @property
    def address(self):
        return self.broker.address()

    @contextlib.contextmanager
    def measured(self, watches=True):
        """`watches`: whether innocent clients are there, and say how long their round trips took."""
        process = f"/proc/{self.broker.process.pid}"
        bystanders = self.bystanders() if watches else contextlib.nullcontext()
        with bystanders:
            turns = self.turns()
            starved = self.starved()
            cpu = self.cpu()
            resident = self.broker.resident_bytes()
            pathlib.Path(f"{process}/clear_refs").write_text("5")  # the peak begins anew
            yield self
            self.settle()
            self.reading.cpu = self.cpu() - cpu
            self.reading.memory = max(0, self.peak() - resident)
            self.reading.left = max(0, self.broker.resident_bytes() - resident)
            self.reading.turn = longest(turns, self.turns())
            self.reading.starved = max(after - starved[each] for each, after in self.starved().items())

    def settle(self, patience=60):
        """Waits until the broker has nothing left to do. One that never rests is busy for nothing."""
        end = time.monotonic() + patience
        before = self.cpu()
        while True:
            time.sleep(0.25)
            now = self.cpu()
            if now - before < 0.1:
                return
            before = now
            if time.monotonic() > end:
                self.is_idle_wanted = False
                return

    @contextlib.contextmanager
    def bystanders(self):
        program = pathlib.Path(__file__).parent / "bystanders.py"
        process = subprocess.Popen(
            [sys.executable, program, *map(str, self.address)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout.readline() == "ready\n", "innocent clients cannot connect"
            yield
            told, _ = process.communicate("", timeout=120)
            self.reading.wait, self.cut = float(told.split()[0]), int(told.split()[1])
        finally:
            process.kill()
            process.wait()

    # Readings

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.broker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def starved(self):
        """{thread: seconds} for which a loop could have run, and the system gave the processor to others."""
        found = {}
        for each in pathlib.Path(f"/proc/{self.broker.process.pid}/task").iterdir():
            if (each / "comm").read_text().startswith("loop-"):
                found[each.name] = int((each / "schedstat").read_text().split()[1]) / 1e9
        return found

    def peak(self):
        status = pathlib.Path(f"/proc/{self.broker.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def turns(self):
        """{bound in seconds: turns up to it}."""
        wait_until("the pages answer", lambda: self.broker.get("/metrics").status == 200, 60)
        samples = self.broker.metrics().families["vernemq_loop_turn_seconds_bucket"]
        return {float(labels["le"]): value for labels, value in samples}

    def disk(self):
        return sum(each.stat().st_size for each in self.broker.store_directory.rglob("*") if each.is_file())


def longest(before, after):
    """The bound of the last bucket that got a turn, in seconds."""
    previous = 0
    found = 0
    for bound in sorted(after):
        count = after[bound] - before[bound]
        if count > previous:
            found = bound
        previous = count
    return found
