import MQTTCodec
import Primitives
import TestSupport

/// Holds `PublishHeader` against the packet that owns its bytes, and `PublishEncoder` against both.
func checkPublish(_ packet: PublishPacket, _ header: FixedHeader, _ body: RawSpan, _ choice: ConnectionChoice)
{
    guard
        let inPlace = try? PublishHeader.decode(
            flags: header.flags, body: body, version: choice.version, from: choice.sender)
    else { broken("PublishHeader accepts \(packet)") }
    checkFields(inPlace, packet, body)

    var forwarded = packet.properties
    forwarded.topicAlias = nil
    forwarded.messageExpiryInterval = nil
    forwarded.subscriptionIdentifiers = []
    require(
        inPlace.propertiesAreForwardable == (forwarded == packet.properties),
        "the properties of \(packet) are forwardable as they are, or not")
    let bytes = inPlace.forwardedProperties(in: body)
    require(
        (try? Properties.decodePublish(bytes.span.bytes)) == forwarded,
        "\(packet) is forwarded with its properties")
    let encoded = packet.properties.forwardedBytes()
    require((try? Properties.decodePublish(encoded.span.bytes)) == forwarded, "forwardedBytes of \(packet)")

    checkEncoder(packet, properties: bytes, choice.version)
}

private func checkFields(_ inPlace: PublishHeader, _ packet: PublishPacket, _ body: RawSpan) {
    let properties = packet.properties
    require(inPlace.qos == packet.qos, "the QoS of \(packet)")
    require(inPlace.isDuplicate == packet.isDuplicate, "DUP of \(packet)")
    require(inPlace.isRetained == packet.isRetained, "RETAIN of \(packet)")
    require(
        inPlace.packetIdentifier == packet.packetIdentifier?.rawValue ?? 0,
        "the packet identifier of \(packet)")
    require(inPlace.topic.bytes(in: body).copied() == packet.topic.bytes, "the topic of \(packet)")
    let levels = packet.topic.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    require(inPlace.topicLevelCount == (packet.topic.isEmpty ? 0 : levels.count), "the levels of \(packet)")
    require(inPlace.payload.bytes(in: body).copied() == packet.payload, "the payload of \(packet)")
    require(inPlace.topicAlias == properties.topicAlias ?? 0, "the alias of \(packet)")
    require(inPlace.messageExpiryInterval == properties.messageExpiryInterval, "the expiry of \(packet)")
    require(
        inPlace.payloadFormatIsUTF8 == (properties.payloadFormatIndicator == 1),
        "the payload format of \(packet)")
    require(
        ByteRange.isUTF8(packet.payload.span.bytes)
            == (String(validating: packet.payload, as: UTF8.self) != nil),
        "whether the payload of \(packet) is UTF-8")
    require(!packet.topic.isEmpty || inPlace.topicAlias != 0, "a topic or an alias in \(packet)")
}

/// A subscriber gets what was published.
private func checkEncoder(_ packet: PublishPacket, properties: [UInt8], _ version: ProtocolVersion) {
    var encoder = PublishEncoder(
        topic: packet.topic.bytes.span.bytes, properties: properties.span.bytes,
        payload: packet.payload.span.bytes,
        version: version)
    encoder.qos = packet.qos
    encoder.isDuplicate = packet.isDuplicate
    encoder.isRetained = packet.isRetained
    encoder.packetIdentifier = packet.packetIdentifier?.rawValue ?? 0
    encoder.messageExpiryInterval = packet.properties.messageExpiryInterval
    encoder.topicAlias = packet.properties.topicAlias ?? 0
    encoder.subscriptionIdentifier = packet.properties.subscriptionIdentifiers.first ?? 0

    var expected = packet
    expected.properties.subscriptionIdentifiers = Array(packet.properties.subscriptionIdentifiers.prefix(1))
    var template: [UInt8] = []
    let identifierOffset = encoder.encode(template: &template) ?? 0
    require(template.count == encoder.packetByteCount, "the size of \(packet) is known before it is encoded")
    let delivered = try? decodePacket(template, version: version)
    require(
        delivered == .publish(expected), "a subscriber gets \(expected), not \(String(describing: delivered))"
    )
    if let identifier = packet.packetIdentifier {
        let found = UInt16(template[identifierOffset]) << 8 | UInt16(template[identifierOffset + 1])
        require(found == identifier.rawValue, "where the packet identifier of \(packet) stands")
    }
}
