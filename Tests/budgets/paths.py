"""The paths whose cost is counted. Clients and broker go in lock-step, so that each turn holds the same in every run."""

import collections
import fcntl
import struct
import termios

from raw_client import DISCONNECT, RawClient, connect, packet, publish
from waiting import wait_until

Counts = collections.namedtuple("Counts", "instructions references allocations")
Path = collections.namedtuple("Path", "name unit bar rounds traffic")
PATHS = []

PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70
TOPIC = "budget/one"
PAYLOAD = bytes(64)
# Messages in one write.
BURST = 20


def path(name, unit, bar, rounds):
    """`bar`: what each `unit` shall cost at most; so many `rounds` are counted."""
    def register(traffic):
        PATHS.append(Path(name, unit, Counts(*bar), rounds, traffic))
        return traffic

    return register


class Traffic:
    """Connected clients of a broker. `round()` makes `units` of what is counted, and after each write waits until the
    broker has nothing left to do: what is written next is never in the same turn."""

    qos, subscribers, burst, filter = 0, 1, BURST, TOPIC

    @staticmethod
    def settings(folder):
        """What the broker has beside the settings of all paths."""
        return {}

    def __init__(self, broker):
        self.broker = broker
        self.publisher, *self.receivers = [self.client(f"client{each}") for each in range(1 + self.subscribers)]
        for each in self.receivers:
            each.subscribe(self.filter, self.qos)
        self.messages = [publish(TOPIC, PAYLOAD, self.qos, 1 + each) for each in range(self.burst)]
        self.units = self.burst * self.subscribers

    def client(self, name):
        made = RawClient(self.broker.address)
        assert made.open_session(name) == 0
        return made

    def send(self, client, packets):
        client.send(b"".join(packets))
        self.broker.settle()

    def acknowledge(self, client, first, identifiers):
        self.send(client, [packet(first, each) for each in identifiers])

    def received(self, client, count):
        """The packet identifiers of the next `count` messages."""
        length, at = len(self.messages[0]), 4 + len(TOPIC)
        data = client.read(count * length)
        for start in range(0, count * length, length):
            assert data[start] == self.messages[0][0]
        return [data[start + at : start + at + 2] for start in range(0, len(data), length)]

    def acknowledged(self, client, first, count):
        """The packet identifiers of the next `count` acknowledgements, all of one kind."""
        data = client.read(4 * count)
        identifiers = [data[start + 2 : start + 4] for start in range(0, len(data), 4)]
        assert data == b"".join(packet(first, each) for each in identifiers)
        return identifiers


@path("qos0-one-to-one", "message", bar=(1500, 6, 0), rounds=150)
class QoS0(Traffic):
    def round(self):
        self.send(self.publisher, self.messages)
        for each in self.receivers:
            self.received(each, self.burst)


@path("qos0-acl", "message", bar=(1600, 7, 0), rounds=150)
class AccessControl(QoS0):
    """The same with an access control file: a thousand rules about other topics, and one about this."""

    @staticmethod
    def settings(folder):
        rules = "".join(f"topic other/{each}/#\nuser u{each}\ntopic own/{each}\n" for each in range(500))
        (folder / "acl").write_text("topic " + TOPIC + "\n" + rules)
        return {"plugins.vmq_acl": "on", "vmq_acl.acl_file": folder / "acl", "allow_all_topics": "off"}


@path("qos1-one-to-one", "message", bar=(3000, 14, 1), rounds=150)
class QoS1(Traffic):
    qos = 1

    def round(self):
        self.send(self.publisher, self.messages)
        self.acknowledged(self.publisher, PUBACK, self.burst)
        receiver, = self.receivers
        self.acknowledge(receiver, PUBACK, self.received(receiver, self.burst))


@path("qos2-one-to-one", "message", bar=(4500, 22, 1), rounds=150)
class QoS2(Traffic):
    qos = 2

    def round(self):
        self.send(self.publisher, self.messages)
        self.acknowledge(self.publisher, PUBREL, self.acknowledged(self.publisher, PUBREC, self.burst))
        self.acknowledged(self.publisher, PUBCOMP, self.burst)
        receiver, = self.receivers
        self.acknowledge(receiver, PUBREC, self.received(receiver, self.burst))
        self.acknowledge(receiver, PUBCOMP, self.acknowledged(receiver, PUBREL, self.burst))


@path("qos0-one-to-100", "copy", bar=(450, 2, 0), rounds=20)
class FanOut(QoS0):
    subscribers = 100


@path("qos1-shared-by-5", "message", bar=(3200, 15, 1), rounds=30)
class Shared(Traffic):
    """Each message goes to one of five at random. Each of them has about a burst at a time to acknowledge."""

    qos, subscribers, burst, filter = 1, 5, 5 * BURST, f"$share/group/{TOPIC}"

    def __init__(self, broker):
        super().__init__(broker)
        self.units = self.burst

    def round(self):
        self.send(self.publisher, self.messages)
        self.acknowledged(self.publisher, PUBACK, self.burst)
        counts = wait_until("all messages have come", self.counts)
        for receiver, count in zip(self.receivers, counts):
            self.acknowledge(receiver, PUBACK, self.received(receiver, count))

    def counts(self):
        """How many messages wait for each receiver, once all have come."""
        found = [waiting_bytes(each) // len(self.messages[0]) for each in self.receivers]
        return found if sum(found) == self.burst else None


def waiting_bytes(client):
    return struct.unpack("i", fcntl.ioctl(client.socket, termios.FIONREAD, bytes(4)))[0]


@path("connect-disconnect", "client", bar=(20000, 150, 6), rounds=400)
class Connect(Traffic):
    """CONNECT, CONNACK and DISCONNECT of clean sessions, one client after the other."""

    units = 1

    def __init__(self, broker):
        self.broker = broker
        self.packet = connect("client")

    def round(self):
        with RawClient(self.broker.address) as client:
            self.broker.settle()
            self.send(client, [self.packet])
            assert client.read(4) == b"\x20\x02\x00\x00"
            self.send(client, [DISCONNECT])
            assert client.is_ended()
        self.broker.settle()
