"""The clients of the crash test. Each keeps its side of its session as the standard asks, and writes down what it saw."""

import asyncio
import collections
import itertools
import time

import mqtt

Event = collections.namedtuple("Event", "at kind facts")
serials = itertools.count(1)


class Peer:
    """A client that comes back as soon as the broker takes connections, and keeps a diary: `events`, in order.

    connected(present)  lost(how)  told(code)  publish(message, is_new)  acknowledged(kind, identifier)  released(identifier)
    """

    def __init__(self, world, name, version, clean=False, expiry=None, window=None, will=None):
        self.world, self.name, self.version, self.clean, self.window = world, name, version, clean, window
        self.expiry = expiry if expiry is not None else (0 if clean else mqtt.FOREVER)
        self.will = will
        self.connection, self.is_online, self.events = None, False, []
        self.ending = None
        self.waiting_for_suback = None
        self.half_received = set()

    def note(self, what, **facts):
        self.events.append(Event(time.monotonic(), what, facts))

    # Coming and going

    async def come(self, patience=20):
        """Connects, trying again until the broker listens; waits for CONNACK."""
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        # A newer connection could be there before the DISCONNECT of the older one has been read.
        while self.connection and not self.connection.is_over and loop.time() < end:
            await asyncio.sleep(0.002)
        while True:
            self.connack = loop.create_future()
            self.connection = mqtt.Connection(self.received, self.connection_lost)
            try:
                await loop.create_connection(lambda: self.connection, "127.0.0.1", self.world.port)
                will = self.will() if callable(self.will) else self.will
                self.write(mqtt.connect(self.name, self.version, self.clean, self.expiry, self.window, will))
                return await self.connack
            except (ConnectionError, OSError):
                assert loop.time() < end, f"{self.name} cannot connect"
                await asyncio.sleep(0.002)

    def resumed(self, present):
        if not present:
            self.half_received.clear()

    def connection_lost(self, connection):
        if connection is not self.connection:
            return
        if not self.connack.done():
            self.connack.set_exception(ConnectionResetError())
            self.connack.exception()
        if self.is_online:
            self.is_online = False
            self.note("lost", how=self.ending or "broker")
        if self.waiting_for_suback and not self.waiting_for_suback.done():
            self.waiting_for_suback.set_exception(ConnectionResetError())
            self.waiting_for_suback.exception()

    def go(self, how="abort"):
        """Leaves: `abort` cuts the connection, `disconnect` says so, `with_will` asks for the will (MQTT 5)."""
        if not self.is_online:
            return
        self.ending = how
        if how == "abort":
            self.connection.transport.abort()
        else:
            self.write(mqtt.disconnect(self.version, 4 if how == "with_will" else 0))  # the broker closes
        self.is_online = False
        self.note("lost", how=how)

    def write(self, data):
        if self.connection.transport.is_closing():
            return False
        self.connection.transport.write(data)
        return True

    # Packets

    def received(self, first, body):
        kind = first >> 4
        if kind == mqtt.CONNACK:
            assert not self.connack.done()
            if body[1]:
                self.world.complain("refused", f"{self.name}: CONNACK {body[1]:#x}")
                return self.connection.transport.abort()
            # At once: the packets behind it may be here already.
            present = bool(body[0])
            self.is_online, self.ending = True, None
            self.note("connected", present=present)
            self.resumed(present)
            self.connack.set_result(present)
        elif kind == mqtt.PUBLISH:
            self.received_publish(mqtt.Message(first, body, self.version))
        elif kind == mqtt.SUBACK:
            self.waiting_for_suback.set_result(body)
        elif kind == mqtt.DISCONNECT:
            self.note("told", code=body[0] if body else 0)
        else:
            self.received_acknowledgement(kind, int.from_bytes(body[:2], "big"), body[2] if len(body) > 2 else 0)

    def received_publish(self, message, is_new=True):
        self.note("publish", message=message, is_new=is_new)

    def received_acknowledgement(self, kind, identifier, code):
        self.world.complain("unexpected packet", f"{self.name}: {kind} {identifier} {code:#x}")

    def acknowledge(self, kind, identifier):
        if self.write(mqtt.acknowledgement(kind, identifier)):
            self.note("acknowledged", kind=kind, identifier=identifier)

    async def subscribe(self, *filters, qos=2):
        self.waiting_for_suback = asyncio.get_running_loop().create_future()
        self.write(mqtt.subscribe(next(serials) % 65535 + 1, filters, qos, self.version))
        await asyncio.wait_for(self.waiting_for_suback, 20)

    async def stay(self):
        """Online whenever the broker is."""
        while not self.world.is_over:
            if not self.is_online:
                await self.come()
            await asyncio.sleep(0.002)


