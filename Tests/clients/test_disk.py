"""A disk that is full, that fails, and that loses power."""

import asyncio
import random

import pytest

import raw_client
from disk import Disk
from paho_client import properties
from raw_client import RawClient
from scene import ALLOWANCE, UNLIMITED, Scene, play
from steady_clients import SteadyClient, until
from waiting import wait_until

QUOTA_EXCEEDED = 0x97
PACKET_IDENTIFIER_NOT_FOUND = 0x92
SERVER_UNAVAILABLE = 0x88  # how paho calls return code 3
PUBACK, PINGRESP, SUBACK = 0x40, 0xD0, 0x90


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path, tmp_path / "broker0" / "data")


@pytest.fixture
def broker(start_broker, disk):
    return start_broker(UNLIMITED, environment=disk.environment, may_log_errors=True)


# Power cuts


@pytest.mark.parametrize("keeps_some", [False, True])
def test_with_sync_on_write_a_power_cut_loses_nothing(start_broker, disk, keeps_some):
    broker = start_broker({**UNLIMITED, "leveldb.sync_on_write": "on"}, environment=disk.environment)
    play(broker, Scene(broker, killed=lambda: disk.cut_power(keeps_some)), subscribers=4, crashes=20)
    assert "synced" in disk.book.read_text()


def keep_and_publish(broker, client, count=20):
    """A session that is away, and `count` acknowledged messages for it."""
    keeper(broker, client).disconnect()
    publisher = client(broker)
    for number in range(count):
        assert publisher.publish("kept", b"%d" % number, 1) == 0


def keeper(broker, client, version=5, client_id="keeper"):
    stays = properties("CONNECT", SessionExpiryInterval=3600) if version == 5 else None
    made = client(broker, version=version, client_id=client_id, clean=False, connect_properties=stays)
    if made.code == 0:
        made.codes = made.subscribe("kept", 2)
    return made


def after_power_cut(broker, client, disk):
    """The messages that are left for the session."""
    broker.kill()
    disk.cut_power()
    broker.restart()
    return broker.metrics()("store_rows", kind="copies")


def test_without_sync_on_write_a_power_cut_loses_what_was_acknowledged(broker, client, disk):
    keep_and_publish(broker, client)
    assert after_power_cut(broker, client, disk) == 0


def test_the_same_messages_are_there_with_sync_on_write(start_broker, client, disk):
    broker = start_broker({"leveldb.sync": "on"}, environment=disk.environment)
    keep_and_publish(broker, client)
    assert after_power_cut(broker, client, disk) == 20
    assert keeper(broker, client).receive(20)[-1].payload == b"19"


# A full disk


@pytest.fixture
def full(broker, client, disk):
    """The broker of a disk that is full, with a session that is kept and a message that found this out."""
    keep_and_publish(broker, client, 3)
    disk.full.touch()
    broker.pending = client(broker)
    broker.pending_identifier = broker.pending.send("kept", b"pending", 1)
    broker.wait_for_metric("store_failing", 1)
    yield broker
    disk.full.unlink(missing_ok=True)


def empty(broker, disk):
    """There is room again."""
    disk.full.unlink()
    broker.wait_for_metric("store_failing", 0)


@pytest.mark.parametrize("qos", [1, 2])
def test_while_the_disk_is_full_a_message_to_keep_is_refused(full, client, disk, qos):
    before = full.metrics()("store_refused_total", packet="publish")
    # paho goes on after a PUBREC that refuses, and is told that its PUBREL is unknown.
    refusal = QUOTA_EXCEEDED if qos == 1 else PACKET_IDENTIFIER_NOT_FOUND
    assert client(full).publish("kept", b"refused", qos) == refusal
    assert client(full).publish("retained", b"refused", qos, retain=True) == refusal
    with RawClient(full.address()) as old:
        old.open_session("old")
        old.send(raw_client.publish("kept", b"refused", qos) + raw_client.PINGREQ)
        assert old.read_packet()[0] == PINGRESP
    assert full.metrics()("store_refused_total", packet="publish") == before + 3
    empty(full, disk)
    assert full.pending.finish(full.pending_identifier) == 0
    got = [message.payload for message in keeper(full, client).receive(4)]
    assert got == [b"0", b"1", b"2", b"pending"]
    full.wait_for_metric("store_rows", 0, kind="copies")
    assert full.metrics()("store_rows", kind="retained") == 0


