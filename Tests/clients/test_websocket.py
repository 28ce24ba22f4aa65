"""WebSocket listeners, with paho and with frames of our own."""

import base64
import os
import socket
import struct

import pytest

from admin import Admin
from certificates import Authority
from test_tls import trusting
from waiting import DEADLINE

CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c"
CONNACK = b"\x20\x02\x00\x00"


@pytest.fixture
def broker(start_broker):
    return start_broker({"listener.ws.web": "127.0.0.1:0"})


class Web:
    """A WebSocket client that may do everything wrong."""

    def __init__(self, broker, path="/mqtt", protocols="mqtt", listener="web", **headers):
        self.socket = socket.create_connection(broker.address(listener, "mqttws"), timeout=DEADLINE)
        self.key = base64.b64encode(os.urandom(16)).decode()
        lines = {
            "Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": self.key,
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": protocols,
            **{name.replace("_", "-"): value for name, value in headers.items()}}
        request = f"GET {path} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        self.socket.sendall(request.encode() + b"\r\n")
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while line := self.file.readline().strip():
            name, value = line.decode().split(": ", 1)
            self.headers[name.lower()] = value

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, payload, opcode=2, is_final=True, is_masked=True):
        self.socket.sendall(self.frame(payload, opcode, is_final, is_masked))

    @staticmethod
    def frame(payload, opcode=2, is_final=True, is_masked=True):
        size = len(payload)
        head = bytes([(0x80 if is_final else 0) | opcode])
        mask = 0x80 if is_masked else 0
        if size < 126:
            head += bytes([mask | size])
        elif size < 65536:
            head += bytes([mask | 126]) + struct.pack(">H", size)
        else:
            head += bytes([mask | 127]) + struct.pack(">Q", size)
        if not is_masked:
            return head + payload
        key = os.urandom(4)
        return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))

    def receive(self):
        """(opcode, payload) of the next frame; None at the end."""
        head = self.file.read(2)
        if len(head) < 2:
            return None
        size = head[1] & 127
        assert not head[1] & 0x80, "a server's frames are not masked"
        if size == 126:
            [size] = struct.unpack(">H", self.file.read(2))
        elif size == 127:
            [size] = struct.unpack(">Q", self.file.read(8))
        return head[0] & 15, self.file.read(size)


@pytest.mark.parametrize("version", [3, 4, 5])
def test_messages_pass_between_websocket_and_tcp(broker, client, version):
    web = client(broker, version=version, listener="web", protocol="mqttws", transport="websockets")
    plain = client(broker, version=version)
    web.subscribe("a", 1)
    plain.subscribe("b", 1)
    for size in (0, 1, 100, 125, 126, 65_530, 70_000, 300_000):
        web.publish("b", bytes(size), 1)
        assert len(plain.receive().payload) == size
        plain.publish("a", bytes(size), 1)
        assert len(web.receive().payload) == size
    assert broker.metrics()("active_mqttws_connections") == 1
    assert broker.metrics()("active_mqtt_connections") == 1


def test_messages_pass_through_websocket_over_tls(start_broker, client, tmp_path):
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.make("server", "localhost")
    broker = start_broker({
        "listener.wss.web": "127.0.0.1:0", "listener.wss.web.certfile": certificate, "listener.wss.web.keyfile": key})
    web = client(broker, listener="web", protocol="mqttwss", transport="websockets", tls=trusting(authority))
    web.subscribe("a", 1)
    sent = [web.send("a", bytes(size), 1) for size in (0, 1, 16_380, 16_384, 300_000) for _ in range(20)]
    assert [len(message.payload) for message in web.receive(100)] == [
        size for size in (0, 1, 16_380, 16_384, 300_000) for _ in range(20)]
    for packet in sent:
        web.finish(packet)


