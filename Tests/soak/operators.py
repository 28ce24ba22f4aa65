"""Measures what an operator costs other clients: a trace of a client that floods, and session show of many sessions while
messages flow. Rounds with and without the command are interleaved. script/operators runs it."""

import argparse
import multiprocessing
import pathlib
import resource
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "clients"))

import wire
from broker import Broker
from waiting import wait_until

SETTINGS = {
    "listener.max_connections": "infinity", "max_online_messages": 100000, "max_offline_messages": 1000,
}


def arguments():
    parser = argparse.ArgumentParser(prog="script/operators", description=__doc__)
    parser.add_argument("broker", help="the broker's program; vmq-admin lies beside it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="of each round, with and without")
    parser.add_argument("--flood", type=int, default=200000, help="messages a second of the traced client (200000)")
    parser.add_argument("--rate", type=int, default=20000, help="messages a second while sessions are shown (20000)")
    parser.add_argument("--online", type=int, default=15000)
    parser.add_argument("--offline", type=int, default=100000)
    return parser.parse_args()


def session(address, client_id, clean=True):
    """A connection that is a client."""
    one = socket.create_connection(address, timeout=60)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.sendall(wire.connect(client_id, clean=clean))
    assert one.recv(4)[:2] == b"\x20\x02"
    return one


def flood(address, rate, client_id):
    """Publishes to a subscriber that reads all, in bursts 100 times a second."""
    reader, writer = session(address, client_id + "-reader"), session(address, client_id)
    reader.sendall(wire.subscribe(["flood/" + client_id], 0, 1, 4))
    reader.recv(5)
    reader.setblocking(False)
    burst = wire.publish("flood/" + client_id, b"x" * 16) * max(1, rate // 100)
    writer.setblocking(False)
    pending, next_burst = b"", time.monotonic()
    while True:
        if time.monotonic() >= next_burst and len(pending) < 4 * len(burst):
            pending += burst
            next_burst += 0.01
        try:
            pending = pending[writer.send(pending):] if pending else pending
        except BlockingIOError:
            pass
        try:
            while reader.recv(1 << 20):
                pass
        except BlockingIOError:
            time.sleep(0.001)


def latencies(pair, seconds):
    """Seconds from each publish to its arrival, 500 a second, one after the other."""
    publisher, subscriber = pair
    found, end = [], time.monotonic() + seconds
    packet = wire.publish("probe", b"p" * 16)
    while (begin := time.monotonic()) < end:
        publisher.sendall(packet)
        missing = len(packet)
        while missing:
            missing -= len(subscriber.recv(missing))
        now = time.monotonic()
        found.append(now - begin)
        time.sleep(max(0, 0.002 - (now - begin)))
    return sorted(found)


def percentile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))] * 1e6


