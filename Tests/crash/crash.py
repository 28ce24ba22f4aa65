"""Kills and stops the broker at random moments under traffic, and holds what its clients saw against the standard."""

import argparse
import asyncio
import collections
import contextlib
import glob
import pathlib
import random
import signal
import socket
import sys
import tempfile
import time

sys.path.append(str(pathlib.Path(__file__).parent.parent / "clients"))

import checker
import mqtt
from broker import Broker
from peers import Mortal, Peer, Publisher, Subscriber
from waiting import wait_until

Start = collections.namedtuple("Start", "at jump")
Stop = collections.namedtuple("Stop", "at kind is_kill")
DAY = 86400
# Time that is passed over while the broker is down counts, and a clock that is set to and fro adds up.
LONG = 3650 * DAY
SETTINGS = {
    "max_offline_messages": -1, "max_online_messages": -1, "retain_expiry_sweep_interval": None,
    "persistent_client_expiration": "never", "max_inflight_messages": 20,
}


class World:
    """The broker, its clock, and all that its clients share."""

    def __init__(self, options, folder):
        self.random = random.Random(options.seed)
        self.options, self.folder = options, folder
        self.is_over = self.is_ending = False
        self.starts, self.stops, self.complaints = [], [], []
        self.offset = 0
        self.clock = folder / "clock"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.broker = None

    def complain(self, rule, text):
        self.complaints.append((rule, text))

    # The broker

    def start(self, offset=0):
        """`offset` in seconds: what its clock reads beside ours."""
        jump, self.offset = offset - self.offset, offset
        environment = {}
        if self.options.faketime:
            self.write_clock()
            environment = {
                "LD_PRELOAD": self.options.faketime, "FAKETIME_TIMESTAMP_FILE": str(self.clock),
                "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                # Else every wait for a condition ends at once while the clock is behind, and its thread spins.
                "FAKETIME_FORCE_MONOTONIC_FIX": "0"}
        if self.broker is None:
            # libfaketime moves the environment, and with it Swift no longer finds arguments: the default path serves.
            (self.folder / "etc").mkdir()
            (self.folder / "etc" / "vernemq.conf").symlink_to("../vernemq.conf")
            settings = {**SETTINGS, "listener.tcp.default": f"127.0.0.1:{self.port}"}
            settings = {key: value for key, value in settings.items() if value is not None}
            self.broker = Broker(
                self.options.broker, self.folder, settings, may_log_errors=True, environment=environment)
        else:
            self.broker.environment = environment
            self.broker.launch()
        self.starts.append(Start(time.monotonic(), jump))

    def write_clock(self):
        new = self.clock.with_suffix(".new")
        new.write_text(f"{self.offset:+d}")
        new.rename(self.clock)  # whoever reads it gets a whole one

    def set_clock(self, offset):
        """The clock is corrected while the broker runs."""
        self.offset = offset
        self.write_clock()

    async def end(self, kind):
        """`kill` or `term`; waits for the end."""
        self.stops.append(Stop(time.monotonic(), kind, kind == "kill"))
        self.broker.signal(signal.SIGKILL if kind == "kill" else signal.SIGTERM)
        await self.wait_for_exit(kind)

    async def wait_for_exit(self, kind):
        status = await asyncio.to_thread(self.broker.wait_for_exit, 30)
        if kind == "term" and status != 0:
            # A TERM before the broker listens for it ends it as the system does.
            if status != -signal.SIGTERM or time.monotonic() - self.starts[-1].at > 1:
                said = (self.folder / "stderr.log").read_text(errors="replace")[-3000:]
                self.complain("exit", f"status {status} after SIGTERM; it said: {said}")


def windows():
    """(version, Receive Maximum): what a subscriber may have under way. MQTT 3 takes the broker's setting, 20."""
    return [(5, 1), (5, 5), (5, None), (4, 20)]


