"""The attacks. Each is a function of a scene and a size; twice the size may cost little more than twice as much."""

import collections
import resource

from raw_client import RawClient, packet, text
from raw_client import connect as connect_packet

from scene import MIB

Attack = collections.namedtuple("Attack", "name run size settings memory open_files follows_limit")
ATTACKS = []


def attack(size, memory, settings=None, open_files=None, follows_limit=False):
    """`memory`: MiB it may add at its larger size, or at any when it `follows_limit`: a limit of the broker is what it fills.
    The docstring's first line says what the client does."""
    def register(function):
        ATTACKS.append(
            Attack(function.__name__.replace("_", "-"), function, size, settings or {}, memory, open_files,
                   follows_limit))
        return function

    return register


# What clients send

def subscribe(filters, identifier=1, qos=0, version=4):
    return packet(
        0x82, identifier.to_bytes(2, "big") + (b"\x00" if version == 5 else b"")
        + b"".join(text(each) + bytes([qos]) for each in filters))


def unsubscribe(filters, identifier=2, version=4):
    return packet(
        0xA2, identifier.to_bytes(2, "big") + (b"\x00" if version == 5 else b"") + b"".join(text(each) for each in filters))


def publish(topic, payload=b"", qos=0, identifier=1, retain=False, version=4):
    return packet(
        0x30 | qos << 1 | retain, text(topic) + (identifier.to_bytes(2, "big") if qos else b"")
        + (b"\x00" if version == 5 else b"") + payload)


def connect(name, version=4, clean=True, expiry=0, will=None):
    """`will` is (topic, payload)."""
    flags = 0x02 * clean | 0x04 * bool(will)
    body = text("MQTT") + bytes([version, flags, 0, 0])
    if version == 5:
        body += b"\x05\x11" + expiry.to_bytes(4, "big") if expiry else b"\x00"
    body += text(name)
    if will:
        body += (b"\x00" if version == 5 else b"") + text(will[0]) + len(will[1]).to_bytes(2, "big") + will[1]
    return packet(0x10, body)


def client(scene, name, version=4, clean=True, expiry=0, receive_buffer=None):
    made = RawClient(scene.address, receive_buffer)
    made.socket.settimeout(120)
    made.send(connect(name, version, clean, expiry))
    assert made.read_packet()[0] == 0x20
    return made


def send_until_cut(made, data):
    """Sends it all, or as much as the broker takes before it cuts the connection or stops reading."""
    made.socket.settimeout(5)
    try:
        made.socket.sendall(data)
    except (OSError, TimeoutError):
        return False
    return True


def ping(made):
    """Returns when the broker has worked off all that was sent before, or has ended the connection."""
    made.socket.settimeout(120)
    try:
        made.send(b"\xc0\x00")
        while (found := made.read_packet()) is not None and found[0] != 0xD0:
            pass
    except OSError:
        pass


def in_packets(filters, identifier, build, length=1000):
    """As several packets, each below the limits of one."""
    return b"".join(build(filters[at : at + length], identifier) for at in range(0, len(filters), length))


# Acknowledgements

