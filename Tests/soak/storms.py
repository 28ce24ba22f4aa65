"""The storms: what happens to thousands of clients at once, and what one client can ask of a million messages."""

import pathlib
import subprocess
import sys
import threading
import time

import wire
from raw_client import RawClient
from waiting import wait_until

PATIENCE = 120


class Storms:
    def __init__(self, broker, report, clients, retained):
        self.broker, self.report, self.clients, self.retained = broker, report, clients, retained

    def run(self):
        for kind in ("clean", "persistent"):
            self.vanish(kind, self.clients)
        self.wills("wills", self.clients)
        # Each of these gets the wills of all that are still there: a quarter of a million copies for 700.
        self.wills("listening-wills", min(self.clients, 700))
        self.all_retained()

    # Crowds

    def crowd(self, kind, count):
        host, port = self.broker.address()
        here = pathlib.Path(__file__).parent
        process = subprocess.Popen(
            [sys.executable, here / "crowd.py", host, str(port), str(count), kind], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        if process.stdout.readline() != b"ready\n":
            raise AssertionError(f"the crowd of {count} {kind} clients did not come together")
        return process

    def vanish(self, kind, count):
        with self.report.storm(f"{count} {kind} clients come"):
            process = self.crowd(kind, count)
        with self.report.storm(f"{count} {kind} clients vanish at once"):
            process.kill()
            process.wait()
            self.wait_for("active_mqtt_connections", 0)
            self.wait_for("loop_connections", 0)
        with self.report.storm(f"{count} {kind} sessions end"):
            self.wait_for("sessions", 0)
            self.wait_for("router_subscriptions", 0)

    def wills(self, kind, count):
        with Reader(self.broker.address(), "wills/#", 1) as reader:
            process = self.crowd(kind, count)
            with self.report.storm(f"{count} clients with {kind} vanish at once"):
                process.kill()
                process.wait()
                reader.wait_for(count)
            self.report.check(
                len(reader.topics) == count, f"{len(reader.topics)} of {count} wills of the storm came")
            self.wait_for("loop_connections", 1)
        self.wait_for("sessions", 0)

    # Retained

    def all_retained(self):
        host = self.broker.address()
        with RawClient(host) as publisher, self.report.storm(f"{self.retained} messages are retained"):
            publisher.open_session("librarian")
            self.publish_retained(publisher, b"x" * 16)
            self.wait_for("retain_messages", self.retained)
        for qos in (0, 1):
            with self.report.storm(f"# at QoS {qos} over {self.retained} retained messages"):
                with Reader(host, "#", qos) as reader:
                    reader.wait_for(self.retained)
            self.report.check(
                len(reader.topics) == reader.count == self.retained,
                f"{len(reader.topics)} of {self.retained} retained messages came at QoS {qos}")
        with RawClient(host) as publisher, self.report.storm(f"{self.retained} retained messages are deleted"):
            publisher.open_session("librarian")
            self.publish_retained(publisher, b"")
            self.wait_for("retain_messages", 0)

    def publish_retained(self, publisher, payload):
        for start in range(0, self.retained, 1000):
            publisher.send(b"".join(
                wire.publish(f"building/{each // 1000}/sensor/{each % 1000}", payload, retain=True)
                for each in range(start, min(start + 1000, self.retained))))

    def wait_for(self, gauge, value):
        wait_until(f"{gauge} is {value}", lambda: self.broker.metrics()(gauge) == value, PATIENCE)


class Reader:
    """Subscribes, acknowledges, and keeps the topics of what came."""

    def __init__(self, address, topic_filter, qos):
        self.raw = RawClient(address)
        self.raw.socket.settimeout(None)
        self.topics, self.count = set(), 0
        self.raw.open_session(f"reader{qos}")
        self.raw.send(wire.subscribe([topic_filter], qos, 1, 4))
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        buffer = bytearray()
        while True:
            try:
                data = self.raw.socket.recv(262144)
            except OSError:
                return
            if not data:
                return
            buffer += data
            answers = bytearray()
            for first, body in wire.packets(buffer):
                if first >> 4 != wire.PUBLISH:
                    continue
                topic, qos, identifier, _ = wire.read_publish(first, body, 4)
                self.topics.add(topic)
                self.count += 1
                if qos:
                    answers += wire.acknowledgement(wire.PUBACK, identifier)
            if answers:
                self.raw.socket.sendall(answers)

    def wait_for(self, count):
        wait_until(f"{count} messages come (have {self.count})", lambda: self.count >= count, PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.socket.shutdown(2)
        self.thread.join()
        self.raw.close()