def test_the_answer_to_a_request(broker):
    with Web(broker, protocols="chat, mqttv3.1, mqtt") as web:
        assert web.status == 101
        assert web.headers["sec-websocket-protocol"] == "mqttv3.1"
        web.send(CONNECT)
        assert web.receive() == (2, CONNACK)


@pytest.mark.parametrize("options, status", [
    ({"path": "/"}, 404), ({"path": "/mqtt/x"}, 404), ({"protocols": "chat"}, 400), ({"protocols": None}, 400),
    ({"Upgrade": None}, 426), ({"Sec_WebSocket_Version": "8"}, 426), ({"Sec_WebSocket_Key": "short"}, 400),
    ({"X_Long": "x" * 5000}, 431), ({"path": "/" + "x" * 9000}, 414), ({"Content_Length": "5"}, 400),
])
def test_what_is_no_request_is_refused(broker, options, status):
    with Web(broker, **options) as web:
        assert web.status == status
        assert web.headers["connection"].endswith("close")
        assert web.file.read()
    assert broker.wait_for_metric("connections_closed_total", 1, reason="websocket_failed")


def test_packets_need_not_heed_frames(broker):
    with Web(broker) as web:
        assert web.status == 101
        ping = b"\xc0\x00"
        # A packet in many fragments with a ping of WebSocket between them; then several packets in one frame.
        web.send(CONNECT[:1], is_final=False)
        for byte in CONNECT[1:-1]:
            web.send(bytes([byte]), opcode=0, is_final=False)
        web.send(b"are you there", opcode=9)
        web.send(CONNECT[-1:], opcode=0)
        assert web.receive() == (10, b"are you there")
        assert web.receive() == (2, CONNACK)
        web.send(ping * 3)
        assert web.receive() == (2, b"\xd0\x00" * 3)
    assert broker.metrics()("websocket_pings_total", listener="web") == 1


@pytest.mark.parametrize("frame, code, reason", [
    (Web.frame(CONNECT, is_masked=False), 1002, "unmasked"), (Web.frame(CONNECT, opcode=1), 1003, "text_frame"),
    (Web.frame(CONNECT, opcode=3), 1002, "unknown_opcode"), (Web.frame(b"", opcode=0), 1002, "unexpected_continuation"),
    (Web.frame(b"", opcode=9, is_final=False), 1002, "control_fragmented"),
    (Web.frame(bytes(126), opcode=9), 1002, "control_too_long"), (b"\xc2\x80abcd", 1002, "reserved_bit"),
    (Web.frame(b"\x03\xed", opcode=8), 1002, "close_code"), (Web.frame(b"\x03\xe8\xff", opcode=8), 1007, "close_reason"),
])
def test_frames_that_must_not_come(broker, frame, code, reason):
    with Web(broker) as web:
        assert web.status == 101
        web.socket.sendall(frame)
        opcode, payload = web.receive()
        assert (opcode, struct.unpack(">H", payload[:2])[0]) == (8, code)
        assert web.receive() is None
    broker.wait_for_metric("listener_stream_failures_total", 1, listener="web", reason=f"websocket_{reason}")


def test_a_frame_that_is_too_long(start_broker):
    broker = start_broker({"listener.ws.web": "127.0.0.1:0", "max_ws_frame_size": "100"})
    with Web(broker) as web:
        web.send(CONNECT)
        assert web.receive() == (2, CONNACK)
        web.send(bytes(101))
        assert web.receive()[1][:2] == struct.pack(">H", 1009)


def test_the_client_closes(broker):
    with Web(broker) as web:
        web.send(CONNECT)
        assert web.receive() == (2, CONNACK)
        web.send(struct.pack(">H", 1000) + b"bye", opcode=8)
        assert web.receive() == (8, struct.pack(">H", 1000))
        assert web.receive() is None
    broker.wait_for_metric("connections_closed_total", 1, reason="peer_closed")


