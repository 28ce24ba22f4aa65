"""The metrics below $SYS, as clients see them."""

import re

import pytest

from admin import Admin
from waiting import DEADLINE, wait_until

ON = {"systree_enabled": "on", "systree_interval": "1000"}
NODE = "VerneMQ@127.0.0.1"


class Tree:
    """What a client knows of the tree."""

    def __init__(self, one):
        self.one, self.values, self.messages = one, {}, []

    def wait_for(self, name, condition=lambda _: True):
        def found():
            while not self.one.messages.empty():
                message = self.one.messages.get()
                self.values[message.topic] = message.payload.decode()
                self.messages.append(message)
            value = self.values.get(f"$SYS/{NODE}/{name}")
            return value is not None and condition(value)

        wait_until(f"{name} came", found)
        return self.values[f"$SYS/{NODE}/{name}"]


@pytest.fixture
def tree(start_broker, client):
    def make(settings=None, **options):
        broker = start_broker({**ON, **(settings or {})})
        one = client(broker, **options)
        one.subscribe("$SYS/#", 1)
        return broker, Tree(one)

    return make


def test_the_tree_says_what_metrics_show_says(tree):
    broker, sys = tree()
    sys.wait_for("mqtt/connect/received", lambda value: value == "1")
    sys.wait_for("sessions", lambda value: value == "1")
    sys.wait_for("queue/processes", lambda value: value == "1")
    lines = re.findall(r"(?m)^\w+\.(\S+) = (\S+)$", Admin(broker)("metrics show").text)
    shown = dict(lines)
    assert len(shown) == len(lines), "each name once, with the sum over all labels"
    # All but histograms, whose parts are not named alike.
    for name in shown:
        if "bucket" not in name:
            sys.wait_for(name.replace("_", "/"))
    for name in ["mqtt_connect_received", "socket_open", "mqtt_subscribe_received", "build_info", "router_subscriptions"]:
        assert sys.values[f"$SYS/{NODE}/{name.replace('_', '/')}"] == shown[name], name
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in sys.values.values())
    assert not any(message.retain for message in sys.messages)


def test_it_is_the_brokers_own_and_balances(tree, client):
    broker, sys = tree({"systree_qos": "1"})
    everything = client(broker)
    everything.subscribe("#", 1)
    sys.wait_for("ledger/messages/total", lambda value: int(value) > 500)
    metrics = broker.metrics()
    assert metrics("ledger_messages_total", origin="broker") > 500
    assert metrics("ledger_copies_total", origin="broker") > 500
    assert metrics("ledger_messages_total", origin="client") == metrics("ledger_received_total") == 0
    assert metrics("ledger_unrouted_total", retain="no") == 0
    assert everything.messages.empty(), "a wildcard at the first level does not match it"
    # The fixture looks that the residuals are 0.


def test_retained_with_a_mountpoint(start_broker, client):
    broker = start_broker({
        **ON, "systree_retain": "on", "systree_mountpoint": "ops", "listener.tcp.ops": "127.0.0.1:0",
        "listener.tcp.ops.mountpoint": "ops",
    })
    wait_until("it is retained", lambda: broker.metrics()("retain_messages") > 300)
    elsewhere = client(broker)
    elsewhere.subscribe("$SYS/#")
    sys = Tree(client(broker, listener="ops"))
    sys.one.subscribe("$SYS/#")
    sys.wait_for("socket/open")
    assert any(message.retain for message in sys.messages)
    assert elsewhere.messages.empty()


def test_switched_off_and_on_at_run_time(tree):
    broker, sys = tree({"systree_enabled": "off"})
    admin = Admin(broker)
    admin("set", "systree_enabled=on")
    sys.wait_for("socket/open")
    admin("set", "systree_interval=0")
    published = lambda: broker.metrics()("ledger_messages_total", origin="broker")
    wait_until("no more come", lambda: published() == published())
    before = published()
    admin("set", "systree_interval=1000")
    wait_until("they come again", lambda: published() > before)


def test_it_is_on_as_in_verne_mq(binary):
    import subprocess
    text = subprocess.run(
        [binary, "config", "describe", "systree_enabled"], capture_output=True, text=True, timeout=DEADLINE).stdout
    assert "on" in text and "not implemented" not in text
