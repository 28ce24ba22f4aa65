"""Publishers, subscribers and a broker that is killed now and then."""

import asyncio
import contextlib
import random

from steady_clients import SteadyClient, Stream, complaint, until
from waiting import wait_until

PATIENCE = 20
# Messages of a stream between two crashes: no more than subscribers in Python can take.
ALLOWANCE = 25
# Nothing may be dropped for want of room.
UNLIMITED = {"max_offline_messages": -1, "max_online_messages": -1}


class Scene:
    """Publishers that stop for nothing but their allowance, and subscribers that come and go."""

    def __init__(self, broker, publishers=4, in_flight=20, size=100, killed=lambda: None):
        """`killed` is called when the broker is dead."""
        self.broker, self.in_flight, self.size, self.killed = broker, in_flight, size, killed
        self.publishers = [SteadyClient(broker, f"publisher{each}", 4 + each % 2) for each in range(publishers)]
        self.streams = [
            Stream(client, f"stream/{client.name}/{qos}", qos) for client in self.publishers for qos in (1, 2)]
        self.subscribers = []
        self.retainer = SteadyClient(broker, "retainer", 5)
        self.collector = SteadyClient(broker, "collector", 4)
        self.wanted, self.unwanted = set(), set()
        self.collected = self.retained = 0
        self.is_publishing = True
        self.allowed = ALLOWANCE

    @property
    def clients(self):
        return [*self.publishers, *self.subscribers, self.retainer, self.collector]

    async def begin(self, count, qos=2):
        """`count` subscribers of all streams; half of them stay, the other half is away from now on."""
        for each in range(count):
            client = SteadyClient(self.broker, f"subscriber{each}", 4 + each // 2 % 2, slowness=each // 4 % 2 * 0.02)
            self.subscribers.append(client)
            await client.connect()
            await client.subscribe("stream/#", qos=qos)
        for client in self.subscribers[1::2]:
            client.leave()

    # What goes on between two crashes

    async def work(self):
        """Runs until the broker is killed or `is_publishing` ends and all is acknowledged."""
        await asyncio.gather(
            *(self.publish(client) for client in self.publishers), self.retain(), self.collect(),
            *(client.connect() for client in self.subscribers[::2]))

    async def publish(self, client):
        await client.connect()
        own = [stream for stream in self.streams if stream.client is client]
        while client.is_online and (self.is_publishing or client.unacknowledged):
            while self.is_publishing and len(client.unacknowledged) < self.in_flight:
                stream = random.choice(own)
                if stream.last >= self.allowed:
                    break
                stream.publish(random.choice((0, self.size)))
            await asyncio.sleep(0.002)

    async def retain(self):
        """One message after another on three topics."""
        client = self.retainer
        await client.connect()
        while client.is_online and (self.is_publishing or client.unacknowledged):
            if self.is_publishing and not client.unacknowledged:
                self.retained += 1
                client.publish(f"retained/{self.retained % 3}", b"%d" % self.retained, 1 + self.retained % 2, True)
            await asyncio.sleep(0.002)

    async def collect(self):
        """Subscribes to one topic after another and takes back every second; keeps what was acknowledged."""
        client = self.collector
        with contextlib.suppress(ConnectionError):
            await client.connect()
            while self.is_publishing:
                self.collected += 1
                topic = f"collected/{self.collected}"
                await client.subscribe(topic)
                if self.collected % 2:
                    self.wanted.add(topic)
                else:
                    await client.unsubscribe(topic)
                    self.unwanted.add(topic)

    async def crash(self, moment, meanwhile=None):
        """The broker is killed after `moment` seconds of work, and after `meanwhile`, a coroutine function."""
        self.allowed += ALLOWANCE
        working = asyncio.ensure_future(self.work())
        if meanwhile:
            await meanwhile()
        await asyncio.sleep(moment)
        self.check_broker()
        self.broker.kill()
        self.killed()
        await until("all connections are lost", lambda: not any(each.connection for each in self.clients))
        for each in await asyncio.gather(working, return_exceptions=True):
            if isinstance(each, Exception) and not isinstance(each, (ConnectionError, OSError)):
                raise each
        await asyncio.to_thread(self.broker.restart)
        for client in random.sample(self.subscribers[1::2], len(self.subscribers) // 8):
            with contextlib.suppress(ConnectionError):
                await client.connect()

    # The end

    async def finish(self):
        """Publishers get the rest acknowledged; all subscribers come and take what there is."""
        self.is_publishing = False
        await self.work()
        for client in self.subscribers:
            if not client.is_online:
                await client.connect()
        await until(lambda: f"complete: {self.complaints()[:5]}", self.is_complete, PATIENCE)
        assert self.broker.metrics()("message_drops_total") == 0
        await self.settled()

    async def settled(self):
        """Nothing is on its way any more."""
        await until(
            "handshakes are over",
            lambda: not any(client.half_received or client.unsent for client in self.subscribers))

    def check_broker(self):
        assert self.broker.process.poll() is None, "the broker has ended by itself"
        assert self.broker.log(level="error") == []

    def is_complete(self):
        self.check_broker()
        return all(
            stream.acknowledged <= reader.numbers(stream.topic) for reader in self.subscribers
            for stream in self.streams)

    def complaints(self, is_in_order=True):
        found = [
            complaint(reader, stream, is_in_order) for reader in self.subscribers for stream in self.streams]
        return [each for each in found if each]

    async def check_retained(self):
        expected = {
            topic: max(int(payload) for payload in payloads)
            for topic, payloads in self.retainer.acknowledged.items()}
        reader = SteadyClient(self.broker, "reader", 5)
        await reader.connect()
        await reader.subscribe("retained/#")
        await until("all retained messages", lambda: len(reader.got) == len(expected))
        got = {topic: int(payloads[0]) for topic, payloads in reader.got.items()}
        uncertain = {int(payload) for _, payload in self.retainer.streams.values()} - {
            int(payload) for payloads in self.retainer.acknowledged.values() for payload in payloads}
        await reader.unsubscribe("retained/#")
        reader.leave()
        assert all(got[topic] == last or got[topic] in uncertain for topic, last in expected.items()), (got, expected)

    async def check_subscriptions(self):
        publisher = self.publishers[0]
        for topic in self.unwanted | self.wanted:
            publisher.publish(topic, b"", 1)
        await until("all are acknowledged", lambda: not publisher.unacknowledged)
        await until(
            lambda: f"acknowledged subscriptions: {sorted(self.wanted - set(self.collector.got))[:10]} are lost",
            lambda: self.wanted <= set(self.collector.got), 10)
        assert not self.unwanted & set(self.collector.got)


def check_the_store(broker):
    """After an end in peace: sound, and nothing is left of messages that were delivered."""
    assert broker.stop() == 0
    found = broker.store("check")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "  copies: 0\n  bodies: 0\n" in found.stdout, found.stdout


def wait_for_no_copies(broker):
    """What was delivered is forgotten."""
    broker.wait_for_metric("store_rows", 0, kind="copies")
    broker.wait_for_metric("store_rows", 0, kind="bodies")
    wait_until("the ledger accounts for all", lambda: not broker.metrics().residuals())


def play(broker, scene, subscribers, crashes, shortest=0.02, longest=0.4):
    async def run():
        await scene.begin(subscribers)
        for _ in range(crashes):
            await scene.crash(random.uniform(shortest, longest))
        await scene.finish()
        assert scene.complaints() == []
        await scene.check_retained()
        await scene.check_subscriptions()
        await asyncio.to_thread(wait_for_no_copies, broker)
        for client in scene.clients:
            client.leave()

    asyncio.run(run())
    for stream in scene.streams:
        assert stream.acknowledged == set(range(1, stream.last + 1)) != set()
    check_the_store(broker)
