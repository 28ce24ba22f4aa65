"""MQTT bytes on a plain socket, for what well-behaved clients do not do."""

import socket

from waiting import DEADLINE

PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"


def text(value):
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(first, body):
    """A control packet: first byte, remaining length, body."""
    length, rest = b"", len(body)
    while True:
        digit, rest = rest % 128, rest // 128
        length += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            return bytes([first]) + length + body


def connect(client_id, version=4, clean=True, keep_alive=0):
    name = "MQIsdp" if version == 3 else "MQTT"
    flags = 0x02 if clean else 0
    properties = b"\x00" if version == 5 else b""
    return packet(
        0x10, text(name) + bytes([version, flags]) + keep_alive.to_bytes(2, "big") + properties + text(client_id))


def subscribe(topic_filter, qos=0, packet_identifier=1, version=4):
    properties = b"\x00" if version == 5 else b""
    return packet(0x82, packet_identifier.to_bytes(2, "big") + properties + text(topic_filter) + bytes([qos]))


def publish(topic, payload, qos=0, packet_identifier=1, version=4):
    properties = b"\x00" if version == 5 else b""
    identifier = packet_identifier.to_bytes(2, "big") if qos else b""
    return packet(0x30 | qos << 1, text(topic) + identifier + properties + payload)


class RawClient:
    """A socket that counts what it sent and received."""

    def __init__(self, address, receive_buffer=None):
        self.sent = self.received = 0
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(address)

    def send(self, data):
        self.socket.sendall(data)
        self.sent += len(data)

    def read(self, count):
        """Exactly `count` bytes, or what came before the end."""
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                break
            data += part
        self.received += len(data)
        return data

    def read_packet(self):
        """(first byte, body), or None at the end of the connection."""
        first = self.read(1)
        if not first:
            return None
        length = shift = 0
        while True:
            digit = self.read(1)[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return first[0], self.read(length)

    def is_ended(self):
        """Waits for the end of the connection; true when it came."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True

    def open_session(self, client_id, version=4, clean=True, keep_alive=0):
        """CONNECT and its CONNACK; the return or reason code."""
        self.send(connect(client_id, version, clean, keep_alive))
        first, body = self.read_packet()
        assert first == 0x20
        return body[1]

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
