"""Innocent clients beside an attack: `bystanders.py HOST PORT`. They ping and send messages to each other until standard
input ends, then tell the longest round trip in seconds, and how many of them were cut."""

import asyncio
import pathlib
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "crash"))

import mqtt

COUNT = 10


class Bystander:
    def __init__(self, number):
        self.name, self.worst, self.is_cut = f"bystander{number}", 0.0, False

    async def begin(self, host, port):
        loop = asyncio.get_running_loop()
        self.answer = loop.create_future()
        self.connection = mqtt.Connection(self.received, self.lost)
        await loop.create_connection(lambda: self.connection, host, port)
        self.connection.transport.write(mqtt.connect(self.name, 4, True, keep_alive=4))
        await self.answer
        await self.ask(mqtt.subscribe(1, [f"bystander/{self.name}"], 0, 4))

    def received(self, first, body):
        if not self.answer.done():
            self.answer.set_result(first)

    def lost(self, _):
        self.is_cut = True
        if not self.answer.done():
            self.answer.set_result(None)

    async def ask(self, packet):
        self.answer = asyncio.get_running_loop().create_future()
        self.since = time.monotonic()
        self.connection.transport.write(packet)
        await self.answer
        self.worst = max(self.worst, time.monotonic() - self.since)

    async def live(self):
        while not self.is_cut:
            await self.ask(bytes([mqtt.PINGREQ << 4, 0]))
            await asyncio.sleep(0.02)
            if not self.is_cut:
                await self.ask(mqtt.publish(f"bystander/{self.name}", b"", 0, 0, 4))
            await asyncio.sleep(0.02)

    def wait(self):
        """The longest round trip, the one under way included."""
        return max(self.worst, 0 if self.answer.done() else time.monotonic() - self.since)


async def main(host, port):
    all_of_them = [Bystander(number) for number in range(COUNT)]
    for each in all_of_them:
        await each.begin(host, port)
    lives = [asyncio.ensure_future(each.live()) for each in all_of_them]
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(max(each.wait() for each in all_of_them), sum(each.is_cut for each in all_of_them))
    for life in lives:
        life.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
