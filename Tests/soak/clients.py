"""The clients of the soak: each keeps its side of its session as the standard asks, and comes and goes."""

import asyncio
import random

import wire

DEADLINE = 20


class Connection(asyncio.Protocol):
    def __init__(self, client):
        self.client, self.buffer, self.is_over = client, bytearray(), asyncio.Event()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        for first, body in wire.packets(self.buffer):
            if self.client.connection is not self:
                return  # the client has begun anew elsewhere
            try:
                self.client.received(first, body)
            except (ValueError, IndexError) as error:
                self.client.world.books.note(
                    "unreadable packet", f"{self.client.name}: {first:#x} {body[:40]}: {error}")
                return self.transport.abort()

    def connection_lost(self, _):
        self.is_over.set()
        if self.client.connection is self:
            self.client.lost()


class Client:
    """A session's client side: what it must send again, and what it has had."""

    def __init__(self, world, name, version, clean=False, expiry=0, will=None, keep_alive=0):
        self.world, self.name, self.version = world, name, version
        self.clean, self.expiry, self.will, self.keep_alive = clean, expiry, will, keep_alive
        self.connection = None
        self.waiting = {}
        self.unacknowledged = {}
        self.half_received = set()
        self.identifier = 0
        self.took = lambda topic, payload, qos, is_duplicate: None

    # Coming and going

    async def connect(self):
        """True when the broker still had the session."""
        loop = asyncio.get_running_loop()
        self.lost()
        old, self.connection = self.connection, Connection(self)
        await loop.create_connection(lambda: self.connection, *self.world.address)
        answer = self.expect("CONNACK")
        self.send(wire.connect(
            self.name, self.version, self.clean, self.keep_alive, self.expiry, self.will))
        is_present, code = await answer
        self.world.books.check(code == 0, "refused", f"{self.name}: {code}")
        if old is not None and not old.is_over.is_set():
            try:
                await asyncio.wait_for(old.is_over.wait(), DEADLINE)
            except TimeoutError:
                self.world.books.note("taken over and still open", self.name)
        if is_present:
            for identifier, (stream, number, packet) in list(self.unacknowledged.items()):
                is_publish = packet[0] >> 4 == wire.PUBLISH
                self.world.books.resent[stream].add(number)
                self.send(bytes([packet[0] | 8]) + packet[1:] if is_publish else packet)
        else:
            for stream, number, packet in self.unacknowledged.values():
                self.world.books.uncertain[stream].add(number)
            self.unacknowledged.clear()
            self.half_received.clear()
        return is_present

    def vanish(self):
        self.connection.transport.abort()
        self.connection = None
        self.lost()

    async def leave(self, expiry=None):
        self.send(wire.disconnect(self.version, expiry))
        connection = self.connection
        await asyncio.wait_for(connection.is_over.wait(), DEADLINE)
        connection.transport.close()
        self.connection = None

    @property
    def is_online(self):
        return self.connection is not None and not self.connection.transport.is_closing()

    def lost(self):
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(ConnectionError(f"{self.name} lost its connection"))
                future.exception()
        self.waiting.clear()

    def expect(self, what):
        self.waiting[what] = asyncio.get_running_loop().create_future()
        return asyncio.wait_for(self.waiting[what], DEADLINE)

    # Sending

    def send(self, data):
        if self.is_online:
            self.connection.transport.write(data)

    def next_identifier(self):
        while True:
            self.identifier = self.identifier % 65535 + 1
            if self.identifier not in self.unacknowledged:
                return self.identifier

    async def subscribe(self, *filters, qos=2):
        answer = self.expect("SUBACK")
        self.send(wire.subscribe(filters, qos, self.next_identifier(), self.version))
        await answer

    async def unsubscribe(self, *filters):
        answer = self.expect("UNSUBACK")
        self.send(wire.unsubscribe(filters, self.next_identifier(), self.version))
        await answer

    def publish(self, topic, payload, qos, stream, number):
        identifier = self.next_identifier() if qos else 0
        packet = wire.publish(topic, payload, qos, identifier, self.version)
        if qos:
            self.unacknowledged[identifier] = stream, number, packet
        self.send(packet)

    def ping(self):
        self.send(wire.PINGREQ)

    # Receiving

    def received(self, first, body):
        kind = first >> 4
        if kind == wire.PUBLISH:
            return self.received_publish(first, body)
        identifier = int.from_bytes(body[:2], "big")
        if kind in (wire.PUBACK, wire.PUBCOMP):
            self.unacknowledged.pop(identifier, None)
        elif kind == wire.PUBREC:
            release = wire.acknowledgement(wire.PUBREL, identifier)
            if identifier in self.unacknowledged:
                stream, number, _ = self.unacknowledged[identifier]
                self.unacknowledged[identifier] = stream, number, release
            self.send(release)
        elif kind == wire.PUBREL:
            self.half_received.discard(identifier)
            self.send(wire.acknowledgement(wire.PUBCOMP, identifier))
        elif kind == wire.CONNACK:
            self.answered("CONNACK", (bool(body[0]), body[1]))
        elif kind == wire.SUBACK:
            self.answered("SUBACK", body)
        elif kind == wire.UNSUBACK:
            self.answered("UNSUBACK", body)

    def answered(self, what, answer):
        future = self.waiting.pop(what, None)
        if future is not None and not future.done():
            future.set_result(answer)

    def received_publish(self, first, body):
        topic, qos, identifier, payload = wire.read_publish(first, body, self.version)
        if qos == 2:
            self.send(wire.acknowledgement(wire.PUBREC, identifier))
            if identifier in self.half_received:
                return
            self.half_received.add(identifier)
        elif qos == 1:
            self.send(wire.acknowledgement(wire.PUBACK, identifier))
        self.took(topic, payload, qos, bool(first & 8))