class Subscriber(Peer):
    """Acknowledges at once, late, or not before the next connection; always in order [MQTT-4.6.0-2, 4.6.0-3]."""

    def __init__(self, world, name, version, patience="prompt", **options):
        super().__init__(world, name, version, **options)
        self.patience, self.owed = patience, collections.deque()

    def resumed(self, present):
        super().resumed(present)
        self.owed.clear()

    def received_publish(self, message):
        is_repeated = message.qos == 2 and message.identifier in self.half_received
        super().received_publish(message, is_new=not is_repeated)
        if message.qos == 2:
            self.half_received.add(message.identifier)
        if message.qos:
            self.owe(mqtt.PUBACK if message.qos == 1 else mqtt.PUBREC, message.identifier)

    def received_acknowledgement(self, kind, identifier, code):
        if kind != mqtt.PUBREL:
            return super().received_acknowledgement(kind, identifier, code)
        self.note("released", identifier=identifier)
        self.half_received.discard(identifier)
        self.owe(mqtt.PUBCOMP, identifier)

    def owe(self, kind, identifier):
        if self.patience == "prompt":
            self.acknowledge(kind, identifier)
        else:
            self.owed.append((kind, identifier))

    def pay(self, count):
        for _ in range(min(count, len(self.owed))):
            self.acknowledge(*self.owed.popleft())

    async def live(self, away):
        """Comes and goes; `away` is how long it is away at most, in seconds (0: never by itself)."""
        random = self.world.random
        while not self.world.is_over:
            if not self.is_online:
                await self.come()
            await asyncio.sleep(random.uniform(0, 0.03))
            if self.patience == "late" or self.world.is_ending:
                self.pay(len(self.owed) if self.world.is_ending else random.randint(0, 4))
                if self.world.is_ending:
                    self.patience = "prompt"
            elif self.patience == "hoard" and random.random() < 0.02:
                self.pay(random.randint(0, 8))
            if away and not self.world.is_ending and random.random() < 0.03:
                self.go(random.choice(("abort", "disconnect")))
                await asyncio.sleep(random.uniform(0, away))


class Publisher(Peer):
    """Numbers its messages per topic, and sends again what was not acknowledged [MQTT-4.4.0-1]."""

    def __init__(self, world, name, version, in_flight=20, **options):
        super().__init__(world, name, version, **options)
        self.in_flight, self.unacknowledged, self.identifier = in_flight, {}, 0
        self.numbers, self.answered, self.resent = collections.Counter(), set(), collections.defaultdict(list)
        self.sent_at, self.expiries, self.answered_at = {}, {}, {}

    def next_identifier(self):
        while True:
            self.identifier = self.identifier % 65535 + 1
            if self.identifier not in self.unacknowledged:
                return self.identifier

    def publish(self, topic, qos, is_retained=False, expiry=None, size=0):
        self.numbers[topic] += 1
        number, identifier = self.numbers[topic], self.next_identifier()
        payload = b"%d %s" % (number, b"x" * size)
        packet = mqtt.publish(topic, payload, qos, identifier, self.version, is_retained, expiry=expiry)
        self.unacknowledged[identifier] = topic, number, packet
        self.sent_at[topic, number] = time.monotonic()
        self.expiries[topic, number] = expiry
        self.write(packet)
        return number

    def resumed(self, present):
        super().resumed(present)
        for identifier, (topic, number, packet) in self.unacknowledged.items():
            if packet[0] >> 4 == mqtt.PUBLISH:
                self.resent[topic, number].append(time.monotonic())
                packet = bytes([packet[0] | 8]) + packet[1:]
            self.write(packet)

    def received_acknowledgement(self, kind, identifier, code):
        if identifier not in self.unacknowledged:
            if kind == mqtt.PUBREC:
                self.write(mqtt.acknowledgement(mqtt.PUBREL, identifier))
            return
        topic, number, _ = self.unacknowledged[identifier]
        if code >= 0x80:
            if code != 0x92:
                self.world.complain("refused", f"{self.name}: {topic} {number}: {code:#x}")
            del self.unacknowledged[identifier]
            return
        if kind in (mqtt.PUBACK, mqtt.PUBREC):
            self.answered.add((topic, number))
            self.answered_at[topic, number] = time.monotonic()
        if kind == mqtt.PUBREC:
            release = mqtt.acknowledgement(mqtt.PUBREL, identifier)
            # Its place in the order of sending is that of its PUBREL now.
            del self.unacknowledged[identifier]
            self.unacknowledged[identifier] = topic, number, release
            self.write(release)
        else:
            del self.unacknowledged[identifier]

    async def live(self, act):
        """Calls `act(self)` as long as there is room for another message."""
        while not self.world.is_over:
            if not self.is_online:
                await self.come()
            while self.is_online and not self.world.is_ending and len(self.unacknowledged) < self.in_flight:
                if not act(self):
                    break
            await asyncio.sleep(0.002)


class Mortal(Peer):
    """A client with a will of its own for each connection: `NAME GENERATION`. Dies in many ways and comes back."""

    def __init__(self, world, name, version, delay=0, **options):
        super().__init__(world, name, version, will=self.next_will, **options)
        self.delay, self.generation = delay, 0

    def next_will(self):
        self.generation += 1
        return f"will/{self.name}", f"{self.generation} {self.name}", 2, self.delay

    def note(self, what, **facts):
        super().note(what, generation=self.generation, **facts)

    async def live(self):
        random = self.world.random
        ways = ["abort", "disconnect"] + (["with_will"] if self.version == 5 else [])
        while not self.world.is_over:
            if self.world.is_ending:
                self.go("disconnect")
                return
            if not self.is_online:
                # Some are back the moment the broker listens, others stay away for longer than their wills wait.
                await asyncio.sleep(random.choice((0, 0, 0, random.uniform(0, 2 * self.delay + 0.5))))
                if self.world.is_ending:
                    return
                await self.come()
            await asyncio.sleep(random.uniform(0.01, 0.2))
            if random.random() < 0.08:
                self.go(random.choice(ways))
