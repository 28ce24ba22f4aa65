"""MQTT 5 properties, from one client to another and between client and broker."""

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from paho_client import properties
from waiting import wait_until

NO_MATCHING_SUBSCRIBERS = 0x10
NO_SUBSCRIPTION_EXISTED = 0x11


def test_the_properties_of_a_message_travel_with_it(broker, client):
    subscriber, publisher = client(broker), client(broker)
    subscriber.subscribe("a", 2)
    sent = properties(
        "PUBLISH", PayloadFormatIndicator=1, ContentType="text/plain", ResponseTopic="answers/1",
        CorrelationData=b"\x00\xff", MessageExpiryInterval=3600,
        UserProperty=[("first", "1"), ("second", "2"), ("first", "3")])
    for qos in (0, 1, 2):
        publisher.publish("a", b"x", qos, properties=sent)
        got = subscriber.receive().properties
        assert got.PayloadFormatIndicator == 1
        assert got.ContentType == "text/plain"
        assert got.ResponseTopic == "answers/1"
        assert got.CorrelationData == b"\x00\xff"
        assert 3590 <= got.MessageExpiryInterval <= 3600
        assert got.UserProperty == [("first", "1"), ("second", "2"), ("first", "3")]


def test_a_client_of_3_1_1_gets_the_message_without_its_properties(broker, client):
    subscriber, publisher = client(broker, version=4), client(broker)
    subscriber.subscribe("a", 1)
    publisher.publish("a", b"x", 1, properties=properties("PUBLISH", ContentType="text/plain"))
    assert subscriber.receive().payload == b"x"


def test_an_expired_message_is_not_delivered(broker, client):
    stays = properties("CONNECT", SessionExpiryInterval=3600)
    away = client(broker, client_id="away", connect_properties=stays)
    away.subscribe("a", 1)
    away.disconnect()
    publisher = client(broker)
    publisher.publish("a", b"short", 1, properties=properties("PUBLISH", MessageExpiryInterval=1))
    publisher.publish("a", b"long", 1, properties=properties("PUBLISH", MessageExpiryInterval=60))
    wait_for_a_second(client, broker)
    back = client(broker, client_id="away", clean=False, connect_properties=stays)
    got = back.receive()
    assert got.payload == b"long"
    assert got.properties.MessageExpiryInterval < 60
    assert broker.metrics()("queue_message_expired") == 1
    assert broker.metrics()("message_drops_total", reason="expired") == 1


def wait_for_a_second(client, broker):
    """Until a session that was to live for a second has expired: the broker's own second, not ours."""
    before = broker.metrics()("sessions_expired_total")
    client(broker, connect_properties=properties("CONNECT", SessionExpiryInterval=1)).disconnect()
    wait_until("a session expires", lambda: broker.metrics()("sessions_expired_total") > before)


def test_nobody_subscribed_is_told_in_the_acknowledgement(broker, client):
    both = client(broker)
    assert both.publish("nobody", b"", 1) == NO_MATCHING_SUBSCRIBERS
    assert broker.metrics()("ledger_unrouted_total") == 1
    both.subscribe("somebody", 1)
    assert both.publish("somebody", b"", 1) == 0


def test_unsubscribing_what_was_not_subscribed_is_told(broker, client):
    assert client(broker).unsubscribe("never") == [NO_SUBSCRIPTION_EXISTED]


def test_the_broker_names_a_client_that_has_no_name(broker, client):
    first, second = client(broker), client(broker)
    names = {first.connack.AssignedClientIdentifier, second.connack.AssignedClientIdentifier}
    assert len(names) == 2
    assert all(name.startswith("anon-") for name in names)


def test_subscription_identifiers_come_back(broker, client):
    both = client(broker)
    for topic_filter, identifier in [("a/#", 1), ("a/b", 268435455)]:
        both.subscribe(topic_filter, 1, properties=properties("SUBSCRIBE", SubscriptionIdentifier=identifier))
    both.publish("a/c", b"", 1)
    assert both.receive().properties.SubscriptionIdentifier == [1]
    both.publish("a/b", b"", 1)
    got = [each for message in both.receive(2) for each in message.properties.SubscriptionIdentifier]
    assert sorted(got) == [1, 268435455]


def test_topic_aliases_work_both_ways(start_broker, client):
    broker = start_broker({"topic_alias_max_client": 10, "topic_alias_max_broker": 10})
    subscriber = client(broker, connect_properties=properties("CONNECT", TopicAliasMaximum=5))
    publisher = client(broker)
    assert publisher.connack.TopicAliasMaximum == 10
    subscriber.subscribe("long/topic", 1)
    alias = properties("PUBLISH", TopicAlias=1)
    publisher.publish("long/topic", b"1", 1, properties=alias)
    assert publisher.publish("", b"2", 1, properties=alias) == 0
    first, second = subscriber.receive(2)
    assert (first.topic, first.payload) == ("long/topic", b"1")
    # Paho hands on aliases as they came: the second time the topic is left out.
    assert (second.topic, second.payload) == ("", b"2")
    assert first.properties.TopicAlias == second.properties.TopicAlias


def test_retain_handling_decides_about_retained_messages(broker, client):
    publisher = client(broker)
    publisher.publish("r", b"kept", 1, retain=True)
    subscriber = client(broker)
    subscriber.subscribe("marker", 1)

    def retained_after(handling):
        subscriber.subscribe("r", options=SubscribeOptions(qos=1, retainHandling=handling))
        publisher.publish("marker", b"", 1)
        got = subscriber.receive()
        if got.topic == "marker":
            return False
        assert (got.topic, got.payload, got.retain) == ("r", b"kept", True)
        assert subscriber.receive().topic == "marker"
        return True

    assert not retained_after(SubscribeOptions.RETAIN_DO_NOT_SEND)
    assert not retained_after(SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
    assert retained_after(SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE)
    subscriber.unsubscribe("r")
    assert retained_after(SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)


def test_no_local_and_retain_as_published(broker, client):
    both = client(broker)
    both.subscribe("own", options=SubscribeOptions(qos=1, noLocal=True))
    both.subscribe("kept", options=SubscribeOptions(qos=1, retainAsPublished=True))
    both.subscribe("plain", options=SubscribeOptions(qos=1))
    both.publish("own", b"", 1)
    both.publish("kept", b"1", 1, retain=True)
    both.publish("plain", b"1", 1, retain=True)
    kept, plain = both.receive(2)
    assert (kept.topic, kept.retain) == ("kept", True)
    assert (plain.topic, plain.retain) == ("plain", False)


def test_a_packet_larger_than_the_client_takes_is_dropped_and_counted(broker, client):
    subscriber = client(broker, connect_properties=properties("CONNECT", MaximumPacketSize=100))
    subscriber.subscribe("a", 1)
    publisher = client(broker)
    publisher.publish("a", b"x" * 200, 1)
    publisher.publish("a", b"small", 1)
    assert subscriber.receive().payload == b"small"
    assert broker.metrics()("message_drops_total", reason="packet_too_large") == 1


def test_the_properties_of_a_will_travel_with_it(broker, client):
    watcher = client(broker)
    watcher.subscribe("wills", 1)
    will = Properties(PacketTypes.WILLMESSAGE)
    will.ContentType = "text/plain"
    will.UserProperty = [("a", "b")]
    client(broker, will={"topic": "wills", "payload": b"gone", "qos": 1, "properties": will}).cut()
    got = watcher.receive()
    assert got.payload == b"gone"
    assert (got.properties.ContentType, got.properties.UserProperty) == ("text/plain", [("a", "b")])
