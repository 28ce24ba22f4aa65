"""Somebody who has never seen vmq-admin reads its help and nothing else, and does what operators do most."""

import os
import pathlib
import re
import socket
import subprocess

import pytest

from admin import Admin
from raw_client import RawClient
from waiting import DEADLINE, wait_until


class Reader:
    """Finds commands by what help says about them, level by level, and begins with an example of it."""

    def __init__(self, program, broker):
        self.program, self.folder = program, broker.folder

    def run(self, *words):
        # In the broker's working directory no option says which broker is meant.
        result = subprocess.run(
            [self.program, *words], cwd=self.folder, capture_output=True, text=True, timeout=DEADLINE,
            env={**os.environ, "VERNEMQ_SOCKET": ""})
        assert result.returncode == 0, (words, result.stdout, result.stderr)
        return result.stdout

    @staticmethod
    def entries(text):
        """What stands under `Sub-commands:`; an entry may go on in the next line."""
        _, found, rest = text.partition("  Sub-commands:\n")
        lines = rest.split("\n\n")[0] if found else ""
        joined = re.sub(r"\n {8,}", " ", lines)
        return dict(re.findall(r"^    (\S+) +(.+)$", joined, re.MULTILINE))

    def find(self, *says):
        """The words of the command: at each level the first entry that says what one is looking for."""
        words = []
        for wanted in says:
            entries = self.entries(self.run(*words, "--help"))
            found = [word for word, help in entries.items() if re.search(wanted, help, re.IGNORECASE)]
            assert found, f"{wanted!r} is nowhere in the help of {words}: {entries}"
            words.append(found[0])
        return words

    def example(self, words, contains=""):
        """An example that the help of the command has, as words."""
        text = self.run(*words, "--help")
        examples = re.findall(r"^    vmq-admin (.+)$", text.partition("  Examples:\n")[2], re.MULTILINE)
        usage = re.search(r"Usage: vmq-admin (.+)", text).group(1)
        return next(example.split() for example in examples + [usage] if contains in example)

    def follow(self, *says, contains="", instead=None):
        """Finds a command and carries its example out, with what is one's own in the place of what the example has."""
        words = self.example(self.find(*says), contains)
        return self.run(*[re.sub(pattern, value, word) for word in words for pattern, value in [(instead or ("^$", ""))]])


@pytest.fixture
def reader(binary, broker):
    return Reader(pathlib.Path(binary).with_name("vmq-admin"), broker)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_help_alone_is_enough(broker, client, reader):
    x = client(broker, version=4, client_id="x", clean=False)
    x.subscribe("a/b", 1)
    # Who is connected?
    assert " x " in reader.follow("sessions", "lists", contains="--is_online=true")
    # Who subscribes to a/b?
    assert " x " in reader.follow("who would get", "topic", contains="a/b")
    # Kick it.
    assert reader.follow("disconnect", "disconnects a client", instead=("sensor-1", "x")) == "Done\n"
    x.wait_for_disconnect()
    client(broker).publish("a/b", b"waits", 1)
    # How many messages wait for it?
    waiting = reader.follow("messages that wait", "shows", instead=("sensor-1", "x"))
    assert waiting.count("| a/b ") == 1
    # Change a setting.
    assert reader.follow("changes settings", contains="max_inflight") == 'max_inflight_messages set to "50"\n'
    assert "50" in reader.follow("values of settings", contains="max_inflight")
    # Add a listener with a mountpoint.
    port = free_port()
    start = reader.example(reader.find("addresses", "makes a listener"), "port=1884")
    assert "--mountpoint=building-1" in start
    own = [word.replace("0.0.0.0", "127.0.0.1").replace("port=1884", f"port={port}") for word in start]
    assert reader.run(*own) == "Done\n"
    with RawClient(("127.0.0.1", port)) as inside:
        assert inside.open_session("inside") == 0
        wait_until("it is there", lambda: "building-1" in reader.run("session", "show", "--mountpoint", "--client_id"))
    # Make a key for the API.
    key = reader.follow("keys for the http api", "makes a random key", contains="scope=metrics").strip()
    assert len(key) == 32
    assert Admin(broker, key).get("/api/v1/node/status").status == 401  # It opens what it was made for.


def test_each_command_is_found_by_help_and_has_an_example(reader):
    def visit(words):
        text = reader.run(*words, "--help")
        assert text.startswith("Usage: vmq-admin"), words
        for word in reader.entries(text):
            visit([*words, word])
        if not reader.entries(text):
            assert "Examples:" in text or f"Usage: vmq-admin {' '.join(words)}\n" in text, words

    visit([])
