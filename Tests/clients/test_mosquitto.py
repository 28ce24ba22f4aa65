"""Mosquitto's clients, as people use them in scripts."""

import pytest

import mosquitto
from waiting import DEADLINE

pytestmark = pytest.mark.parametrize("version", mosquitto.VERSIONS)


@pytest.mark.parametrize("qos", ["0", "1", "2"])
def test_a_message_reaches_a_subscriber(broker, version, qos):
    subscriber = mosquitto.subscribe(
        broker, "-V", version, "-q", qos, "-t", "a/+/c", "-C", "1", "-F", "%t %q %r %p")
    mosquitto.publish(broker, "-V", version, "-q", qos, "-t", "a/b/c", "-m", "hello")
    assert mosquitto.output(subscriber) == f"a/b/c {qos} 0 hello\n".encode()


def test_a_retained_message_waits_for_subscribers_until_it_is_cleared(broker, version):
    mosquitto.publish(broker, "-V", version, "-q", "1", "-r", "-t", "state", "-m", "on")
    subscriber = mosquitto.subscribe(broker, "-V", version, "-q", "1", "-t", "#", "-C", "1", "-F", "%t %r %p")
    assert mosquitto.output(subscriber) == b"state 1 on\n"
    assert broker.metrics()("retain_messages") == 1
    mosquitto.publish(broker, "-V", version, "-q", "1", "-r", "-n", "-t", "state")
    assert broker.metrics()("retain_messages") == 0


def test_the_will_of_a_killed_client_is_published(broker, version):
    watcher = mosquitto.subscribe(broker, "-V", version, "-t", "wills", "-C", "1")
    victim = mosquitto.subscribe(
        broker, "-V", version, "-t", "x", "--will-topic", "wills", "--will-payload", "gone", "--will-qos", "1")
    victim.kill()
    assert mosquitto.output(watcher) == b"gone\n"
    victim.communicate(timeout=DEADLINE)


def test_messages_wait_for_a_persistent_session(broker, version):
    session = ["-V", version, "-i", "keeper", "-q", "1", "-t", "news/#"]
    session += ["-c"] + (["-x", "3600"] if version == "mqttv5" else [])
    first = mosquitto.subscribe(broker, *session, "-C", "1")
    mosquitto.publish(broker, "-V", version, "-q", "1", "-t", "news/0", "-m", "0")
    assert mosquitto.output(first) == b"0\n"
    broker.wait_for_metric("sessions", 1, state="offline")
    for number in ["1", "2", "3"]:
        mosquitto.publish(broker, "-V", version, "-q", "1", "-t", f"news/{number}", "-m", number)
    assert broker.metrics()("queued_messages") == 3
    assert mosquitto.output(mosquitto.subscribe(broker, *session, "-C", "3")) == b"1\n2\n3\n"


def test_a_large_payload_arrives_whole(broker, version, tmp_path):
    payload = bytes(range(256)) * 16 * 1024  # 4 MiB
    path = tmp_path / "payload"
    path.write_bytes(payload)
    subscriber = mosquitto.subscribe(broker, "-V", version, "-q", "1", "-t", "big", "-C", "1", "-N")
    mosquitto.publish(broker, "-V", version, "-q", "1", "-t", "big", "-f", str(path))
    assert mosquitto.output(subscriber) == payload


def test_lines_of_a_file_arrive_in_order(broker, version):
    lines = b"".join(b"line %d\n" % number for number in range(500))
    subscriber = mosquitto.subscribe(broker, "-V", version, "-q", "2", "-t", "lines", "-C", "500")
    mosquitto.publish(broker, "-V", version, "-q", "2", "-t", "lines", "-l", input=lines)
    assert mosquitto.output(subscriber) == lines


def test_many_subscriptions_in_one_client(broker, version):
    topics = [f"room/{number}/temperature" for number in range(100)]
    filters = [word for topic in topics for word in ("-t", topic)]
    subscriber = mosquitto.subscribe(broker, "-V", version, *filters, "-C", "3", "-F", "%t")
    broker.wait_for_metric("router_subscriptions", 100)
    for number in (0, 57, 99):
        mosquitto.publish(broker, "-V", version, "-q", "1", "-t", topics[number], "-m", "21")
    assert mosquitto.output(subscriber).decode().split() == [topics[0], topics[57], topics[99]]
