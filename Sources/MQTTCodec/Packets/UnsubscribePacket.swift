package import Primitives

/// UNSUBSCRIBE (§3.10).
package struct UnsubscribePacket: Equatable, Sendable {
    package var packetIdentifier: PacketIdentifier
    /// At least one, each valid, in the order of the packet.
    package var filters: [UTF8Text]
    package var properties: Properties

    package init(
        packetIdentifier: PacketIdentifier, filters: [UTF8Text], properties: Properties = Properties()
    ) {
        self.packetIdentifier = packetIdentifier
        self.filters = filters
        self.properties = properties
    }
}

extension UnsubscribePacket {
    package static func decode(
        body: RawSpan, version: ProtocolVersion
    ) throws(MalformedPacket) -> UnsubscribePacket {
        var reader = PacketReader(body, of: .unsubscribe)
        let identifier = try reader.readPacketIdentifier()
        let properties = try reader.readProperties(of: .unsubscribe, version: version)
        guard reader.remaining > 0 else { throw reader.problem(.emptyPayload, at: reader.offset) }
        var filters: [UTF8Text] = []
        while reader.remaining > 0 { filters.append(try reader.readTopicFilter()) }
        return UnsubscribePacket(packetIdentifier: identifier, filters: filters, properties: properties)
    }

    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    package func encode(version: ProtocolVersion, into writer: inout PacketWriter) -> Bool {
        writer.writePacket(.unsubscribe) { writer in
            writer.write(packetIdentifier)
            writer.write(properties, of: .unsubscribe, version: version)
            for filter in filters { writer.write(filter) }
        }
    }
}