class Play:
    def __init__(self, world):
        self.world = world
        self.publishers = [Publisher(world, f"publisher{each}", 4 + each % 2) for each in range(3)]
        self.retainer = Publisher(world, "retainer", 5, in_flight=4)
        self.subscribers = [
            Subscriber(world, f"subscriber-{patience}-{version}-{window or 'max'}", version, patience, window=window)
            for version, window in windows() for patience in ("prompt", "late", "hoard")]
        self.sleepers = [Subscriber(world, f"sleeper{each}", 4 + each % 2, "late") for each in range(2)]
        self.brief = [Peer(world, f"brief{each}", 5, expiry=2) for each in range(2)]
        self.cleaners = [Peer(world, f"cleaner{each}", 4 + each % 2, clean=True) for each in range(2)]
        self.watcher = Subscriber(world, "watcher", 5)
        self.mortals = [
            Mortal(world, f"mortal-{'clean' if clean else 'lasting'}-{version}-{delay}-{each}", version, delay, clean=clean)
            for clean, version, delay in [
                (False, 4, 0), (False, 5, 0), (False, 5, 1), (False, 5, 4), (True, 4, 0), (True, 5, 0)]
            for each in range(2)]

    @property
    def readers(self):
        return [*self.subscribers, *self.sleepers]

    async def begin(self):
        for reader in self.readers:
            await reader.come()
            await reader.subscribe("stream/#", "expiring/#")
        await self.watcher.come()
        await self.watcher.subscribe("will/#")
        for publisher in [*self.publishers, self.retainer]:
            await publisher.come()
        await asyncio.sleep(checker.UNCERTAIN)
        chance = self.world.random
        self.tasks = [
            *(publisher.live(self.publish) for publisher in self.publishers), self.retainer.live(self.retain),
            *(reader.live(chance.choice((0, 0.3))) for reader in self.subscribers),
            *(reader.live(3) for reader in self.sleepers), self.watcher.live(0),
            *(mortal.live() for mortal in self.mortals), *(self.come_and_go(each) for each in self.brief),
            *(self.come_and_go(each) for each in self.cleaners)]
        self.tasks = [asyncio.ensure_future(task) for task in self.tasks]

    def publish(self, publisher):
        """One message, if the publisher has not used up what readers in Python can take."""
        chance = self.world.random
        if sum(publisher.numbers.values()) >= self.allowance:
            return False
        qos = chance.randint(1, 2)
        if publisher.version == 5 and chance.random() < 0.2:
            expiry = chance.choice((1, 2, LONG))
            kind = "long" if expiry > DAY else "short"
            publisher.publish(f"expiring/{kind}/{publisher.name}/{qos}", qos, expiry=expiry)
        else:
            publisher.publish(f"stream/{publisher.name}/{qos}", qos, size=chance.choice((0, 10, 500)))
        return True

    def retain(self, publisher):
        if publisher.unacknowledged:
            return False
        chance = self.world.random
        if chance.random() < 0.5:
            publisher.publish(f"retained/{chance.randint(0, 2)}", chance.randint(1, 2), is_retained=True)
        else:
            expiry = chance.choice((1, LONG))
            publisher.publish(f"retained-expiring/{expiry}/{chance.randint(0, 2)}", 1, is_retained=True, expiry=expiry)
        return chance.random() < 0.5

    async def come_and_go(self, peer):
        chance = self.world.random
        while not self.world.is_ending:
            with contextlib.suppress(ConnectionError):
                await peer.come()
                await asyncio.sleep(chance.uniform(0, 0.3))
            peer.go(chance.choice(("abort", "disconnect")))
            await asyncio.sleep(chance.choice((0, 0.3, chance.uniform(5, 8))))

    allowance = 0

    async def rounds(self):
        world, chance = self.world, self.world.random
        for number in range(world.options.rounds):
            self.allowance += 30
            await self.sleep(chance.choice((chance.uniform(0, 0.1), chance.uniform(0.1, 1), chance.uniform(0.5, 2.5))))
            if world.offset and chance.random() < 0.5:
                world.set_clock(chance.choice((0, world.offset // 2)))
                await self.sleep(1.5)  # the broker looks at its clock once a second
            plan = chance.choice((["kill"], ["term"], ["kill"], ["term", "kill"], ["kill", "kill"], ["kill", "term"], ["term", "term"]))
            for position, kind in enumerate(plan):
                if position:
                    await self.sleep(chance.uniform(0, 0.05))
                await world.end(kind)
                offset = 0
                if world.options.faketime and chance.random() < 1 / 3:
                    offset = chance.choice((-2 * DAY, -3600, -3 * DAY, 2 * DAY))
                world.start(offset)
            print(f"{number + 1}: {', '.join(plan)}{f', clock {world.offset:+d} s' if world.offset else ''}", flush=True)

    async def sleep(self, seconds):
        """Sleeps, unless a client's task has failed meanwhile."""
        done, _ = await asyncio.wait(self.tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            if task.exception() is not None:
                raise task.exception()

    async def finish(self):
        world = self.world
        await self.sleep(6)  # wills that wait
        world.is_ending = True
        deadline = time.monotonic() + 40
        everybody = [*self.publishers, self.retainer]
        while time.monotonic() < deadline:
            await self.sleep(0.1)
            if any(publisher.unacknowledged for publisher in everybody) or not self.is_quiet():
                continue
            break
        await self.sleep(1)
        self.reader = Subscriber(world, "librarian", 5, clean=True)
        await self.reader.come()
        await self.reader.subscribe("retained/#", "retained-expiring/#")
        await self.sleep(1)
        self.end = time.monotonic()
        world.is_over = True
        await asyncio.gather(*self.tasks)

    def is_quiet(self):
        return all(not list(checker.check_nothing_lost(reader, self.publishers, "stream/")) for reader in self.readers)

    def check(self):
        world = self.world
        for reader in self.readers:
            yield from checker.FlightCheck(reader, self.publishers, world.stops).run()
            for prefix in ("stream/", "expiring/long/"):
                yield from checker.check_nothing_lost(reader, self.publishers, prefix)
            yield from checker.check_expiry(reader, self.publishers, "expiring/", world.starts)
        for peer in [*self.readers, self.watcher, *self.publishers, *self.brief, *self.cleaners, *self.mortals]:
            yield from checker.check_sessions(peer, world.stops, world.starts)
        told = collections.defaultdict(list)
        for event in self.watcher.events:
            if event.kind == "publish" and event.facts["is_new"]:
                generation, name = event.facts["message"].payload.split(" ")
                told[name].append((event.at, int(generation)))
        for mortal in self.mortals:
            yield from checker.check_wills(mortal, told[mortal.name], world.stops, world.starts, self.end)
        yield from self.check_retained()
        yield from checker.check_expiry(self.reader, [self.retainer], "retained-expiring/", world.starts)

    def check_retained(self):
        """The last acknowledged retained message of each topic is there."""
        got = {
            event.facts["message"].topic: checker.number(event.facts["message"]) for event in self.reader.events
            if event.kind == "publish"}
        last = collections.Counter()
        for topic, number in self.retainer.answered:
            last[topic] = max(last[topic], number)
        for topic, number in last.items():
            if topic.startswith("retained-expiring/1/"):
                continue
            if got.get(topic, 0) < number:
                yield "retained", f"{topic} is {got.get(topic)}, acknowledged was {number}"


async def run(world):
    world.start()
    play = Play(world)
    await play.begin()
    await play.rounds()
    await play.finish()
    for rule, text in play.check():
        world.complain(rule, text)
    reading = await asyncio.to_thread(lambda: wait_until("the ledger accounts for all", settled(world.broker)))
    if reading is None:
        world.complain("ledger", "residuals are not 0")
    for peer in [*play.readers, *play.publishers, play.retainer, play.watcher, play.reader]:
        peer.go("disconnect")
    await asyncio.sleep(0.5)
    await world.end("term")
    found = world.broker.store("check")
    if found.returncode != 0:
        world.complain("store", found.stdout + found.stderr)
    return play


def settled(broker):
    return lambda: not broker.metrics().residuals()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--no-clock", action="store_true", help="leave the broker's clock alone")
    parser.add_argument("--keep", action="store_true", help="keep the broker's folder")
    parser.add_argument("broker")
    options = parser.parse_args()
    options.broker = str(pathlib.Path(options.broker).resolve())
    found = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
    options.faketime = found[0] if found and not options.no_clock else None
    if not options.faketime and not options.no_clock:
        sys.exit("crash: libfaketime is missing: apt-get install faketime (or give --no-clock)")
    print(f"seed {options.seed}", flush=True)
    with contextlib.ExitStack() as stack:
        if options.keep:
            folder = tempfile.mkdtemp(prefix="crash-")
            print(f"kept in {folder}")
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="crash-"))
        world = World(options, pathlib.Path(folder))
        try:
            play = asyncio.run(run(world))
        finally:
            if world.broker:
                world.broker.kill()
    report(world, play)


def report(world, play):
    kinds = collections.Counter(stop.kind for stop in world.stops)
    messages = sum(len(publisher.answered) for publisher in play.publishers)
    wills = sum(event.kind == "publish" for event in play.watcher.events)
    returns = sum(event.kind == "connected" for reader in play.readers for event in reader.events)
    print(
        f"{kinds['kill']} kills, {kinds['term']} stops; {messages} messages to {len(play.readers)} sessions, which came "
        f"{returns} times; {wills} wills")
    rules = collections.Counter(rule for rule, _ in world.complaints)
    shown = collections.Counter()
    for rule, text in world.complaints:
        shown[rule] += 1
        if shown[rule] <= 5:
            print(f"{rule}: {text}")
    print("found: " + (", ".join(f"{rule} {count}" for rule, count in rules.items()) or "nothing"))
    sys.exit(1 if rules else 0)


if __name__ == "__main__":
    main()
