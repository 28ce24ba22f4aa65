package import MQTTCodec
package import Primitives

/// The will of a client, as it was authorised at CONNECT.
package struct WillMessage: Sendable {
    package var qos: QoS
    package var isRetained: Bool
    package var topic: UTF8Text
    package var payload: [UInt8]
    /// The encoded properties that subscribers get, without Will Delay Interval and Message Expiry Interval.
    package var properties: [UInt8]
    package var messageExpiryInterval: UInt32?
    /// Seconds; already capped by `max_last_will_delay`.
    package var delayInterval: UInt32
    /// The client's mountpoint, or the one a hook has put in its place.
    package var mountpoint: Mountpoint

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