def test_a_close_frame_behind_packets_ends_the_connection(broker):
    with Web(broker) as web:
        web.send(CONNECT)
        assert web.receive() == (2, CONNACK)
        web.socket.sendall(Web.frame(b"\xc0\x00") + Web.frame(struct.pack(">H", 1000), opcode=8))
        assert web.receive() == (2, b"\xd0\x00")
        assert web.receive() == (8, struct.pack(">H", 1000))
        assert web.receive() is None


def test_what_ends_a_connection_hides_nothing_of_it(start_broker):
    broker = start_broker({
        "listener.ws.web": "127.0.0.1:0", "listener.ws.web.connection_rate_limit": "1",
        "listener.ws.web.connection_rate_burst": "2", "listener.ws.web.proxy_protocol": "on"})
    answers = []
    for _ in range(4):
        with socket.create_connection(broker.address("web", "mqttws"), timeout=DEADLINE) as raw:
            # Header, request, CONNECT and what must not come, in one piece.
            raw.sendall(
                b"PROXY TCP4 192.0.2.7 192.0.2.8 4711 80\r\n" + b"GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Protocol: mqtt\r\n\r\n" + Web.frame(CONNECT) + Web.frame(b"x", opcode=1))
            got = b""
            while piece := raw.recv(1000):
                got += piece
            answers.append(CONNACK in got)
    assert answers.count(True) <= 3
    assert answers[-1] is False


def test_the_broker_closes(broker):
    with Web(broker) as web:
        web.send(CONNECT)
        assert web.receive() == (2, CONNACK)
        Admin(broker).done("session disconnect", "client-id=c")
        assert web.receive() == (8, struct.pack(">H", 1000))
        assert web.receive() is None


def test_only_listed_pages_may_connect(start_broker):
    broker = start_broker({
        "listener.ws.web": "127.0.0.1:0", "listener.ws.web.allowed_origins": "https://a.example,https://b.example"})
    for origin, status in [("https://b.example", 101), ("https://c.example", 403), (None, 101)]:
        with Web(broker, Origin=origin) as web:
            assert web.status == status


def test_a_proxy_tells_address_and_name(start_broker):
    broker = start_broker({
        "listener.ws.web": "127.0.0.1:0", "listener.ws.web.proxy_xff_support": "on",
        "listener.ws.web.proxy_xff_trusted_intermediate": "127.0.0.1",
        "listener.ws.web.proxy_xff_use_cn_as_username": "on"})
    with Web(broker, X_Forwarded_For="192.0.2.7, 10.0.0.1", X_SSL_Client_CN="alice") as web:
        web.send(CONNECT)
        assert web.receive() == (2, CONNACK)
        [row] = Admin(broker).sessions("--client_id", "--user", "--peer_host")
        assert (row["user"], row["peer_host"]) == ("alice", "192.0.2.7")
    for headers in ({"X_Forwarded_For": "192.0.2.7"}, {"X_SSL_Client_CN": "alice"}, {"X_Forwarded_For": "nobody",
                                                                                      "X_SSL_Client_CN": "alice"}):
        with Web(broker, **headers) as web:
            assert web.status == 403


def test_an_untrusted_proxy_tells_nothing(start_broker):
    broker = start_broker({
        "listener.ws.web": "127.0.0.1:0", "listener.ws.web.proxy_xff_support": "on",
        "listener.ws.web.proxy_xff_trusted_intermediate": "10.0.0.0/8"})
    with Web(broker, X_Forwarded_For="192.0.2.7") as web:
        assert web.status == 403
    broker.wait_for_metric("listener_stream_failures_total", 1, listener="web", reason="proxy_untrusted")


def test_a_request_without_end_is_ended(broker):
    with socket.create_connection(broker.address("web", "mqttws"), timeout=DEADLINE) as raw:
        raw.sendall(b"GET /mqtt HTTP/1.1\r\n" + b"X: y\r\n" * 200)
        assert raw.recv(100).startswith(b"HTTP/1.1 431")
