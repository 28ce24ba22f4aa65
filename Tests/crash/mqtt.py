"""MQTT 3.1.1 and 5 as a client of the crash test needs it: packets to bytes, and a connection that cuts a stream."""

import asyncio
import struct
import sys

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 5, 6, 7, 8, 9
PINGREQ, DISCONNECT = 12, 14
FOREVER = 0xFFFFFFFF

# Property identifiers: the length of the value in bytes, or how it is counted.
PROPERTY_SIZES = {
    0x01: 1, 0x02: 4, 0x03: "text", 0x08: "text", 0x09: "text", 0x0B: "varint", 0x11: 4, 0x12: "text", 0x13: 2,
    0x15: "text", 0x16: "text", 0x17: 1, 0x18: 4, 0x19: 1, 0x1A: "text", 0x1C: "text", 0x1F: "text", 0x21: 2,
    0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1, 0x26: "pair", 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1,
}
MESSAGE_EXPIRY, SESSION_EXPIRY, WILL_DELAY, RECEIVE_MAXIMUM = 0x02, 0x11, 0x18, 0x21


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def varint(value):
    out = bytearray()
    while True:
        value, digit = value >> 7, value & 0x7F
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def packet(first, *parts):
    body = b"".join(parts)
    return bytes([first]) + varint(len(body)) + body


def properties(version, **values):
    """The property block of MQTT 5; nothing in earlier versions. Values that are None are left out."""
    if version != 5:
        return b""
    layouts = {
        "message_expiry": (MESSAGE_EXPIRY, ">BI"), "session_expiry": (SESSION_EXPIRY, ">BI"),
        "will_delay": (WILL_DELAY, ">BI"), "receive_maximum": (RECEIVE_MAXIMUM, ">BH")}
    block = b"".join(
        struct.pack(layouts[name][1], layouts[name][0], value) for name, value in values.items() if value is not None)
    return varint(len(block)) + block


def connect(name, version, clean, expiry=0, window=None, will=None, keep_alive=0):
    """`will` is (topic, payload, QoS, delay). A lasting session of MQTT 5 has an expiry interval."""
    flags = 0x02 * clean | (0x04 | will[2] << 3 if will else 0)
    parts = [
        text("MQTT"), bytes([version, flags]), struct.pack(">H", keep_alive),
        properties(version, session_expiry=expiry or None, receive_maximum=window), text(name)]
    if will:
        parts += [properties(version, will_delay=will[3] or None), text(will[0]), text(will[1])]
    return packet(CONNECT << 4, *parts)


def subscribe(identifier, filters, qos, version):
    return packet(
        SUBSCRIBE << 4 | 2, struct.pack(">H", identifier), properties(version),
        *(text(each) + bytes([qos]) for each in filters))


def publish(topic, payload, qos, identifier, version, is_retained=False, is_duplicate=False, expiry=None):
    return packet(
        PUBLISH << 4 | is_duplicate << 3 | qos << 1 | is_retained, text(topic),
        struct.pack(">H", identifier) if qos else b"", properties(version, message_expiry=expiry), payload)


def acknowledgement(kind, identifier):
    return struct.pack(">BBH", kind << 4 | (2 if kind == PUBREL else 0), 2, identifier)


def disconnect(version, code=0):
    return packet(DISCONNECT << 4, bytes([code]) if version == 5 and code else b"")


class Message:
    """A PUBLISH that came in. Diaries are long, so only the part of the payload is kept that says which message it is."""

    __slots__ = "is_duplicate", "qos", "is_retained", "topic", "identifier", "expiry", "payload"

    def __init__(self, first, body, version):
        self.is_duplicate, self.qos, self.is_retained = bool(first & 8), first >> 1 & 3, bool(first & 1)
        at = 2 + struct.unpack_from(">H", body)[0]
        self.topic = sys.intern(body[2:at].decode())
        self.identifier = 0
        if self.qos:
            self.identifier = struct.unpack_from(">H", body, at)[0]
            at += 2
        self.expiry = None
        if version == 5:
            found, at = read_properties(body, at)
            self.expiry = found.get(MESSAGE_EXPIRY)
        self.payload = body[at : at + 100].decode()


def read_varint(data, at):
    value = shift = 0
    while True:
        digit = data[at]
        at += 1
        value |= (digit & 0x7F) << shift
        if not digit & 0x80:
            return value, at
        shift += 7


def read_properties(data, at):
    """({identifier: integer value}, offset behind the block); texts are passed over."""
    length, at = read_varint(data, at)
    end, found = at + length, {}
    while at < end:
        kind, size = data[at], PROPERTY_SIZES[data[at]]
        at += 1
        if size == "varint":
            found[kind], at = read_varint(data, at)
        elif size in ("text", "pair"):
            for _ in range(2 if size == "pair" else 1):
                at += 2 + struct.unpack_from(">H", data, at)[0]
        else:
            found[kind] = int.from_bytes(data[at : at + size], "big")
            at += size
    return found, end


class Connection(asyncio.Protocol):
    """Cuts packets out of the stream and hands each to `received(first byte, body)`."""

    def __init__(self, received, lost):
        self.received, self.lost, self.buffer, self.is_over = received, lost, bytearray(), False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while True:
            cut = self.next_packet()
            if cut is None or self.transport.is_closing():
                return
            self.received(*cut)

    def next_packet(self):
        length = shift = 0
        for at in range(1, min(5, len(self.buffer))):
            digit = self.buffer[at]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                break
        else:
            return None
        if len(self.buffer) < at + 1 + length:
            return None
        first, body = self.buffer[0], bytes(self.buffer[at + 1 : at + 1 + length])
        del self.buffer[: at + 1 + length]
        return first, body

    def connection_lost(self, _):
        self.is_over = True
        self.lost(self)
