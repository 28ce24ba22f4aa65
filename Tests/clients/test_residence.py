"""How long messages are in the broker, as /metrics tells and as the clients saw it."""

import time

from prometheus import ACCEPT, Prometheus, Relay
from raw_client import Message, RawClient, packet, properties, publish, text
from waiting import DEADLINE, wait_until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
BOUNDS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


def bucket(seconds):
    return sum(seconds > bound for bound in BOUNDS)


def ack(message):
    return packet(0x40, message.packet_identifier.to_bytes(2, "big"))


def test_a_slow_reader_shows_in_the_stage_queue_as_long_as_it_took(start_broker):
    broker = start_broker({"max_inflight_messages": 1})
    with RawClient(broker.address()) as reader, RawClient(broker.address()) as sender:
        assert reader.open_session("reader") == 0
        reader.subscribe("t", 1)
        assert sender.open_session("sender") == 0
        sender.publish("t", b"first")
        first = Message(*reader.read_packet())
        began = time.monotonic()
        sender.publish("t", b"second")
        time.sleep(1.5)  # the reader is slow: it does not acknowledge
        reader.send(ack(first))
        second = Message(*reader.read_packet())
        took = time.monotonic() - began
        assert (first.payload, second.payload) == (b"first", b"second")
        reader.send(ack(second))
        reading = broker.wait_for_metric("ack_round_trip_seconds_count", 2, packet="puback")
    queue = reading("publish_stage_seconds_sum", stage="queue")
    assert reading("publish_stage_seconds_count", stage="queue") == 1
    assert reading("publish_stage_seconds_count", stage="route") == 1
    assert abs(bucket(queue) - bucket(took)) <= 1
    assert reading("publish_residence_seconds_count", qos="1") == 2
    assert abs(bucket(reading("publish_residence_seconds_sum", qos="1")) - bucket(took)) <= 1
    assert reading("publish_stage_seconds_sum", stage="write") < queue / 2
    # The first waited for its acknowledgement as long as the second in the queue.
    assert abs(bucket(reading("ack_round_trip_seconds_sum", packet="puback")) - bucket(took)) <= 1


def test_a_client_that_was_away_is_not_the_brokers_delay(start_broker):
    broker = start_broker()
    with RawClient(broker.address()) as reader:
        assert reader.open_session("reader", clean=False) == 0
        reader.subscribe("t", 1)
    broker.wait_for_metric("sessions", 1, state="offline")
    with RawClient(broker.address()) as sender:
        assert sender.open_session("sender") == 0
        sender.publish("t", b"missed")
    with RawClient(broker.address()) as reader:
        assert reader.open_session("reader", clean=False) == 0
        assert Message(*reader.read_packet()).payload == b"missed"
    reading = broker.wait_for_metric("publish_stage_seconds_count", 1, stage="offline")
    assert reading("publish_residence_seconds_count", qos="1") == 0


def traced(trace):
    """PUBLISH of MQTT 5 within a trace that its sender has begun."""
    section = properties((0x26, text("traceparent") + text(trace)))
    return packet(0x30, text("t") + section + b"x")


def test_the_trace_of_a_message_is_the_exemplar(start_broker, tmp_path):
    broker = start_broker()
    with RawClient(broker.address()) as reader, RawClient(broker.address()) as sender:
        assert reader.open_session("reader") == 0
        reader.subscribe("t")
        assert sender.open_session("sender", 5) == 0

        def send():
            sender.send(traced(f"00-{TRACE}-{SPAN}-01") + traced("00-not a trace") + publish("t", b"", version=5))
            for _ in range(3):
                reader.read_packet()

        with Relay(broker, ACCEPT["openmetrics"]) as form, Prometheus(
                tmp_path, {"openmetrics": form.target}, features=["exemplar-storage"]) as prometheus:
            def exemplars():
                # An exemplar is a sample: a bucket has that of one message, and Prometheus takes what is new.
                send()
                data = prometheus.ask(
                    "query_exemplars", query="vernemq_publish_residence_seconds_bucket", start="0", end="99999999999")
                return [exemplar["labels"] for series in data or () for exemplar in series["exemplars"]]

            wait_until(
                "the exemplar is there", lambda: {"trace_id": TRACE, "span_id": SPAN} in exemplars(), 4 * DEADLINE)
