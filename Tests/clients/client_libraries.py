"""Several MQTT client libraries behind one face, so that one test can ask all of them the same.

Each client connects when made. `Properties` are what all of them can tell; None where one cannot.
"""

import asyncio
import concurrent.futures
import dataclasses
import queue
import threading

import aiomqtt
import awscrt.io
import awscrt.mqtt
import awscrt.mqtt5
import gmqtt

import paho_client
from waiting import DEADLINE


@dataclasses.dataclass
class Properties:
    user: list = dataclasses.field(default_factory=list)
    content_type: str | None = None
    response_topic: str | None = None
    correlation: bytes | None = None
    expiry: int | None = None


@dataclasses.dataclass
class Message:
    topic: str
    payload: bytes
    qos: int
    is_retained: bool | None
    properties: Properties


class Inbox:
    def __init__(self):
        self.messages = queue.Queue()

    def receive(self):
        try:
            return self.messages.get(timeout=DEADLINE)
        except queue.Empty:
            raise AssertionError("a message did not come") from None


class EventLoop:
    """An asyncio loop on a thread of its own, for the libraries that need one."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(DEADLINE)


event_loop = EventLoop()


# paho-mqtt


def to_paho(packet, properties):
    values = {
        "UserProperty": properties.user, "ContentType": properties.content_type,
        "ResponseTopic": properties.response_topic, "CorrelationData": properties.correlation,
        "MessageExpiryInterval": properties.expiry,
    }
    return paho_client.properties(packet, **{name: value for name, value in values.items() if value})


def from_paho(message):
    def get(name, default=None):
        return getattr(message.properties, name, default)

    return Message(
        str(message.topic), message.payload, message.qos, bool(message.retain), Properties(
            get("UserProperty", []), get("ContentType"), get("ResponseTopic"), get("CorrelationData"),
            get("MessageExpiryInterval")))


class Paho(Inbox):
    versions = (3, 4, 5)

    def __init__(self, broker, version, client_id, will=None):
        self.version = version
        will = will and {"topic": will.topic, "payload": will.payload, "qos": will.qos}
        if will and version == 5:
            will["properties"] = None
        self.client = paho_client.Client(broker, version, client_id, will=will)
        assert self.client.code == 0

    def subscribe(self, topic_filter, qos):
        assert self.client.subscribe(topic_filter, qos) == [qos]

    def publish(self, topic, payload, qos, is_retained=False, properties=None):
        properties = to_paho("PUBLISH", properties) if properties else None
        # 0x10: nobody subscribes.
        assert self.client.publish(topic, payload, qos, is_retained, properties) in (0, 0x10)

    def receive(self):
        return from_paho(self.client.receive())

    def disconnect(self):
        self.client.disconnect()

    def close(self):
        self.client.cut()


# aiomqtt


class Aiomqtt(Inbox):
    versions = (3, 4, 5)

    def __init__(self, broker, version, client_id, will=None):
        super().__init__()
        self.version = version
        host, port = broker.address()
        protocol = {
            3: aiomqtt.ProtocolVersion.V31, 4: aiomqtt.ProtocolVersion.V311, 5: aiomqtt.ProtocolVersion.V5}
        event_loop.run(self.open(
            hostname=host, port=port, identifier=client_id, protocol=protocol[version],
            will=will and aiomqtt.Will(will.topic, will.payload, will.qos)))

    async def open(self, **options):
        self.client = aiomqtt.Client(**options)
        await self.client.__aenter__()
        self.reading = asyncio.create_task(self.read())

    async def read(self):
        try:
            async for message in self.client.messages:
                self.messages.put(from_paho(message))
        except aiomqtt.MqttError:
            pass  # the end of the connection

    def subscribe(self, topic_filter, qos):
        codes = event_loop.run(self.client.subscribe(topic_filter, qos))
        assert [getattr(code, "value", code) for code in codes] == [qos]

    def publish(self, topic, payload, qos, is_retained=False, properties=None):
        properties = to_paho("PUBLISH", properties) if properties else None
        event_loop.run(self.client.publish(topic, payload, qos, is_retained, properties))

    def disconnect(self):
        event_loop.run(self.client.__aexit__(None, None, None))

    def close(self):
        async def end():
            self.reading.cancel()
            try:
                await self.client.__aexit__(None, None, None)
            except aiomqtt.MqttError:
                pass  # its connection was cut

        event_loop.run(end())


# gmqtt


class Gmqtt(Inbox):
    versions = (4, 5)

    def __init__(self, broker, version, client_id, will=None):
        super().__init__()
        self.version = version
        self.subscribed, self.ended = threading.Event(), threading.Event()
        event_loop.run(self.open(broker.address(), client_id, will))

    async def open(self, address, client_id, will):
        self.client = gmqtt.Client(
            client_id, will_message=will and gmqtt.Message(will.topic, will.payload, will.qos))
        self.client.set_config({"reconnect_retries": 0})
        self.client.on_message = self.took
        self.client.on_subscribe = self.granted
        self.client.on_disconnect = lambda *_, **__: self.ended.set()
        await self.client.connect(*address, version=self.version)

    def granted(self, _, __, codes, ___):
        self.codes = list(codes)
        self.subscribed.set()

    def took(self, _, topic, payload, qos, properties):
        def first(name):
            return next(iter(properties.get(name, [])), None)

        correlation = first("correlation_data")
        self.messages.put(Message(
            topic, bytes(payload), qos, bool(properties["retain"]), Properties(
                list(properties.get("user_property", [])), first("content_type"), first("response_topic"),
                correlation.encode() if isinstance(correlation, str) else correlation,
                first("message_expiry_interval"))))
        return 0

    def subscribe(self, topic_filter, qos):
        async def act():
            self.client.subscribe(topic_filter, qos)

        self.subscribed.clear()
        event_loop.run(act())
        assert self.subscribed.wait(DEADLINE), "SUBACK did not come"
        assert self.codes == [qos]

    def publish(self, topic, payload, qos, is_retained=False, properties=None):
        more = {}
        if properties:
            more = {
                "user_property": properties.user, "content_type": properties.content_type,
                "response_topic": properties.response_topic, "correlation_data": properties.correlation,
                "message_expiry_interval": properties.expiry,
            }

        async def act():
            self.client.publish(topic, payload, qos, is_retained, **more)

        event_loop.run(act())

    def disconnect(self):
        event_loop.run(self.client.disconnect())
        assert self.ended.wait(DEADLINE), "the end did not come"

    def close(self):
        if self.client.is_connected:
            event_loop.run(self.client.disconnect())


# awscrt


def bootstrap():
    group = awscrt.io.EventLoopGroup(1)
    return awscrt.io.ClientBootstrap(group, awscrt.io.DefaultHostResolver(group))


class AwsCrt(Inbox):
    """The 3.1.1 client of the library, which has another one for 5."""

    versions = (4,)

    def __init__(self, broker, version, client_id, will=None):
        super().__init__()
        host, port = broker.address()
        self.connection = awscrt.mqtt.Connection(
            awscrt.mqtt.Client(bootstrap()), host, port, client_id, reconnect_min_timeout_secs=60,
            will=will and awscrt.mqtt.Will(will.topic, awscrt.mqtt.QoS(will.qos), will.payload, False),
            disable_metrics=True)
        self.connection.on_message(self.took)
        self.connection.connect().result(DEADLINE)

    def took(self, topic, payload, dup, qos, retain, **_):
        self.messages.put(Message(topic, payload, int(qos), retain, Properties()))

    def subscribe(self, topic_filter, qos):
        answer, _ = self.connection.subscribe(topic_filter, awscrt.mqtt.QoS(qos))
        assert int(answer.result(DEADLINE)["qos"]) == qos

    def publish(self, topic, payload, qos, is_retained=False, properties=None):
        self.connection.publish(topic, payload, awscrt.mqtt.QoS(qos), is_retained)[0].result(DEADLINE)

    def disconnect(self):
        self.connection.disconnect().result(DEADLINE)

    def close(self):
        # Not waited for: of a connection that was cut the end comes with its next attempt only.
        self.connection.disconnect()


class AwsCrt5(Inbox):
    versions = (5,)

    def __init__(self, broker, version, client_id, will=None):
        super().__init__()
        host, port = broker.address()
        connected, self.stopped = concurrent.futures.Future(), concurrent.futures.Future()

        def failed(data):
            if not connected.done():
                connected.set_exception(data.exception)

        self.client = awscrt.mqtt5.Client(awscrt.mqtt5.ClientOptions(
            host_name=host, port=port, bootstrap=bootstrap(), min_reconnect_delay_ms=60000,
            max_reconnect_delay_ms=60000, disable_metrics=True,
            connect_options=awscrt.mqtt5.ConnectPacket(client_id=client_id, keep_alive_interval_sec=60, will=will
                and awscrt.mqtt5.PublishPacket(
                    topic=will.topic, payload=will.payload, qos=awscrt.mqtt5.QoS(will.qos))),
            on_publish_callback_fn=self.took,
            on_lifecycle_event_connection_success_fn=lambda data: connected.set_result(data),
            on_lifecycle_event_connection_failure_fn=failed,
            on_lifecycle_event_stopped_fn=lambda data: self.stopped.set_result(data)))
        self.client.start()
        connected.result(DEADLINE)

    def took(self, data):
        packet = data.publish_packet
        self.messages.put(Message(
            packet.topic, packet.payload, int(packet.qos), packet.retain, Properties(
                [(each.name, each.value) for each in packet.user_properties or []], packet.content_type,
                packet.response_topic, packet.correlation_data_bytes, packet.message_expiry_interval_sec)))

    def subscribe(self, topic_filter, qos):
        subscription = awscrt.mqtt5.Subscription(topic_filter=topic_filter, qos=awscrt.mqtt5.QoS(qos))
        answer = self.client.subscribe(awscrt.mqtt5.SubscribePacket(subscriptions=[subscription]))
        assert [int(code) for code in answer.result(DEADLINE).reason_codes] == [qos]

    def publish(self, topic, payload, qos, is_retained=False, properties=None):
        packet = awscrt.mqtt5.PublishPacket(
            topic=topic, payload=payload, qos=awscrt.mqtt5.QoS(qos), retain=is_retained)
        if properties:
            packet.user_properties = [awscrt.mqtt5.UserProperty(*each) for each in properties.user]
            packet.content_type, packet.response_topic = properties.content_type, properties.response_topic
            packet.correlation_data_bytes = packet.correlation_data = properties.correlation
            packet.message_expiry_interval_sec = properties.expiry
        self.client.publish(packet).result(DEADLINE)

    def disconnect(self):
        self.client.stop(awscrt.mqtt5.DisconnectPacket())
        self.stopped.result(DEADLINE)

    def close(self):
        if not self.stopped.done():
            self.disconnect()


# (name, class, version, highest QoS): awscrt does not speak QoS 2.
KINDS = [
    (f"{name}-v{version}", kind, version, qos)
    for name, kind, qos in [
        ("paho", Paho, 2), ("aiomqtt", Aiomqtt, 2), ("gmqtt", Gmqtt, 2), ("awscrt", AwsCrt, 1),
        ("awscrt", AwsCrt5, 1)]
    for version in kind.versions
]