class World:
    """What all clients share: the broker's address, the books, and when to stop."""

    def __init__(self, address, books, rate, seed):
        self.address, self.books, self.rate = address, books, rate
        self.random = random.Random(seed)
        self.is_publishing = self.is_running = True
        self.publishers = []
        self.wills_expected = 0


def topic(publisher, qos):
    return f"soak/{publisher}/{qos}"


def bookkeeper(reader):
    """Enters what comes into a reader's books. The topic names the publisher and its QoS, the payload the number."""
    def took(topic, payload, qos, is_duplicate):
        _, publisher, published_qos = topic.split(b"/")
        reader.took((int(publisher), int(published_qos)), int(payload[:12]), is_duplicate)

    return took


async def publisher(world, number, count):
    """Publishes bursts at all QoS, vanishes now and then, and sends again what was not acknowledged."""
    chance = world.random
    clean = number % 3 == 2
    client = Client(
        world, f"publisher{number}", 4 + number % 2, clean=clean, expiry=0 if clean else 3600, keep_alive=30)
    client_topics = {qos: topic(number, qos) for qos in range(3)}
    await client.connect()
    while world.is_publishing:
        burst = chance.randint(1, 10)
        for _ in range(burst):
            if len(client.unacknowledged) > 200:
                break
            qos = chance.randrange(3)
            size = chance.choice((0, 20, 100, 1000)) if chance.random() < 0.98 else 20000
            stream = number, qos
            message = world.books.next_number(stream)
            client.publish(client_topics[qos], b"%012d" % message + b"x" * size, qos, stream, message)
        if chance.random() < 0.02:
            client.vanish()
            await asyncio.sleep(chance.random())
            await come_back(world, client, not clean)
        await asyncio.sleep(chance.uniform(0.5, 1.5) * burst * count / world.rate)
    while client.unacknowledged:
        await asyncio.sleep(0.01)
    return client


async def come_back(world, client, must_be_present):
    is_present = await client.connect()
    world.books.check(is_present == must_be_present, "session present", f"{client.name}: {is_present}")


async def keeper(world, name, version, filters, took):
    """A persistent subscriber that is often away. At the end it is connected."""
    chance = world.random
    client = Client(world, name, version, expiry=3600, keep_alive=30)
    client.took = took
    await client.connect()
    await client.subscribe(*filters)
    world.ready.release()
    while world.is_running:
        await wait(world, chance.uniform(1, 8))
        client.ping()
        if not world.is_running or chance.random() < 0.3:
            continue
        how = chance.random()
        if how < 0.4:
            client.vanish()
        elif how < 0.6:
            await client.leave()
        if how < 0.6:
            await wait(world, chance.uniform(0, 3))
        # Else the old connection is still there and is taken over.
        world.books.counts["taken over" if how >= 0.6 else "came back"] += 1
        await come_back(world, client, True)
    return client


async def wait(world, seconds):
    """Sleeps in pieces, to be there when the end comes."""
    while world.is_running and seconds > 0:
        await asyncio.sleep(min(seconds, 0.5))
        seconds -= 0.5


def in_order(world, name):
    """The check of a subscriber of the moment: each stream rises within a connection."""
    last = {}

    def took(topic, payload, qos, is_duplicate):
        world.books.counts["seen in passing"] += 1
        if not topic.startswith(b"soak/"):
            return
        number = int(payload[:12])
        _, publisher, published_qos = topic.split(b"/")
        stream = int(publisher), int(published_qos)
        may_be_old = is_duplicate or (stream[1] == 1 and number in world.books.resent[stream])
        if number <= last.get(topic, 0) and not may_be_old:
            world.books.note("out of order in passing", f"{name} got {topic} {number} after {last[topic]}")
        last[topic] = max(number, last.get(topic, 0))

    return took


async def wanderer(world, number, publisher_count, team):
    """Comes with a clean or a short-lived session, listens for a while, and goes in one of many ways."""
    chance, books = world.random, world.books
    visit = 0
    while world.is_running:
        visit += 1
        version = chance.choice((4, 5))
        name = f"wanderer{number}-{visit}"
        lives_on = version == 5 and chance.random() < 0.3
        will = (f"wills/{name}", b"first", 1) if chance.random() < 0.5 else None
        client = Client(
            world, name, version, clean=not lives_on, expiry=1 if lives_on else 0, will=will,
            keep_alive=chance.choice((0, 30)))
        await client.connect()
        some = chance.randrange(publisher_count)
        kind = chance.randrange(5)
        if kind == 0 and not lives_on:
            client.took = bookkeeper(team)
            await client.subscribe("$share/passing/soak/#")
        else:
            client.took = in_order(world, name)
            await client.subscribe((f"soak/{some}/#", f"+/{some}/+", f"soak/{some}/1", "soak/+/2")[kind - 1])
            if kind == 1:
                await client.subscribe("nobody/+/publishes/#")
                await client.unsubscribe("nobody/+/publishes/#")
        await wait(world, chance.uniform(0.2, 4))
        how = chance.random()
        if how < 0.1 and client.clean:
            world.wills_expected += will is not None
            client.will = will and (will[0], b"second", 1)
            await client.connect()
        if how < 0.6:
            client.vanish()
            world.wills_expected += will is not None
        else:
            await client.leave()
        books.counts["visits"] += 1
        if lives_on and chance.random() < 0.5:
            is_late = chance.random() < 0.5
            await asyncio.sleep(3.5 if is_late else 0.2)
            is_present = await client.connect()
            client.took = in_order(world, name)
            if is_late:
                books.check(not is_present, "session outlived its expiry", name)
            await client.leave(expiry=0)
