"""What systemd does for a service: sockets that it hands over, and what it is told."""

import os
import socket
import subprocess

import pytest

from broker import write_config
from raw_client import RawClient
from waiting import DEADLINE

FIRST = 3


@pytest.fixture
def notices(tmp_path):
    """The socket that the service manager listens at: its path, and what came."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(DEADLINE)
        yield path, lambda: receiver.recv(1000).decode()


def start(binary, folder, settings, environment, listener=None):
    """The broker as the service manager starts it; `listener` is its descriptor 3."""
    config = write_config(folder, {**settings, "systree_enabled": "off"})
    prepare = "exec "
    if listener:
        # The number of the process is known only in it.
        prepare = f"export LISTEN_PID=$$ LISTEN_FDS=1; exec {FIRST}<&{listener.fileno()}; exec "
    return subprocess.Popen(
        ["bash", "-c", f'{prepare}"$0" start --config "$1"', binary, config], cwd=folder,
        pass_fds=[listener.fileno()] if listener else [], env={**os.environ, **environment},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def test_a_socket_that_is_handed_over_is_used(binary, tmp_path, notices):
    path, notice = notices
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        address = listener.getsockname()
        # A client that comes before the broker waits, and is served.
        with RawClient(address) as early:
            broker = start(
                binary, tmp_path, {"listener.tcp.default": "127.0.0.1:%d" % address[1]}, {"NOTIFY_SOCKET": str(path)},
                listener)
            try:
                assert notice() == "READY=1"
                assert early.open_session("early", 4) == 0
                clients = [RawClient(address) for _ in range(8)]
                for number, client in enumerate(clients):
                    assert client.open_session(f"c{number}", 4) == 0
                    client.close()
            finally:
                broker.terminate()
                assert broker.wait(DEADLINE) == 0
        assert notice() == "STOPPING=1"


def test_the_watchdog_hears_that_the_broker_is_well(binary, tmp_path, notices):
    path, notice = notices
    broker = start(binary, tmp_path, {}, {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "40000"})
    try:
        assert notice() == "READY=1"
        assert [notice() for _ in range(3)] == ["WATCHDOG=1"] * 3
    finally:
        broker.terminate()
        assert broker.wait(DEADLINE) == 0
