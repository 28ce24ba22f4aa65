"""Shared subscriptions: each message goes to one member of a group."""

import pytest


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_each_group_gets_each_message_once(broker, client, version, qos):
    members = [client(broker, version=version) for _ in range(3)]
    for member in members:
        assert member.subscribe("$share/group/jobs/#", qos) == [qos]
    everybody = client(broker, version=version)
    everybody.subscribe("jobs/#", qos)
    publisher = client(broker, version=version)
    for number in range(60):
        publisher.publish(f"jobs/{number}", b"%d" % number, qos)
    assert len(everybody.receive(60)) == 60
    broker.wait_for_metric("mqtt_publish_sent", 120)
    for member in members:
        member.unsubscribe("$share/group/jobs/#")  # its answer comes after all messages
    got = [int(member.messages.get_nowait().payload) for member in members for _ in range(member.messages.qsize())]
    assert sorted(got) == list(range(60))


def test_the_load_is_shared(broker, client):
    members = [client(broker) for _ in range(3)]
    for member in members:
        member.subscribe("$share/group/jobs", 1)
    publisher = client(broker)
    for _ in range(90):
        publisher.publish("jobs", b"", 1)
    for member in members:
        member.unsubscribe("$share/group/jobs")
    shares = [member.messages.qsize() for member in members]
    assert sum(shares) == 90
    assert min(shares) > 0


def test_a_member_that_left_gets_nothing(broker, client):
    leaving, staying = client(broker), client(broker)
    for member in (leaving, staying):
        member.subscribe("$share/group/jobs", 1)
    leaving.disconnect()
    broker.wait_for_metric("router_subscriptions", 1)
    publisher = client(broker)
    for _ in range(10):
        publisher.publish("jobs", b"", 1)
    assert len(staying.receive(10)) == 10
