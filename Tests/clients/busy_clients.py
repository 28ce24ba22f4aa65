"""Clients of all kinds that keep every counter of the shipped queries moving, losses among them."""

import subprocess
import threading

from paho_client import Client, properties
from raw_client import RawClient
from waiting import DEADLINE

ROUND_PAUSE = 0.05


class BusyClients:
    """Traffic on a thread of its own until the end of the `with`; what went wrong is raised there."""

    def __init__(self, broker):
        self.broker, self.clients, self.error = broker, [], None
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join(DEADLINE)
        for each in self.clients:
            each.cut()
        if self.error:
            raise self.error

    def connect(self, **options):
        made = Client(self.broker, **options)
        self.clients.append(made)
        return made

    def run(self):
        try:
            self.begin()
            number = 0
            while not self.is_over.wait(ROUND_PAUSE):
                number += 1
                self.play(number)
        except Exception as error:  # noqa: BLE001 it is raised where the test is
            self.error = error

    def begin(self):
        self.publishers = [self.connect(version=version) for version in (3, 4, 5)]
        for version in (3, 4, 5):
            self.connect(version=version).subscribe("busy/#", 2)
        # Away, with messages that wait: some in memory, some lost.
        away = self.connect(version=4, client_id="away", clean=False)
        away.subscribe("busy/#", 1)
        away.subscribe("lost/#", 0)
        away.disconnect()

    def play(self, number):
        for publisher in self.publishers:
            for qos in (0, 1, 2):
                publisher.publish(f"busy/{number % 7}", b"x" * 50, qos, retain=number % 7 == 0)
            publisher.publish("nobody/here", b"x", 1)
            publisher.publish("lost/here", b"x")
        if number % 5 == 0:
            self.come_and_go(number)
            for check in ("live", "ready", "path"):
                assert self.broker.get(f"/health/{check}").status == 200

    def come_and_go(self, number):
        back = self.connect(version=4, client_id="away", clean=False)
        back.receive()
        back.disconnect()
        leaves = self.connect(
            version=5, client_id=f"leaves{number}", will={"topic": "busy/will", "payload": b"gone", "qos": 1},
            connect_properties=properties("CONNECT", SessionExpiryInterval=1))
        leaves.subscribe("busy/#", 1)
        leaves.unsubscribe("busy/#")
        leaves.cut()
        self.clients.remove(back)
        self.clients.remove(leaves)
        host, port = self.broker.address()
        mosquitto = ["mosquitto_pub", "-h", host, "-p", str(port), "-t", "busy/mosquitto", "-m", "x", "-q", "1"]
        subprocess.run(mosquitto, check=True, timeout=DEADLINE)
        with RawClient((host, port)) as broken:
            broken.send(b"\x10\xff\xff\xff\xff\xff")
