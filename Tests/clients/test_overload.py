"""More than the broker can get rid of: memory stays within its limits, losses are counted, neighbours go on."""

import pathlib
import socket
import subprocess
import sys
import threading

import pytest

import raw_client
from raw_client import RawClient
from waiting import DEADLINE, wait_until

KIB, MIB = 1 << 10, 1 << 20

# What the broker holds for a connection whatever it is told (the names are those of the sources):
HIGH_WATER = 256 * KIB  # OutputBuffer.highWater: output waiting for a slow reader, and one message more
OVERFULL = 4 * HIGH_WATER  # OutputBuffer.isOverfull: answers to packets of the client's own
READ_BUFFER = 256 * KIB  # LoopSettings.readBufferByteCount, one for each loop, and as much left unread
TRANSIT = 64 * MIB  # Broker.transitHighWater: on its way from one loop to another
MESSAGE_OVERHEAD = 144 + 64  # ApplicationMessage.overheadByteCount and the queue's own entry
# What the allocator keeps of freed memory, and the rest of the broker.
SLACK = 12 * MIB


def round_trips(subscriber, publisher, count=50):
    """Messages of a pair that has nothing to do with the trouble."""
    for number in range(count):
        publisher.publish("neighbours", b"%d" % number, 1)
        assert subscriber.receive().payload == b"%d" % number


@pytest.fixture
def neighbours(client):
    """Two clients with a subscription: `subscriber, publisher = neighbours(broker)`."""
    def make(broker):
        subscriber, publisher = client(broker), client(broker)
        subscriber.subscribe("neighbours", 1)
        round_trips(subscriber, publisher)
        return subscriber, publisher

    return make


