"""A broker under callgrind, and what tells that it has done all there was to do."""

import os
import pathlib
import subprocess
import time

from broker import Broker
from callgrind import Profile
from waiting import DEADLINE

CLOCK = pathlib.Path(__file__).parent / "stopped_clock.c"
SETTINGS = {"loops": 1, "message_store": "memory", "max_inflight_messages": 0}


class CannotCountError(Exception):
    """This machine does not let valgrind be told when to count."""


class Program:
    """The broker as callgrind can run it, in `folder`."""

    def __init__(self, binary, folder):
        self.binary, self.clock = folder / "vernemq", folder / "stopped_clock.so"
        # Valgrind 3.19 does not understand the debug information of Swift 6.
        subprocess.run(["objcopy", "--strip-debug", binary, self.binary], check=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.clock, CLOCK, "-ldl"], check=True)


class CountedBroker:
    """Runs in `folder`, some fifty times slower than alone."""

    def __init__(self, program, folder, settings=None):
        self.output = folder / "callgrind.out"
        self.prefix = f"--vgdb-prefix={folder / 'vgdb'}"
        wrapper = folder / "counted"
        wrapper.write_text(
            f'#!/bin/sh\nexec valgrind -q --tool=callgrind --instr-atstart=no "--callgrind-out-file={self.output}" '
            f'"{self.prefix}" "{program.binary}" "$@"\n')
        wrapper.chmod(0o755)
        # No turn is ever long, and dictionaries find their keys in the same order each time.
        environment = {"LD_PRELOAD": str(program.clock), "SWIFT_DETERMINISTIC_HASHING": "1"}
        self.threads = []
        self.broker = Broker(wrapper, folder, {**SETTINGS, **(settings or {})}, environment=environment)

    def wait_until_ready(self):
        self.broker.wait_until_ready()
        tasks = pathlib.Path(f"/proc/{self.broker.process.pid}/task")
        self.threads = [os.open(each / "stat", os.O_RDONLY) for each in tasks.iterdir()]

    @property
    def address(self):
        return self.broker.address()

    def settle(self):
        """Waits until all threads sleep: what was sent before has been read, and the turn is over."""
        end = time.monotonic() + DEADLINE
        while not all(is_asleep(each) for each in self.threads):
            assert time.monotonic() < end, f"after {DEADLINE} s the broker is still busy"
            time.sleep(0.0001)

    def count(self, work):
        """What `work` makes the broker do."""
        self.settle()
        self.tell("instrumentation on")
        work()
        self.settle()
        self.tell("dump")
        return Profile(f"{self.output}.1")

    def tell(self, command):
        try:
            told = subprocess.run(
                ["vgdb", self.prefix, f"--pid={self.broker.process.pid}", *command.split()], capture_output=True,
                text=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            raise CannotCountError(f"vgdb {command}: no answer; it has to be allowed ptrace") from None
        assert told.returncode == 0, f"vgdb {command}: {told.stdout}{told.stderr}"

    def kill(self):
        """There is nothing to lose, and with a clock that stands still it would not end by itself."""
        for each in self.threads:
            os.close(each)
        self.broker.kill()


def is_asleep(thread):
    return os.pread(thread, 1024, 0).rpartition(b") ")[2].startswith(b"S")
