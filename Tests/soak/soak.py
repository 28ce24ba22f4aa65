"""Loads a broker for minutes with clients that come, go, fail and return, keeps its own books of every message, and
storms it at the end. script/soak runs it."""

import argparse
import os
import pathlib
import resource
import signal
import sys
import tempfile

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "clients"))

import traffic
from broker import Broker
from report import Report
from storms import Storms
from waiting import wait_until

SETTINGS = {
    "listener.max_connections": "infinity",
    "max_online_messages": 1000000,
    "max_offline_messages": 1000000,
}
EMPTY_GAUGES = [
    "sessions", "active_mqtt_connections", "loop_connections", "router_subscriptions", "queued_messages",
    "queued_bytes", "inflight_messages", "output_buffer_bytes", "loop_mailbox_depth",
]
# Bytes the broker may have grown between the second minute and the end of the traffic.
GROWTH = 64 << 20


def arguments():
    parser = argparse.ArgumentParser(prog="script/soak", description=__doc__)
    parser.add_argument("broker", help="the broker's program")
    parser.add_argument("--minutes", type=float, default=10, help="of random traffic (10); 0 = storms only")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rate", type=int, default=600, help="messages published each second (600)")
    parser.add_argument("--storm-clients", type=int, default=15000, help="0 = no storms")
    parser.add_argument("--retained", type=int, default=1000000)
    parser.add_argument("--seed", type=int, default=4711)
    return parser.parse_args()


def start_broker(program, folder):
    """A broker that runs whenever it wants to, as far as we may say so: a turn's length is to be the broker's own work,
    not its wait for a processor. Being nicer is not enough: who has waited long gets 4 to 8 ms all the same."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError as error:
        print(f"no real-time priority for the broker ({error.strerror}): its turns hold waits for a processor", flush=True)
    broker = Broker(program, folder, SETTINGS)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.nice(5)
    return broker


def check_empty(broker, report, patience=60):
    """Everybody has left and every session has ended: nothing may be left of them."""
    for gauge in EMPTY_GAUGES:
        try:
            wait_until(gauge, lambda: broker.metrics()(gauge) == 0, patience)
        except AssertionError:
            report.check(False, f"{gauge} is {broker.metrics()(gauge):.0f} after everybody left")
    report.check(not broker.metrics().residuals(), f"ledger residuals {broker.metrics().residuals()}")


def main():
    options = arguments()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that the broker ends with us
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        broker = start_broker(os.path.abspath(options.broker), pathlib.Path(folder))
        try:
            broker.wait_until_ready()
            return soak(broker, options)
        finally:
            broker.kill()


def soak(broker, options):
    report = Report(broker)
    if options.minutes:
        books = traffic.run(broker, options.minutes, options.clients, options.rate, options.seed, report)
        report.books(books)
        check_empty(broker, report)
        if len(report.resident) > 2:
            growth = report.resident[-1] - report.resident[1]
            report.check(growth < GROWTH, f"resident memory grew by {growth >> 20} MiB")
    if options.storm_clients:
        Storms(broker, report, options.storm_clients, options.retained).run()
        check_empty(broker, report)
    try:
        broker.check_and_stop()
    except AssertionError as error:
        report.check(False, f"the broker's end: {error}")
    return report.verdict()


if __name__ == "__main__":
    sys.exit(main())
