"""A paho client whose callbacks become things to wait for."""

import queue
import socket
import threading

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from waiting import DEADLINE

PROTOCOLS = {3: paho.MQTTv31, 4: paho.MQTTv311, 5: paho.MQTTv5}
# Paho's reason code in on_disconnect when the connection just ended.
UNSPECIFIED = 0x80


def properties(packet, **values):
    """Paho's properties: `properties("PUBLISH", ContentType="text/plain")`."""
    made = Properties(getattr(PacketTypes, packet))
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Client:
    """Connects when made, unless `connects=False`, and waits for CONNACK.

    `code` is the reason code of CONNACK, `session_present` and `connack` its flag and properties.
    """

    def __init__(
        self, broker, version=5, client_id="", clean=True, connect_properties=None, listener="default",
        keep_alive=60, will=None, username=None, password=None, connects=True, protocol="mqtt",
        tls=None, **options
    ):
        self.version = version
        self.address = broker.address(listener, protocol)
        self.keep_alive = keep_alive
        self.connect_options = {"clean_start": clean, "properties": connect_properties} if version == 5 else {}
        if version != 5:
            options["clean_session"] = clean
        self.paho = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=PROTOCOLS[version],
            reconnect_on_failure=False, **options)
        if tls:
            self.paho.tls_set_context(tls)
            # The certificates are for this name.
            self.address = "localhost", self.address[1]
        if username is not None:
            self.paho.username_pw_set(username, password)
        if will:
            self.paho.will_set(**will)
        self.messages = queue.Queue()
        self.answers = {}
        self.changed = threading.Condition()
        self.code = None
        self.disconnect_code = None
        self.paho.on_connect = self._connected
        self.paho.on_disconnect = self._disconnected
        self.paho.on_message = lambda _, __, message: self.messages.put(message)
        self.paho.on_publish = lambda _, __, mid, code, ___: self._answered(mid, code)
        self.paho.on_subscribe = lambda _, __, mid, codes, ___: self._answered(mid, codes)
        self.paho.on_unsubscribe = lambda _, __, mid, codes, ___: self._answered(mid, codes)
        if connects:
            self.connect()

    def _connected(self, _, __, flags, code, connack):
        with self.changed:
            self.code, self.session_present, self.connack = code.value, flags.session_present, connack
            self.changed.notify_all()

    def _disconnected(self, _, __, ___, code, ____):
        with self.changed:
            self.disconnect_code = code.value
            self.changed.notify_all()

    def _answered(self, packet_identifier, answer):
        with self.changed:
            self.answers[packet_identifier] = answer
            self.changed.notify_all()

    def _wait(self, what, condition):
        with self.changed:
            assert self.changed.wait_for(condition, DEADLINE), f"{what} did not come"

    def _answer(self, packet_identifier):
        self._wait("the acknowledgement", lambda: packet_identifier in self.answers)
        return self.answers.pop(packet_identifier)

    def connect(self):
        self.paho.connect(*self.address, keepalive=self.keep_alive, **self.connect_options)
        self.paho.loop_start()
        self._wait("CONNACK", lambda: self.code is not None)

    def subscribe(self, topic_filter, qos=0, options=None, properties=None):
        """The reason codes of SUBACK."""
        if self.version == 5 and options is not None:
            _, packet_identifier = self.paho.subscribe(topic_filter, options=options, properties=properties)
        elif self.version == 5:
            _, packet_identifier = self.paho.subscribe(topic_filter, qos, properties=properties)
        else:
            _, packet_identifier = self.paho.subscribe(topic_filter, qos)
        return [code.value for code in self._answer(packet_identifier)]

    def unsubscribe(self, topic_filter):
        _, packet_identifier = self.paho.unsubscribe(topic_filter)
        return [code.value for code in self._answer(packet_identifier)]

    def publish(self, topic, payload=b"", qos=0, retain=False, properties=None):
        """Publishes and waits until the handshake of its QoS is complete. Its reason code."""
        return self.finish(self.send(topic, payload, qos, retain, properties))

    def send(self, topic, payload=b"", qos=0, retain=False, properties=None):
        """Publishes without waiting; `finish` takes what this gives."""
        return self.paho.publish(topic, payload, qos, retain, properties).mid

    def finish(self, packet_identifier):
        return self._answer(packet_identifier).value

    def receive(self, count=None):
        """The next message, or a list of the next `count`."""
        try:
            if count is None:
                return self.messages.get(timeout=DEADLINE)
            return [self.messages.get(timeout=DEADLINE) for _ in range(count)]
        except queue.Empty:
            raise AssertionError("a message did not come") from None

    def disconnect(self, **options):
        self.paho.disconnect(**options)
        self._wait("the end", lambda: self.disconnect_code is not None)
        self.paho.loop_stop()

    def wait_for_disconnect(self):
        """The reason code with which the connection ended."""
        self._wait("the end", lambda: self.disconnect_code is not None)
        return self.disconnect_code

    def cut(self):
        """Ends the connection without DISCONNECT."""
        end = self.paho.socket()
        # Over WebSocket paho wraps its socket.
        end = getattr(end, "_socket", end)
        if end is not None:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.paho.loop_stop()