@pytest.mark.parametrize("loops", [1, 2])
def test_a_flood_towards_a_subscriber_that_never_reads(start_broker, neighbours, loops):
    limit, size, count = 200, 20000, 8000
    broker = start_broker({"loops": loops, "max_online_messages": limit})
    subscriber, publisher = neighbours(broker)
    bound = limit * (size + MESSAGE_OVERHEAD) + HIGH_WATER + size + 2 * loops * READ_BUFFER + SLACK
    if loops > 1:
        bound += TRANSIT
    assert bound < count * size, "the flood is larger than all that may be held of it"
    with RawClient(broker.address(), receive_buffer=4096) as deaf, RawClient(broker.address()) as flooder:
        deaf.open_session("deaf")
        deaf.send(raw_client.subscribe("flood"))
        deaf.read_packet()
        flooder.open_session("flooder")
        before = broker.resident_bytes()
        packets = raw_client.publish("flood", b"x" * size) * 20
        flood = threading.Thread(target=lambda: [flooder.send(packets) for _ in range(count // 20)])
        flood.start()
        most = before
        while flood.is_alive():
            round_trips(subscriber, publisher, 5)
            most = max(most, broker.resident_bytes())
        flood.join()
        flooder.send(raw_client.PINGREQ)
        assert flooder.read_packet() == (0xD0, b"")
        reading = broker.wait_for_metric("queued_messages", limit)
        assert max(most, broker.resident_bytes()) - before < bound
        # What the kernel and the output took before they were full; all the rest of the flood is accounted for.
        taken = reading("ledger_delivered_total") + reading("output_messages") - reading("mqtt_puback_received")
        dropped = reading("message_drops_total", reason="queue_full")
        assert dropped == reading("queue_message_drop") > count / 2
        assert taken + dropped + limit == count
        round_trips(subscriber, publisher)
    broker.wait_for_metric("queued_messages", 0)


def test_a_client_that_never_acknowledges(start_broker, neighbours):
    window, limit, count = 20, 100, 500
    broker = start_broker({"max_inflight_messages": window, "max_online_messages": limit})
    subscriber, publisher = neighbours(broker)
    with RawClient(broker.address()) as silent:
        silent.open_session("silent")
        silent.send(raw_client.subscribe("work", 1))
        silent.read_packet()
        for packet_identifier in [publisher.send("work", b"x", 1) for _ in range(count)]:
            publisher.finish(packet_identifier)
        assert [silent.read_packet()[0] for _ in range(window)] == [0x32] * window
        reading = broker.wait_for_metric("message_drops_total", count - limit - window, reason="queue_full")
        assert (reading("inflight_messages"), reading("queued_messages")) == (window, limit)
        round_trips(subscriber, publisher)
    broker.wait_for_metric("message_drops_total", window + limit, reason="session_ended")
    assert broker.wait_for_metric("inflight_messages", 0)("queued_messages") == 0


def test_a_client_that_asks_and_never_reads_the_answers(start_broker, neighbours):
    broker = start_broker({"loops": 1})
    subscriber, publisher = neighbours(broker)
    # The output block doubles as it grows, and is copied: twice the next power of two.
    bound = 4 * (OVERFULL + READ_BUFFER) + 2 * READ_BUFFER + SLACK
    with RawClient(broker.address(), receive_buffer=4096) as asker:
        asker.open_session("asker")
        asker.socket.settimeout(1)
        before = broker.resident_bytes()
        with pytest.raises(TimeoutError):  # nobody takes its packets any more
            for _ in range(1000):
                asker.socket.sendall(raw_client.PINGREQ * 32768)
        assert broker.resident_bytes() - before < bound
        assert broker.metrics()("loop_reads_paused_total") > 0
        assert broker.metrics()("output_buffer_bytes") > HIGH_WATER
        round_trips(subscriber, publisher)
        # It reads after all: everything it asked is answered, and it is read again.
        asker.socket.settimeout(DEADLINE)
        asker.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB)
        while broker.metrics()("output_buffer_bytes") > 0:
            asker.socket.recv(MIB)
    broker.wait_for_metric("output_buffer_bytes", 0)


@pytest.mark.parametrize("qos", [0, 1])
def test_everything_retained_comes_however_short_the_queue(start_broker, qos):
    count = 100_000
    broker = start_broker({"max_online_messages": 1000})
    with RawClient(broker.address()) as librarian:
        librarian.open_session("librarian")
        for shelf in range(count // 1000):
            librarian.send(b"".join(retained(f"shelf/{shelf}/{book}", qos) for book in range(1000)))
            for _ in range(1000 if qos else 0):
                librarian.read(4)
        broker.wait_for_metric("retain_messages", count)
    with RawClient(broker.address()) as reader:
        reader.open_session("reader")
        reader.send(raw_client.subscribe("#", qos))
        topics = set(read_topics(reader, count, qos))
    assert len(topics) == count
    broker.wait_for_metric("sessions", 0)
    reading = broker.metrics()
    assert reading("message_drops_total", reason="queue_full") == 0
    assert reading("ledger_copies_total", origin="retained") == count


def retained(topic, qos):
    identifier = b"\x00\x01" if qos else b""
    return raw_client.packet(0x31 | qos << 1, raw_client.text(topic) + identifier + b"kept")


def read_topics(reader, count, qos):
    """The topics of the next `count` PUBLISH packets; acknowledges them."""
    buffer = b""
    while count:
        data = reader.socket.recv(MIB)
        assert data, "the connection ended"
        buffer += data
        at, answers = 0, b""
        while len(buffer) - at >= 2 and len(buffer) - at >= 2 + buffer[at + 1]:
            assert buffer[at + 1] < 128, "all these packets are short"
            end = at + 2 + buffer[at + 1]
            if buffer[at] >> 4 == 3:
                topic_end = at + 4 + int.from_bytes(buffer[at + 2 : at + 4], "big")
                yield buffer[at + 4 : topic_end]
                count -= 1
                if qos:
                    answers += b"\x40\x02" + buffer[topic_end : topic_end + 2]
            at = end
        buffer = buffer[at:]
        if answers:
            reader.send(answers)


def test_all_wills_of_a_crowd_that_vanishes_come(start_broker, client):
    count = 2000
    broker = start_broker({"max_online_messages": count})
    watcher = client(broker)
    watcher.subscribe("wills/#", 1)
    crowd = pathlib.Path(__file__).parent.parent / "soak" / "crowd.py"
    process = subprocess.Popen(
        [sys.executable, crowd, *map(str, broker.address()), str(count), "wills"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        broker.wait_for_metric("active_mqtt_connections", count + 1)
    finally:
        process.kill()
        process.wait()
    assert len({message.topic for message in watcher.receive(count)}) == count
    reading = broker.wait_for_metric("active_mqtt_connections", 1)
    assert reading("ledger_wills_published_total") == count
    wait_until("the ledger accounts for all", lambda: not broker.metrics().residuals())


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_large_message_reaches_each_of_many_whole(broker, client, qos):
    """Large payloads are shared by reference between connections, QoS and loops."""
    subscribers = [client(broker, version=4 + number % 2) for number in range(12)]
    for number, subscriber in enumerate(subscribers):
        subscriber.subscribe("large", number % 3)
    publisher = client(broker)
    payloads = [bytes([number]) * (16384 + number) for number in range(5)]
    for payload in payloads:
        publisher.publish("large", payload, qos)
    for subscriber in subscribers:
        assert [message.payload for message in subscriber.receive(len(payloads))] == payloads