@attack(size=32767, memory=60)
def acks_of_a_full_window(scene, size):
    """Lets `size` messages be in flight, all there can be at the larger size, and acknowledges every one but the first."""
    subscriber = client(scene, "hoarder", 5)
    subscriber.send(subscribe(["window"], qos=1, version=5))
    subscriber.read_packet()
    publisher = client(scene, "publisher", 5)
    fill_window(publisher, subscriber, size + size % 2)
    with scene.measured():
        for identifier in [2, *range(size, size // 2, -1)]:
            subscriber.send(b"\x40\x02" + identifier.to_bytes(2, "big"))
        ping(subscriber)
        for at in range(200):
            publisher.send(publish("window", b"x", 1, 1 + at, version=5))
            publisher.read_packet()
        ping(subscriber)


@attack(size=5000, memory=10)
def acks_of_unknown_identifiers(scene, size):
    """Acknowledges what was never sent, with many messages in flight."""
    subscriber = client(scene, "hoarder", 5)
    subscriber.send(subscribe(["window"], qos=1, version=5))
    subscriber.read_packet()
    publisher = client(scene, "publisher", 5)
    fill_window(publisher, subscriber, 20000)
    with scene.measured():
        subscriber.send(b"".join(b"\x40\x02" + (60000 - each % 20000).to_bytes(2, "big") for each in range(size)))
        ping(subscriber)


def fill_window(publisher, subscriber, count):
    """`count` messages are under way to the subscriber, or the 65,535 that can be."""
    for start in range(0, count, 500):
        block = min(500, count - start)
        publisher.send(b"".join(publish("window", b"x", 1, 1 + at, version=5) for at in range(block)))
        for at in range(block):
            publisher.read_packet()
            if start + at < 65535:
                subscriber.read_packet()


# Subscriptions

@attack(size=10000, memory=60, settings={"max_subscriptions_per_client": 1000000, "max_online_messages": 1000})
def unsubscribe_of_pending_scans(scene, size):
    """Does not read, has `size` retained scans pending, and takes all of them back at once."""
    librarian = client(scene, "librarian")
    librarian.send(b"".join(publish(f"shelf/{each}", b"x" * 400, retain=True) for each in range(size)))
    ping(librarian)
    filters = [f"shelf/{each}" for each in range(size)]
    with scene.measured():
        reader = client(scene, "blind", receive_buffer=4096)
        send_until_cut(reader, in_packets(filters, 1, subscribe))
        send_until_cut(reader, in_packets(filters, 2, unsubscribe))
        scene.settle()
        reader.close()


@attack(
    size=150000, memory=250, settings={"max_subscriptions_per_client": 1000000, "max_filters_per_packet": 0})
def subscribe_and_never_read(scene, size):
    """Subscribes to `size` filters, some with retained messages, reads nothing, then is idle."""
    librarian = client(scene, "librarian")
    librarian.send(b"".join(publish(f"a/{each}", b"x", retain=True) for each in range(1000)))
    ping(librarian)
    with scene.measured():
        reader = client(scene, "blind", receive_buffer=4096)
        send_until_cut(reader, in_packets([f"a/{each}" for each in range(size)], 1, subscribe, size))
        scene.settle(20)
        reader.close()


@attack(size=299000, memory=120, follows_limit=True)
def one_filter_repeated(scene, size):
    """One SUBSCRIBE of `size` bytes that names one filter again and again: nearly 100,000 times, the most there may be.

    The largest packet there can be is sent last, and refused.
    """
    one = text("a/b") + b"\x00"
    with scene.measured():
        reader = client(scene, "parrot")
        reader.send(packet(0x82, b"\x00\x01" + one * (size // len(one))))
        ping(reader)
        send_until_cut(reader, packet(0x82, b"\x00\x02" + one * (60000000 // len(one))))
        ping(reader)


@attack(size=10000, memory=60, settings={"max_subscriptions_per_client": 1000000})
def shared_groups_of_one_topic(scene, size):
    """Joins `size` shared groups of one topic filter."""
    with scene.measured():
        member = client(scene, "joiner")
        member.send(in_packets([f"$share/g{each}/t" for each in range(size)], 1, subscribe))
        ping(member)


@attack(size=5000, memory=80, settings={"max_subscriptions_per_client": 1000000})
def scans_that_find_nothing(scene, size):
    """Subscribes to `a/+/zN`, `size` of them, over 50,000 retained messages that none of them matches."""
    librarian = client(scene, "librarian")
    for start in range(0, 50000, 5000):
        librarian.send(b"".join(publish(f"a/{each}/b", b"x", retain=True) for each in range(start, start + 5000)))
    ping(librarian)
    with scene.measured():
        reader = client(scene, "searcher")
        reader.send(in_packets([f"a/+/z{each}" for each in range(size)], 1, subscribe))
        ping(reader)


@attack(size=50000, memory=120, settings={"max_subscriptions_per_client": 1000000})
def end_of_many_subscriptions(scene, size):
    """A clean session with `size` subscriptions ends."""
    member = client(scene, "collector")
    member.send(in_packets([f"a/{each}/b" for each in range(size)], 1, subscribe))
    ping(member)
    with scene.measured():
        member.close()
        scene.broker.wait_for_metric("router_subscriptions", 10)


@attack(size=50000, memory=120, settings={"max_subscriptions_per_client": 1000000})
def shared_subscriptions_come_and_go(scene, size):
    """A lasting session with `size` shared subscriptions goes offline, comes back, and starts clean."""
    member = client(scene, "member", 5, expiry=1000)
    member.send(in_packets([f"$share/g/a/{each}" for each in range(size)], 1, lambda some, at: subscribe(some, at, version=5)))
    ping(member)
    with scene.measured():
        member.close()
        for is_clean in (False, True):
            member = client(scene, "member", 5, clean=is_clean, expiry=1000)
            ping(member)
            member.close()
        scene.settle()


# Messages

@attack(size=10000, memory=200)
def one_message_for_many(scene, size):
    """One PUBLISH for `size` subscriptions of lasting sessions that are away."""
    for each in range(size):
        member = RawClient(scene.address)
        member.send(connect(f"away{each}", 5, expiry=1000) + subscribe(["news"], qos=1, version=5))
        member.read_packet()
        member.read_packet()
        member.close()
    publisher = client(scene, "publisher", 5)
    with scene.measured():
        for identifier in range(1, 4):
            publisher.send(publish("news", b"x" * 100, 1, identifier, version=5))
            publisher.read_packet()
        ping(publisher)


@attack(size=200, memory=60, settings={"topic_max_depth": 0})
def very_deep_topics(scene, size):
    """Topics and filters of 1,024 levels, the most there can be, and of 65,000, with `topic_max_depth = 0`."""
    with scene.measured():
        diver = client(scene, "diver")
        for each in range(size):
            diver.send(publish(f"{each}" + "/" * 1023, b"x"))
            if each % 20 == 0:
                diver.send(subscribe([f"{each}" + "/" * 1022 + "#"]))
        ping(diver)
        send_until_cut(diver, publish("/" * 65000, b"x"))
        ping(diver)


# Memory

@attack(size=2000, memory=150, follows_limit=True)
def wills_of_a_hundred_kilobytes(scene, size):
    """Reconnects `size` times with a will of 60 KB and a lasting session."""
    with scene.measured():
        for each in range(size):
            member = RawClient(scene.address)
            member.send(connect("testator", 5, clean=False, expiry=1000, will=("will", b"%d" % each + b"x" * 60000)))
            member.close()
    scene.largest_disk = 400 * MIB


@attack(size=2000, memory=240, follows_limit=True)
def a_long_filter_again_and_again(scene, size):
    """A lasting session subscribes to one filter of 60 KB `size` times."""
    with scene.measured():
        member = client(scene, "insistent", 5, expiry=1000)
        member.socket.settimeout(60)
        for each in range(size):
            member.send(subscribe(["a" * 60000], identifier=1 + each, version=5))
        ping(member)
    scene.largest_disk = 400 * MIB


@attack(size=100, memory=100)
def ended_members_with_long_filters(scene, size):
    """Clients with shared subscriptions of 60 KB come and end, `size` of them with ten filters each."""
    with scene.measured():
        for each in range(size):
            member = client(scene, f"mayfly{each}")
            member.send(subscribe([f"$share/g{some}/" + "x" * 60000 for some in range(10)]))
            ping(member)
            member.close()


@attack(size=1000, memory=80, settings={"max_online_messages": 1})
def shared_groups_in_the_route_cache(scene, size):
    """5,000 shared groups match every topic; `size` different topics are published."""
    member = client(scene, "member")
    member.send(subscribe([f"$share/g{each}/#" for each in range(5000)]))
    ping(member)
    publisher = client(scene, "publisher")
    with scene.measured():
        publisher.send(b"".join(publish(f"t/{each}") for each in range(size)))
        ping(publisher)
        ping(member)


@attack(size=500, memory=20, settings={"topic_alias_max_client": 65535})
def idle_clients_with_all_aliases(scene, size):
    """`size` clients that may use 65,535 topic aliases, and use none."""
    raise_descriptor_limit()
    with scene.measured():
        idle = [client(scene, f"idle{each}", 5) for each in range(size)]
        for each in idle:
            each.close()


@attack(size=500, memory=60, follows_limit=True)
def half_a_connect(scene, size):
    """`size` peers send half of a CONNECT of 1 MB, and wait to be cut."""
    raise_descriptor_limit()
    half = packet(0x10, b"\x00\x04MQTT\x05\x02\x00\x00" + b"x" * 1000000)[: 1 << 19]
    with scene.measured():
        peers = []
        for _ in range(size):
            peer = RawClient(scene.address)
            peer.socket.settimeout(0.2)
            try:
                peer.socket.sendall(half)
            except OSError:
                pass
            peers.append(peer)
        for peer in peers:
            peer.socket.settimeout(30)
            try:
                while peer.socket.recv(65536):
                    pass
            except OSError:
                pass
            peer.close()
    scene.largest_rest = 30 * MIB


@attack(size=5000, memory=80)
def short_sessions(scene, size):
    """Sessions come, subscribe and end."""
    with scene.measured():
        for each in range(size):
            member = RawClient(scene.address)
            member.send(connect(f"short{each}", 5, expiry=0) + subscribe([f"a/{each}"], version=5) + b"\xe0\x00")
            member.is_ended()
            member.close()


@attack(size=150, memory=30, open_files=256)
def more_clients_than_descriptors(scene, size):
    """`size` clients of a broker that may open 256 files; at the larger size more than there are."""
    with scene.measured(watches=False):
        peers = []
        for each in range(size):
            peer = RawClient(scene.address)
            peer.socket.settimeout(5)
            peer.send(connect_packet(f"client{each}", clean=False))
            peers.append(peer)
        told = 0
        for peer in peers:
            try:
                answer = peer.read_packet()
                told += answer is not None and answer[0] == 0x20
            except (OSError, TimeoutError):
                pass
        assert told == size, f"{size - told} of {size} clients were told nothing"
        assert scene.broker.get("/metrics").status == 200
        assert scene.broker.metrics()("store_failing") == 0
        for peer in peers:
            peer.close()


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


