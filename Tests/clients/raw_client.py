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


def variable(number):
    """A variable byte integer."""
    digits = b""
    while True:
        number, digit = divmod(number, 128)
        digits += bytes([digit | (0x80 if number else 0)])
        if not number:
            return digits


def properties(*fields):
    """The property section of a packet; each field is (identifier, bytes), or None for one that is not there."""
    body = b"".join(bytes([field[0]]) + field[1] for field in fields if field)
    return variable(len(body)) + body


def seconds(identifier, value):
    return None if value is None else (identifier, value.to_bytes(4, "big"))


def connect(client_id, version=4, clean=True, keep_alive=0, expiry=None, will=None):
    """`expiry`: Session Expiry Interval; `will`: a dictionary of topic, payload, qos, retain, delay."""
    name = "MQIsdp" if version == 3 else "MQTT"
    flags = 0x02 if clean else 0
    if will:
        flags |= 0x04 | will.get("qos", 0) << 3 | (0x20 if will.get("retain") else 0)
    body = text(name) + bytes([version, flags]) + keep_alive.to_bytes(2, "big")
    body += properties(seconds(0x11, expiry)) if version == 5 else b""
    body += text(client_id)
    if will:
        body += properties(seconds(0x18, will.get("delay"))) if version == 5 else b""
        body += text(will["topic"]) + text(will["payload"])
    return packet(0x10, body)


def subscribe(topic_filter, qos=0, packet_identifier=1, version=4):
    section = b"\x00" if version == 5 else b""
    return packet(0x82, packet_identifier.to_bytes(2, "big") + section + text(topic_filter) + bytes([qos]))


def publish(topic, payload, qos=0, packet_identifier=1, version=4, retain=False, expiry=None):
    section = properties(seconds(0x02, expiry)) if version == 5 else b""
    identifier = packet_identifier.to_bytes(2, "big") if qos else b""
    return packet(0x30 | qos << 1 | retain, text(topic) + identifier + section + payload)


class Message:
    """A PUBLISH as it was received."""

    def __init__(self, first, body, version=4):
        self.qos, self.is_duplicate, self.is_retained = first >> 1 & 3, bool(first & 8), bool(first & 1)
        length = int.from_bytes(body[:2], "big")
        self.topic, rest = body[2: 2 + length].decode(), body[2 + length:]
        self.packet_identifier, self.expiry = 0, None
        if self.qos:
            self.packet_identifier, rest = int.from_bytes(rest[:2], "big"), rest[2:]
        if version == 5:
            length, rest = rest[0], rest[1:]  # tests send none of 128 bytes
            section, rest = rest[:length], rest[length:]
            if section[:1] == b"\x02":
                self.expiry = int.from_bytes(section[1:5], "big")
        self.payload = rest


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

    def open_session(self, client_id, version=4, clean=True, keep_alive=0, **options):
        """CONNECT and its CONNACK; the return or reason code. `is_present` tells whether the session was there."""
        self.version, self.early = version, []
        self.send(connect(client_id, version, clean, keep_alive, **options))
        first, body = self.read_packet()
        assert first == 0x20
        self.is_present = body[0] == 1
        return body[1]

    def subscribe(self, topic_filter, qos=0):
        """SUBSCRIBE and its SUBACK."""
        self.send(subscribe(topic_filter, qos, version=self.version))
        while True:
            received = self.read_packet()
            if received[0] == 0x90:
                return
            self.early.append(received)

    def publish(self, topic, payload, qos=1, **options):
        """PUBLISH of QoS 0 or 1, and its PUBACK."""
        self.send(publish(topic, payload, qos, version=self.version, **options))
        assert not qos or self.read_packet()[0] == 0x40

    def messages_until(self, topic):
        """Acknowledges messages of QoS 1 until one of `topic` has come; those before it."""
        messages = []
        while True:
            received = self.early.pop(0) if self.early else self.read_packet()
            assert received, "the connection has ended"
            first, body = received
            if first >> 4 != 3:
                continue
            message = Message(first, body, self.version)
            if message.qos:
                self.send(packet(0x40, message.packet_identifier.to_bytes(2, "big")))
            if message.topic == topic:
                return messages
            messages.append(message)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
