"""Delivery at every QoS between every pair of protocol versions."""

import pytest

VERSIONS = [3, 4, 5]


@pytest.mark.parametrize("receiver", VERSIONS)
@pytest.mark.parametrize("sender", VERSIONS)
def test_messages_arrive_in_order_at_the_lower_qos(broker, client, sender, receiver):
    subscriber = client(broker, version=receiver, client_id="subscriber")
    publisher = client(broker, version=sender, client_id="publisher")
    for granted in (0, 1, 2):
        assert subscriber.subscribe(f"q{granted}/#", granted) == [granted]
    for granted in (0, 1, 2):
        for qos in (0, 1, 2):
            sent = [publisher.send(f"q{granted}/{number}", b"%d" % number, qos) for number in range(10)]
            for packet_identifier in sent:
                publisher.finish(packet_identifier)
            got = subscriber.receive(10)
            assert [message.payload for message in got] == [b"%d" % number for number in range(10)]
            assert {message.qos for message in got} == {min(qos, granted)}
            assert not any(message.dup or message.retain for message in got)


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_arrives_after_unsubscribe(broker, client, version):
    both = client(broker, version=version)
    both.subscribe("a", 1)
    both.subscribe("end", 1)
    both.unsubscribe("a")
    both.publish("a", b"1", 1)
    both.publish("end", b"2", 1)
    assert both.receive().topic == "end"


@pytest.mark.parametrize("version", [4, 5])
def test_a_payload_may_be_empty_and_a_topic_may_be_any_text(broker, client, version):
    both = client(broker, version=version)
    both.subscribe("#", 1)
    for topic in ["/", "a//b", "ß/日本/🦆", " "]:
        both.publish(topic, b"", 1)
        got = both.receive()
        assert (got.topic, got.payload) == (topic, b"")
