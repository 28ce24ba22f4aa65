package import MQTTCodec

/// A PUBLISH where it lies, so that a payload of many megabytes is not copied to show 200 bytes of it.
package struct TracePublish: ~Escapable {
    let topic: RawSpan
    let payload: RawSpan
    let qos: QoS
    let isDuplicate: Bool
    let isRetained: Bool
    let packetIdentifier: UInt16
    let properties: Properties

    /// - Parameter packetIdentifier: 0 for QoS 0.
    @_lifetime(copy topic, copy payload)
    package init(
        topic: RawSpan, payload: RawSpan, qos: QoS, isDuplicate: Bool, isRetained: Bool,
        packetIdentifier: UInt16, properties: Properties
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.isDuplicate = isDuplicate
        self.isRetained = isRetained
        self.packetIdentifier = packetIdentifier
        self.properties = properties
    }
}
