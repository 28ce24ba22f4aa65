"""Clients that keep their side of a persistent session while the broker comes and goes, and keep books of it."""

import asyncio
import collections
import pathlib
import sys

from waiting import DEADLINE

sys.path.append(str(pathlib.Path(__file__).parents[1] / "soak"))
import wire  # noqa: E402

FOR_EVER = 0xFFFFFFFF


async def until(what, condition, deadline=20):
    """As `waiting.wait_until`, and other clients go on meanwhile. `what` may be a function."""
    end = asyncio.get_running_loop().time() + deadline
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"still not: {what() if callable(what) else what}"
        await asyncio.sleep(0.005)


class Connection(asyncio.Protocol):
    def __init__(self, client):
        self.client, self.buffer = client, bytearray()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        for first, body in wire.packets(self.buffer):
            if self.client.connection is self:
                self.client.received(first, body)

    def connection_lost(self, _):
        if self.client.connection is self:
            self.client.connection = None
            self.client.lost()


class SteadyClient:
    """A session without end. `slowness`: seconds it takes to acknowledge."""

    def __init__(self, broker, name, version, slowness=0):
        self.broker, self.name, self.version, self.slowness = broker, name, version, slowness
        self.connection = None
        self.answers = {}
        self.identifier = 0
        # Identifier → the packet to send again: what the broker has not acknowledged, in order.
        self.unacknowledged = {}
        self.streams = {}
        self.half_received = set()
        self.must_be_present = False
        # (topic, QoS of the delivery) → payloads in the order in which they came.
        self.got = collections.defaultdict(list)
        self.acknowledged = collections.defaultdict(set)
        self.refused = collections.defaultdict(set)
        self.unsent = bytearray()

    # Coming and going

    @property
    def is_online(self):
        return self.connection is not None and "CONNACK" not in self.answers

    async def connect(self):
        """Connects and sends again what is not acknowledged; the code of CONNACK."""
        self.connection = Connection(self)
        await asyncio.get_running_loop().create_connection(lambda: self.connection, *self.broker.address())
        is_present, code = await self.ask("CONNACK", wire.connect(
            self.name, self.version, clean=False, expiry=FOR_EVER if self.version == 5 else 0))
        if code:
            self.leave()
            return code
        assert is_present or not self.must_be_present, f"the broker has forgotten the session of {self.name}"
        for packet in list(self.unacknowledged.values()):
            self.send(bytes([packet[0] | 8]) + packet[1:] if packet[0] >> 4 == wire.PUBLISH else packet)
        return 0

    def leave(self):
        """Cuts the connection."""
        if self.connection:
            self.connection.transport.abort()
        self.connection = None
        self.lost()

    def lost(self):
        self.unsent.clear()
        for answer in self.answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError(f"{self.name} lost its connection"))
        self.answers.clear()

    def send(self, data):
        if self.connection and not self.connection.transport.is_closing():
            self.connection.transport.write(data)

    async def ask(self, answer, packet):
        self.answers[answer] = asyncio.get_running_loop().create_future()
        self.send(packet)
        return await asyncio.wait_for(self.answers[answer], DEADLINE)

    # Sending

    def next_identifier(self):
        while True:
            self.identifier = self.identifier % 65535 + 1
            if self.identifier not in self.unacknowledged:
                return self.identifier

    async def subscribe(self, *filters, qos=2):
        """The codes of SUBACK."""
        body = await self.ask("SUBACK", wire.subscribe(filters, qos, self.next_identifier(), self.version))
        codes = list(body[-len(filters):])
        self.must_be_present = self.must_be_present or min(codes) < 0x80
        return codes

    async def unsubscribe(self, *filters):
        await self.ask("UNSUBACK", wire.unsubscribe(filters, self.next_identifier(), self.version))

    def publish(self, topic, payload, qos, retain=False):
        """Sends it again until it is acknowledged: then `acknowledged[topic]`, or `refused[topic]`, has the payload."""
        identifier = self.next_identifier()
        packet = wire.publish(topic, payload, qos, identifier, self.version, retain)
        self.unacknowledged[identifier] = packet
        self.streams[identifier] = topic, payload
        self.send(packet)

    # Receiving

    def received(self, first, body):
        kind = first >> 4
        if kind == wire.PUBLISH:
            return self.received_publish(first, body)
        identifier = int.from_bytes(body[:2], "big")
        if kind in (wire.PUBACK, wire.PUBREC) and len(body) > 2 and body[2] >= 0x80:
            del self.unacknowledged[identifier]
            topic, payload = self.streams[identifier]
            self.refused[topic].add((payload, body[2]))
        elif kind == wire.PUBREC:
            self.accepted(identifier)
            release = wire.acknowledgement(wire.PUBREL, identifier)
            if identifier in self.unacknowledged:
                self.unacknowledged[identifier] = release
            self.send(release)
        elif kind in (wire.PUBACK, wire.PUBCOMP):
            if kind == wire.PUBACK:
                self.accepted(identifier)
            self.unacknowledged.pop(identifier, None)
        elif kind == wire.PUBREL:
            self.half_received.discard(identifier)
            self.acknowledge(wire.PUBCOMP, identifier)
        elif kind == wire.CONNACK:
            self.answered("CONNACK", (bool(body[0]), body[1]))
        elif kind == wire.SUBACK:
            self.answered("SUBACK", body)
        elif kind == wire.UNSUBACK:
            self.answered("UNSUBACK", body)

    def numbers(self, topic):
        return {number(payload) for payload in self.got[topic]}

    def accepted(self, identifier):
        if identifier in self.unacknowledged:
            topic, payload = self.streams[identifier]
            self.acknowledged[topic].add(payload)

    def answered(self, what, answer):
        if what in self.answers and not self.answers[what].done():
            self.answers.pop(what).set_result(answer)

    def received_publish(self, first, body):
        topic, qos, identifier, payload = wire.read_publish(first, body, self.version)
        if qos == 2:
            is_new = identifier not in self.half_received
            self.half_received.add(identifier)
            self.acknowledge(wire.PUBREC, identifier)
            if not is_new:
                return
        elif qos == 1:
            self.acknowledge(wire.PUBACK, identifier)
        self.got[topic.decode()].append(payload)

    def acknowledge(self, kind, identifier):
        if not self.slowness:
            return self.send(wire.acknowledgement(kind, identifier))
        if not self.unsent:
            asyncio.get_running_loop().call_later(self.slowness, self.flush)
        self.unsent += wire.acknowledgement(kind, identifier)

    def flush(self):
        self.send(bytes(self.unsent))
        self.unsent.clear()


class Stream:
    """What one publisher sends at one QoS: the numbers 1, 2, 3 … to a topic of their own."""

    def __init__(self, client, topic, qos):
        self.client, self.topic, self.qos, self.last = client, topic, qos, 0

    def publish(self, size=0):
        self.last += 1
        self.client.publish(self.topic, b"%d " % self.last + bytes(size), self.qos)

    @property
    def acknowledged(self):
        return {number(payload) for payload in self.client.acknowledged[self.topic]}


def number(payload):
    return int(payload.split(b" ")[0])


def complaint(reader, stream, is_in_order=True):
    """What is wrong with what `reader` has of `stream`; None when nothing is."""
    got = [number(payload) for payload in reader.got[stream.topic]]
    first = list(dict.fromkeys(got))
    title = f"{reader.name} of {stream.topic} (1…{stream.last})"
    missing = sorted(stream.acknowledged - set(got))
    if missing:
        return f"{title}: missing {missing[:20]}"
    if stream.qos == 2 and len(first) != len(got):
        return f"{title}: twice {[each for each in first if got.count(each) > 1][:20]}"
    if is_in_order and first != sorted(first):
        return f"{title}: out of order {[pair for pair in zip(first, first[1:]) if pair[0] > pair[1]][:10]}"
    return None
