"""Just enough MQTT 3.1.1 and 5 to load a broker: what a client sends, and its packets out of a stream."""

CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK = 2, 3, 4, 5, 6, 7, 9, 11
PINGREQ = b"\xc0\x00"


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(first, body):
    """A control packet: first byte, remaining length, body."""
    rest, length = len(body), bytearray([first])
    while True:
        digit, rest = rest & 0x7F, rest >> 7
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes(length) + body


def connect(client_id, version=4, clean=True, keep_alive=0, expiry=0, will=None):
    """`expiry` in seconds, version 5 only; `will` is (topic, payload, QoS)."""
    flags = (0x02 if clean else 0) | (0x04 | will[2] << 3 if will else 0)
    body = text("MQTT") + bytes([version, flags]) + keep_alive.to_bytes(2, "big")
    if version == 5:
        body += b"\x05\x11" + expiry.to_bytes(4, "big") if expiry else b"\x00"
    body += text(client_id)
    if will:
        body += (b"\x00" if version == 5 else b"") + text(will[0]) + text(will[1])
    return packet(0x10, body)


def subscribe(filters, qos, identifier, version):
    properties = b"\x00" if version == 5 else b""
    return packet(
        0x82, identifier.to_bytes(2, "big") + properties + b"".join(text(each) + bytes([qos]) for each in filters))


def unsubscribe(filters, identifier, version):
    properties = b"\x00" if version == 5 else b""
    return packet(0xA2, identifier.to_bytes(2, "big") + properties + b"".join(text(each) for each in filters))


def publish(topic, payload, qos=0, identifier=0, version=4, retain=False):
    properties = b"\x00" if version == 5 else b""
    number = identifier.to_bytes(2, "big") if qos else b""
    return packet(0x30 | qos << 1 | int(retain), text(topic) + number + properties + payload)


def acknowledgement(kind, identifier):
    return bytes([kind << 4 | (2 if kind == PUBREL else 0), 2]) + identifier.to_bytes(2, "big")


def disconnect(version, expiry=None):
    """`expiry` replaces the session's expiry interval, version 5 only."""
    if version == 5 and expiry is not None:
        return b"\xe0\x07\x00\x05\x11" + expiry.to_bytes(4, "big")
    return b"\xe0\x00"


def packets(buffer):
    """(first byte, body) of each complete packet; takes them out of `buffer`, a bytearray."""
    start, end = 0, len(buffer)
    found = []
    while end - start >= 2:
        length = shift = 0
        at = start + 1
        while at < end:
            digit = buffer[at]
            length |= (digit & 0x7F) << shift
            at += 1
            shift += 7
            if not digit & 0x80:
                break
        else:
            break
        if digit & 0x80 or end - at < length:
            break
        found.append((buffer[start], bytes(buffer[at : at + length])))
        start = at + length
    del buffer[:start]
    return found


def read_publish(first, body, version):
    """(topic, QoS, packet identifier, payload) of a PUBLISH."""
    qos = first >> 1 & 3
    at = 2 + int.from_bytes(body[:2], "big")
    topic = body[2:at]
    identifier = 0
    if qos:
        identifier = int.from_bytes(body[at : at + 2], "big")
        at += 2
    if version == 5:
        length = shift = 0
        while True:
            digit = body[at]
            length |= (digit & 0x7F) << shift
            at += 1
            shift += 7
            if not digit & 0x80:
                break
        at += length
    return topic, qos, identifier, body[at:]
