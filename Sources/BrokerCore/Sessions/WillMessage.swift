package import MQTTCodec
package import Primitives

/// The will of a client, as it was authorised at CONNECT.
package struct WillMessage: Sendable {
    /// The QoS that it is published with.
    package var qos: QoS
    /// Whether it is published with RETAIN.
    package var isRetained: Bool
    /// The topic that it is published to.
    package var topic: UTF8Text
    /// The payload; may be empty.
    package var payload: [UInt8]
    /// The encoded properties that subscribers get, without Will Delay Interval and Message Expiry Interval.
    package var properties: [UInt8]
    /// Seconds, from the moment when it is published; nil = it does not expire.
    package var messageExpiryInterval: UInt32?
    /// Seconds; already capped by `max_last_will_delay`.
    package var delayInterval: UInt32
    /// The client's mountpoint, or the one a hook has put in its place.
    package var mountpoint: Mountpoint

    /// A will of these parts.
    package init(
        qos: QoS, isRetained: Bool, topic: UTF8Text, payload: [UInt8], properties: [UInt8],
        messageExpiryInterval: UInt32?, delayInterval: UInt32, mountpoint: Mountpoint
    ) {
        self.qos = qos
        self.isRetained = isRetained
        self.topic = topic
        self.payload = payload
        self.properties = properties
        self.messageExpiryInterval = messageExpiryInterval
        self.delayInterval = delayInterval
        self.mountpoint = mountpoint
    }

    /// Bytes of memory, about.
    var byteCount: Int { 128 + topic.bytes.count + payload.count + properties.count }
}
