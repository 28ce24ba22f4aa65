"""mosquitto_sub and mosquitto_pub as processes."""

import subprocess

from waiting import DEADLINE, wait_until

VERSIONS = {"mqttv31": "4", "mqttv311": "4", "mqttv5": "5"}


def where(broker):
    host, port = broker.address()
    return ["-h", host, "-p", str(port)]


def publish(broker, *arguments, **options):
    """Runs mosquitto_pub to its end."""
    return subprocess.run(
        ["mosquitto_pub", *where(broker), *arguments], check=True, timeout=DEADLINE, capture_output=True, **options)


def subscribe(broker, *arguments):
    """Starts mosquitto_sub and waits until the broker knows its subscription.

    Made for one subscriber at a time: the next SUBACK that the broker sends is taken for its own.
    """
    before = broker.metrics()("mqtt_subscribe_received")
    process = subprocess.Popen(
        ["mosquitto_sub", *where(broker), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until("mosquitto_sub has subscribed", lambda: broker.metrics()("mqtt_subscribe_received") > before)
    return process


def output(process):
    """What mosquitto_sub printed, once it ended by itself (`-C count`)."""
    out, error = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, error
    return out
