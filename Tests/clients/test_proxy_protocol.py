"""PROXY headers: of our own, and of haproxy."""

import contextlib
import shutil
import socket
import struct
import subprocess

import pytest

from admin import Admin
from certificates import Authority
from raw_client import RawClient
from test_tls import trusting
from waiting import DEADLINE, wait_until

CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c"
CONNACK = b"\x20\x02\x00\x00"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def version_2(command=1, family=0x11, addresses=None, extensions=b""):
    if addresses is None:
        addresses = socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.8") + struct.pack(">HH", 4711, 1883)
    body = addresses + extensions
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack(">H", len(body)) + body


def extension(kind, value):
    return bytes([kind]) + struct.pack(">H", len(value)) + value


def certificate(name, verify=0):
    return extension(0x20, bytes([7]) + struct.pack(">I", verify) + extension(0x22, name))


@pytest.fixture
def broker(start_broker):
    return start_broker({"listener.tcp.behind": "127.0.0.1:0", "listener.tcp.behind.proxy_protocol": "on"})


def session(broker, *parts):
    """What `session show` says of a client whose bytes come in these parts; None = it was sent away."""
    with RawClient(broker.address("behind")) as raw:
        for part in parts:
            raw.send(part)
        if raw.socket.recv(4) != CONNACK:
            return None
        [row] = Admin(broker).sessions("--peer_host", "--peer_port", "--user")
        return row


@pytest.mark.parametrize("header, host, port", [
    (b"PROXY TCP4 192.0.2.7 192.0.2.8 4711 1883\r\n", "192.0.2.7", 4711),
    (b"PROXY TCP6 2001:db8::7 ::1 4711 1883\r\n", "2001:db8::7", 4711),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1", None), (version_2(), "192.0.2.7", 4711),
    (version_2(command=0, family=0, addresses=b""), "127.0.0.1", None),
])
def test_the_client_is_where_the_proxy_says(broker, header, host, port):
    row = session(broker, header + CONNECT)
    assert row["peer_host"] == host
    assert port is None or row["peer_port"] == port


def test_a_header_in_pieces(broker):
    whole = version_2(extensions=extension(4, bytes(300))) + CONNECT
    row = session(broker, *(whole[index:index + 1] for index in range(len(whole))))
    assert row["peer_host"] == "192.0.2.7"


def test_the_name_of_a_verified_certificate_is_the_user_name(broker):
    assert session(broker, version_2(extensions=certificate(b"alice")) + CONNECT)["user"] == "alice"
    assert session(broker, version_2(extensions=certificate(b"mallory", verify=1)) + CONNECT)["user"] != "mallory"


@pytest.mark.parametrize("bytes_, reason", [
    (CONNECT, "missing"), (b"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n", "invalid_address"), (b"PROXY UNKNOWN " + b"x" * 200, "line_too_long"),
    (SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12), "unsupported_version"), (version_2(addresses=bytes(4)), "addresses_truncated"),
])
def test_what_is_no_header_is_closed(broker, bytes_, reason):
    with RawClient(broker.address("behind")) as raw:
        raw.send(bytes_)
        assert raw.is_ended()
    broker.wait_for_metric("listener_stream_failures_total", 1, listener="behind", reason=f"proxy_{reason}")
    assert broker.metrics()("connections_closed_total", reason="proxy_protocol_failed") == 1


def test_only_listed_proxies_are_believed(start_broker):
    broker = start_broker({
        "listener.tcp.behind": "127.0.0.1:0", "listener.tcp.behind.proxy_protocol": "on",
        "listener.tcp.behind.proxy_protocol_trusted": "10.0.0.0/8, 192.0.2.1"})
    assert session(broker, version_2() + CONNECT) is None
    broker.wait_for_metric("listener_stream_failures_total", 1, listener="behind", reason="proxy_untrusted")


@contextlib.contextmanager
def haproxy(folder, lines):
    """haproxy with these lines in its `listen` section; the port of its Unix-free frontend."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "haproxy.cfg"
    config.write_text(
        "defaults\n mode tcp\n timeout connect 60s\n timeout client 60s\n timeout server 60s\n"
        f"listen mqtt\n {lines[0].format(port=port)}\n" + "".join(f" {line}\n" for line in lines[1:]))
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    process = subprocess.Popen([program, "-db", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        def answers():
            assert process.poll() is None, process.stderr.read().decode()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True

        wait_until("haproxy listens", answers)
        yield port
    finally:
        process.kill()
        process.wait(DEADLINE)
        process.stderr.close()


@pytest.mark.parametrize("version", ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl-cn"])
def test_behind_haproxy(start_broker, client, tmp_path, version):
    authority = Authority(tmp_path / "ca")
    server, alice = authority.make("server", "localhost"), authority.make("alice")
    pair = tmp_path / "pair.pem"
    pair.write_bytes(server[0].read_bytes() + server[1].read_bytes())
    broker = start_broker({"listener.tcp.behind": "127.0.0.1:0", "listener.tcp.behind.proxy_protocol": "on"})
    host, port = broker.address("behind")
    lines = [
        f"bind 127.0.0.1:{{port}} ssl crt {pair} ca-file {authority.certificate} verify required",
        f"server broker {host}:{port} {version}"]
    with haproxy(tmp_path, lines) as outside:
        through = client(
            broker, client_id="through", listener="behind", connects=False, tls=trusting(authority, alice), username="own")
        through.address = "localhost", outside
        through.connect()
        through.subscribe("a", 1)
        through.publish("a", b"there and back", 1)
        assert through.receive().payload == b"there and back"
        [row] = [row for row in Admin(broker).sessions("--client_id", "--user", "--peer_port")
                 if row["client_id"] == "through"]
        assert row["user"] == ("alice" if version == "send-proxy-v2-ssl-cn" else "own")
        assert row["peer_port"] == through.paho.socket().getsockname()[1]
        through.disconnect()