class Report:
    """p50 and p99 of each round, and the medians of each kind."""

    def __init__(self, title, kinds=("without", "with")):
        self.rows = {kind: [] for kind in kinds}
        print(f"\n{title}", flush=True)

    def add(self, kind, values, note=""):
        row = percentile(values, 0.5), percentile(values, 0.99)
        self.rows[kind].append(row)
        print(f"  {kind:8} p50 {row[0]:8.0f} us   p99 {row[1]:8.0f} us   {note}", flush=True)

    def finish(self):
        for kind, rows in self.rows.items():
            middle = [sorted(row[index] for row in rows)[len(rows) // 2] for index in (0, 1)]
            print(f"  median {kind:8} p50 {middle[0]:8.0f} us   p99 {middle[1]:8.0f} us", flush=True)


def probe(broker):
    pair = session(broker.address(), "probe-publisher"), session(broker.address(), "probe-subscriber")
    pair[1].sendall(wire.subscribe(["probe"], 0, 1, 4))
    pair[1].recv(5)
    return pair


def published(broker):
    return broker.metrics()("mqtt_publish_received")


def trace_of_a_flood(broker, admin, options):
    pair = probe(broker)
    load = multiprocessing.Process(target=flood, args=(broker.address(), options.flood, "flooder"), daemon=True)
    load.start()
    wait_until("the flood has begun", lambda: published(broker) > options.flood / 10)
    report = Report(f"trace client of both ends of a flood of {options.flood} messages a second")
    for _ in range(options.rounds):
        begin, count = time.monotonic(), published(broker)
        values = latencies(pair, options.seconds)
        rate = (published(broker) - count) / (time.monotonic() - begin)
        report.add("without", values, f"{rate:.0f} messages/s")
        before = broker.resident_bytes()
        traces = [
            subprocess.Popen([*admin, "trace", "client", f"client-id={name}"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
            for name in ["flooder", "flooder-reader"]]
        readers = [subprocess.Popen(["wc", "-c"], stdin=trace.stdout, stdout=subprocess.PIPE) for trace in traces]
        values = latencies(pair, options.seconds)
        growth = broker.resident_bytes() - before
        for trace in traces:
            trace.stdout.close()
            trace.terminate()
            trace.wait()
        shown = sum(int(reader.communicate()[0]) for reader in readers)
        report.add("with", values, f"memory {growth / 1e6:+.1f} MB, {shown / 1e3:.0f} kB of lines")
    report.finish()
    load.terminate()
    load.join()


def many_sessions(broker, options):
    """15,000 sockets that stay, and sessions whose clients have gone."""
    stay = []
    for number in range(options.online):
        stay.append(session(broker.address(), f"online-{number}"))
    for start in range(0, options.offline, 500):
        batch = []
        for number in range(start, min(start + 500, options.offline)):
            one = socket.create_connection(broker.address(), timeout=60)
            one.sendall(wire.connect(f"offline-{number}", clean=False) + wire.disconnect(4))
            batch.append(one)
        for one in batch:
            while one.recv(64):
                pass
            one.close()
    return stay


def shows_of_many_sessions(broker, admin, options):
    stay = many_sessions(broker, options)
    pair = probe(broker)
    load = multiprocessing.Process(target=flood, args=(broker.address(), options.rate, "steady"), daemon=True)
    load.start()
    time.sleep(1)
    report = Report(
        f"session show of {options.online} clients online and {options.offline} offline, at {options.rate} messages a second",
        kinds=("without", "beside", "with"))
    for _ in range(options.rounds):
        report.add("without", latencies(pair, options.seconds))
        # What a core costs that another program takes, four times for as long as the command does.
        other = subprocess.Popen(
            ["sh", "-c", 'for i in 1 2 3 4; do "$0" -c "import time; e=time.process_time()+0.4\nwhile time.process_time()<e: pass";'
             " sleep 0.5; done", sys.executable])
        report.add("beside", latencies(pair, options.seconds), "another program computes")
        other.wait()
        before = broker.resident_bytes()
        shows = subprocess.Popen(
            ["sh", "-c", 'for i in 1 2 3 4; do "$@" | wc -l; sleep 0.5; done', "sh", *admin, "session", "show", "--limit=1000000",
             "--format=csv"], stdout=subprocess.PIPE, text=True)
        values = latencies(pair, options.seconds)
        growth = broker.resident_bytes() - before
        lines = shows.communicate()[0].split()
        report.add("with", values, f"memory {growth / 1e6:+.1f} MB, rows {' '.join(lines)}")
        assert all(int(count) > options.online + options.offline for count in lines)
    report.finish()
    load.terminate()
    load.join()
    for one in stay:
        one.close()


def main():
    options = arguments()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(pathlib.Path(options.broker).resolve(), pathlib.Path(folder), SETTINGS)
        program = pathlib.Path(options.broker).resolve().with_name("vmq-admin")
        admin = [str(program), f"--socket={folder}/data/admin.sock"]
        try:
            broker.wait_until_ready()
            trace_of_a_flood(broker, admin, options)
            shows_of_many_sessions(broker, admin, options)
        finally:
            broker.kill()


if __name__ == "__main__":
    main()
