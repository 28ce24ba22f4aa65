"""The first part of the soak: random clients for some minutes, and whether the books agree at the end."""

import asyncio
import time

from books import Books, TeamReader
from clients import World, bookkeeper, keeper, publisher, wanderer


def run(broker, minutes, clients, rate, seed, report):
    return asyncio.run(Traffic(broker, minutes, clients, rate, seed, report).run())


class Traffic:
    def __init__(self, broker, minutes, clients, rate, seed, report):
        self.broker, self.minutes, self.clients, self.report = broker, minutes, clients, report
        self.books = Books()
        self.world = World(broker.address(), self.books, rate, seed)

    async def run(self):
        world, books, chance = self.world, self.books, self.world.random
        world.ready = asyncio.Semaphore(0)
        publisher_count = max(3, self.clients // 5)
        everybody = range(publisher_count)
        keepers = []
        for number in range(max(4, self.clients // 5)):
            streams = everybody if number % 12 == 0 else sorted(chance.sample(everybody, 3))
            filters = ["soak/#"] if streams is everybody else [f"soak/{each}/+" for each in streams]
            reader = books.reader(f"keeper{number}", streams)
            keepers.append(keeper(world, reader.name, 4 + number % 2, filters, bookkeeper(reader)))
        stays = TeamReader(books, "team of stayers", everybody, sessions_end=False)
        keepers += [
            keeper(world, f"stayer{number}", 4 + number % 2, ["$share/stay/soak/#"], bookkeeper(stays))
            for number in range(4)
        ]
        passing = TeamReader(books, "team of passers-by", everybody, sessions_end=True)
        keepers.append(keeper(world, "anchor", 5, ["$share/passing/soak/#"], bookkeeper(passing)))
        wills = set()
        keepers.append(keeper(
            world, "undertaker", 4, ["wills/#"], lambda topic, payload, *_: wills.add((topic, payload))))
        keepers = [asyncio.create_task(each) for each in keepers]
        for _ in keepers:
            await world.ready.acquire()
        publishers = [asyncio.create_task(publisher(world, each, publisher_count)) for each in everybody]
        wanderers = [
            asyncio.create_task(wanderer(world, each, publisher_count, passing))
            for each in range(max(2, self.clients - publisher_count - len(keepers)))
        ]
        tasks = keepers + publishers + wanderers
        await self.watch(tasks)
        # Publishers first, so that what they still send finds its subscribers.
        world.is_publishing = False
        leaving = await self.finish(publishers)
        world.is_running = False
        await self.finish(wanderers)
        leaving += await self.finish(keepers)
        await self.settle()
        books.close()
        books.check(
            len(wills) == world.wills_expected, "wills",
            f"{len(wills)} came, {world.wills_expected} were due")
        books.counts["wills"] = len(wills)
        # A copy for a member of a team on another loop, whose session ended while it crossed, goes to nobody else.
        gone = (await asyncio.to_thread(self.broker.metrics))("message_drops_total", reason="subscriber_gone")
        lost = books.counts["lost with their session"]
        books.check(
            lost <= gone, "lost", f"{lost} copies of sessions that ended went to no other member, {gone} counted")
        books.counts["subscriber gone"] = int(gone)
        for client in leaving:
            await self.end_session(client)
        return books

    async def finish(self, tasks):
        try:
            async with asyncio.timeout(60):
                return await asyncio.gather(*tasks)
        except TimeoutError:
            self.books.note("clients did not finish", f"{sum(not task.done() for task in tasks)} of {len(tasks)}")
            return []

    async def watch(self, tasks):
        """One line a minute; ends early when a client failed."""
        start, before = time.monotonic(), dict(self.books.counts)
        for second in range(int(self.minutes * 60)):
            await asyncio.sleep(max(0, start + second + 1 - time.monotonic()))
            for task in tasks:
                if task.done() and task.exception():
                    raise task.exception()
            if (second + 1) % 60 == 0 or second + 1 == int(self.minutes * 60):
                metrics = await asyncio.to_thread(self.broker.metrics)
                self.report.minute((second + 1) / 60, self.books, before, metrics, self.broker)
                before = dict(self.books.counts)

    async def settle(self):
        """Until nothing waits in the broker any more."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            metrics = await asyncio.to_thread(self.broker.metrics)
            waiting = metrics("queued_messages") + metrics("inflight_messages") + metrics("output_buffer_bytes")
            if waiting == 0:
                # What the kernel still holds.
                await asyncio.sleep(0.5)
                return
            await asyncio.sleep(0.2)
        self.books.note("deliveries did not end", f"{waiting}")

    async def end_session(self, client):
        """Leaves nothing behind: MQTT 5 says so in DISCONNECT, MQTT 3 comes once more with a clean session."""
        if client.version == 5 and not client.clean:
            return await client.leave(expiry=0)
        await client.leave()
        client.clean = True
        await client.connect()
        await client.leave()
