"""Fixtures: a broker of its own for every test, and paho clients that are gone after it."""

import pathlib

import pytest

from admin import Admin
from broker import Broker
from paho_client import Client


def pytest_addoption(parser):
    parser.addoption("--broker", required=True, help="the broker's program")


@pytest.fixture
def binary(request):
    return request.config.getoption("--broker")


@pytest.fixture
def start_broker(binary, tmp_path):
    """Starts brokers: `start_broker({"key": "value"})`. At the end each must account for all messages and exit 0."""
    brokers = []

    def start(settings=None, **options):
        folder = tmp_path / f"broker{len(brokers)}"
        folder.mkdir()
        broker = Broker(binary, pathlib.Path(folder), settings or {}, **options)
        brokers.append(broker)
        broker.wait_until_ready()
        return broker

    yield start
    try:
        for broker in brokers:
            broker.check_and_stop()
    finally:
        for broker in brokers:
            broker.kill()


@pytest.fixture
def broker(start_broker):
    """A broker with a listener that lets everybody in."""
    return start_broker()


@pytest.fixture
def admin(broker):
    """The socket of that broker: `admin("session show")`."""
    return Admin(broker)


@pytest.fixture
def client(start_broker):
    """Makes paho clients: `client(broker, version=5, client_id="a")`. Those still connected are cut at the end."""
    clients = []

    def make(broker, **options):
        made = Client(broker, **options)
        clients.append(made)
        return made

    yield make
    for made in clients:
        made.cut()


counts = {"passed": 0, "failed": 0}


def pytest_runtest_logreport(report):
    if report.failed:
        counts["failed"] += 1
    elif report.when == "call" and report.passed:
        counts["passed"] += 1


def pytest_unconfigure(config):
    print(f"{counts['passed']} passed, {counts['failed']} failed")
