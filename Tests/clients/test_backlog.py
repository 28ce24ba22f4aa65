"""A queue longer than what memory holds of it."""

import asyncio

import pytest

from scene import UNLIMITED
from steady_clients import SteadyClient, Stream, complaint, until
from waiting import wait_until

COUNT = 20_000


@pytest.mark.parametrize("qos, is_killed", [(1, False), (2, True)])
def test_a_long_backlog_comes_whole_and_in_order_while_publishing_goes_on(start_broker, qos, is_killed):
    broker = start_broker(UNLIMITED)

    async def run():
        reader, writer = SteadyClient(broker, "reader", 5), SteadyClient(broker, "writer", 4)
        await reader.connect()
        await reader.subscribe("long", qos=qos)
        reader.leave()
        await writer.connect()
        stream = Stream(writer, "long", qos)

        async def publish(count):
            for _ in range(count):
                stream.publish()
                if len(writer.unacknowledged) > 500:
                    await until("room", lambda: len(writer.unacknowledged) < 400)
            await until("acknowledged", lambda: not writer.unacknowledged)

        await publish(COUNT)
        reading = broker.metrics()
        assert reading("queued_messages") == COUNT
        assert reading("store_spilled_messages") > 0.9 * COUNT
        if is_killed:
            await asyncio.to_thread(broker.restart)
            assert broker.metrics()("store_spilled_messages") == COUNT
            await writer.connect()
        await reader.connect()
        # A little at a time until the backlog is gone, so that new messages meet every piece that is read.
        while len(reader.got["long"]) < COUNT:
            await publish(5)
            assert broker.log(level="error") == []
        assert stream.last > COUNT
        await until(
            lambda: complaint(reader, stream),
            lambda: len(reader.numbers("long")) == stream.last and not reader.half_received)
        assert complaint(reader, stream) is None
        assert len(reader.got["long"]) == stream.last
        wait_until("the store is empty", lambda: broker.metrics()("store_rows", kind="copies") == 0)
        reading = broker.metrics()
        assert (reading("store_spilled_messages"), reading("queued_messages")) == (0, 0)
        assert reading("message_drops_total") == 0
        reader.leave()
        writer.leave()

    asyncio.run(run())


def test_a_broker_that_dies_while_a_backlog_is_delivered_delivers_the_rest(start_broker):
    broker = start_broker(UNLIMITED)

    async def run():
        reader, writer = SteadyClient(broker, "reader", 5), SteadyClient(broker, "writer", 4)
        streams = [Stream(writer, f"long/{qos}", qos) for qos in (1, 2)]
        await reader.connect()
        await reader.subscribe("long/#")
        reader.leave()
        await writer.connect()
        for _ in range(3000):
            for stream in streams:
                stream.publish()
        await until("acknowledged", lambda: not writer.unacknowledged)
        for share in (500, 1500, 2500):
            await reader.connect()
            await until("some", lambda: len(reader.got["long/1"]) > share)
            broker.kill()
            await until("the end", lambda: not reader.connection)
            await asyncio.to_thread(broker.restart)
        await reader.connect()

        def missing():
            return {each.topic: sorted(set(range(1, each.last + 1)) - reader.numbers(each.topic)) for each in streams}

        await until(lambda: f"all; missing: {missing()}", lambda: not any(missing().values()))
        assert [complaint(reader, each) for each in streams] == [None, None]
        await until("handshakes are over", lambda: not reader.half_received)
        reader.leave()
        writer.leave()

    asyncio.run(run())
