"""Hostile and unlucky neighbours must not hurt others."""

import random
import socket
import threading

import raw_client
from raw_client import RawClient
from waiting import wait_until


def test_garbage_hurts_nobody_else(broker, client):
    subscriber, publisher = client(broker), client(broker)
    subscriber.subscribe("good", 1)
    generator = random.Random(4711)
    address = broker.address()

    def garbage(data):
        with RawClient(address) as raw:
            try:
                raw.send(data)
                raw.socket.shutdown(socket.SHUT_WR)
                raw.is_ended()
            except OSError:
                pass  # it was cut while it sent

    # Half of them begin as a client does and go wrong later.
    noise = [
        (raw_client.connect(f"noise{number}", 4 + number // 2 % 2) if number % 2 else b"") + generator.randbytes(5000)
        for number in range(50)
    ]
    threads = [threading.Thread(target=garbage, args=(data,)) for data in noise]
    for thread in threads:
        thread.start()
    sent = [publisher.send("good", b"%d" % number, 1) for number in range(300)]
    for packet_identifier in sent:
        publisher.finish(packet_identifier)
    assert [int(message.payload) for message in subscriber.receive(300)] == list(range(300))
    for thread in threads:
        thread.join()
    reading = broker.wait_for_metric("socket_close", 50)
    assert reading("connections_closed_total") == 50
    assert reading("socket_open") == 52
    assert reading("active_mqtt_connections") == 2


def test_connections_leave_nothing_behind(broker):
    address = broker.address()

    def cycles(count, name):
        for number in range(count):
            with RawClient(address) as raw:
                assert raw.open_session(f"{name}{number}", 4 + number % 2) == 0
                raw.send(raw_client.subscribe(f"topic/{number}", version=4 + number % 2))
                raw.read_packet()
                if number % 3:
                    raw.send(raw_client.DISCONNECT)

    cycles(500, "warm")
    broker.wait_for_metric("active_mqtt_connections", 0)
    before, descriptors = broker.resident_bytes(), broker.descriptor_count()
    cycles(2000, "cycle")
    reading = broker.wait_for_metric("socket_close", 2500)
    for gauge in ["active_mqtt_connections", "sessions", "router_subscriptions", "loop_connections", "loop_timers"]:
        wait_until(f"{gauge} is 0", lambda: broker.metrics()(gauge) == 0)
    assert reading("socket_open") == reading("mqtt_connect_received") == 2500
    assert broker.resident_bytes() - before < 4 << 20
    wait_until("all descriptors are closed", lambda: broker.descriptor_count() <= descriptors)


def test_a_slow_reader_slows_nobody_else(broker, client):
    subscriber, publisher = client(broker), client(broker)
    subscriber.subscribe("flood", 1)
    with RawClient(broker.address(), receive_buffer=4096) as slow:
        slow.open_session("slow")
        slow.send(raw_client.subscribe("flood"))
        slow.read_packet()
        for number in range(100):
            publisher.publish("flood", b"x" * 65536, 1)
        assert len(subscriber.receive(100)) == 100
    broker.wait_for_metric("output_buffer_bytes", 0)