def test_while_the_disk_is_full_a_kept_session_may_not_subscribe_or_begin(full, client, disk):
    assert keeper(full, client).codes == [QUOTA_EXCEEDED]
    assert keeper(full, client, client_id="new").code == QUOTA_EXCEEDED
    assert keeper(full, client, version=4, client_id="new and old").code == SERVER_UNAVAILABLE
    reading = full.metrics()
    assert (reading("store_refused_total", packet="subscribe"), reading("store_refused_total", packet="connect")) == (1, 2)
    empty(full, disk)
    assert keeper(full, client).codes == [2]
    assert keeper(full, client, version=4, client_id="new and old").codes == [2]


def test_an_old_kept_session_is_told_0x80(broker, client, disk):
    old = keeper(broker, client, version=4)
    disk.full.touch()
    client(broker).send("retained", b"x", 1, retain=True)
    broker.wait_for_metric("store_failing", 1)
    assert old.subscribe("more", 1) == [0x80]
    empty(broker, disk)
    assert old.subscribe("more", 1) == [1]


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_while_the_disk_is_full_all_else_goes_on(full, client, qos):
    watcher = client(full)
    assert watcher.subscribe("plain", qos) == [qos]
    assert client(full).publish("plain", b"x", qos) == 0
    assert watcher.receive().payload == b"x"
    assert watcher.unsubscribe("plain") == [0]


def test_while_the_disk_is_full_a_session_takes_what_waits_for_it(full, client, disk):
    back = keeper(full, client)
    assert [message.payload for message in back.receive(3)] == [b"0", b"1", b"2"]
    empty(full, disk)
    full.wait_for_metric("store_rows", 0, kind="copies")


def test_a_full_disk_is_counted_and_logged_as_it_begins_and_ends(full, client, disk):
    reading = wait_until("two tries", lambda: (
        reading if (reading := full.metrics())("store_errors_total", kind="disk_full") >= 2 else None))
    assert reading("store_errors_total") == reading("store_errors_total", kind="disk_full")
    empty(full, disk)
    assert full.metrics()("store_reopened_total") >= 1
    lines = [line["message"] for line in full.log("the store takes")]
    assert len(lines) == 2 and "no writes" in lines[0] and "again" in lines[1]
    assert "make room" in full.log("no writes")[0]["error"]


def test_a_full_disk_at_the_end_costs_nothing_that_was_acknowledged(full, client, disk):
    assert full.stop() == 0
    disk.full.unlink()
    full.restart()
    assert [message.payload for message in keeper(full, client).receive(3)] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("trouble", ["full", "sick"])
def test_nothing_acknowledged_is_lost_when_the_disk_has_trouble_under_load(start_broker, disk, trouble):
    broker = start_broker(
        {**UNLIMITED, "leveldb.sync_on_write": "on"}, environment=disk.environment, may_log_errors=True)
    flag = getattr(disk, trouble)
    scene = Scene(broker, publishers=2)
    scene.check_broker = lambda: None  # it may log errors

    async def fail_for_a_while():
        def acknowledged():
            return sum(len(stream.acknowledged) for stream in scene.streams)

        # In the midst of what may be published between two crashes.
        enough = acknowledged() + random.randint(1, ALLOWANCE * len(scene.streams) // 2)
        await until("messages are acknowledged", lambda: acknowledged() >= enough)
        flag.touch()
        await until("it fails", lambda: broker.metrics()("store_failing"))
        flag.unlink()
        await until("it works again", lambda: not broker.metrics()("store_failing"))

    async def run():
        await scene.begin(4)
        for _ in range(3):
            await scene.crash(random.uniform(0, 0.2), fail_for_a_while)
        await scene.finish()
        # A sender that was not acknowledged sends again, later.
        assert scene.complaints(is_in_order=False) == []
        for client in scene.clients:
            client.leave()

    asyncio.run(run())
    assert broker.stop() == 0
    assert broker.store("check").returncode == 0
