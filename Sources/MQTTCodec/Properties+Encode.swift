import Primitives

extension PacketWriter {
    /// Writes the length and the properties, in the order of their identifiers; nothing before MQTT 5. A
    /// property that does not belong in `place` is left out, so that no packet of ours is malformed.
    mutating func write(_ properties: Properties, of place: PropertyPlace, version: ProtocolVersion) {
        guard version == .v5 else { return }
        writeLengthFirst { writer in
            var output = PropertyWriter(writer: writer, place: place)
            writer = PacketWriter()  // one owner of the array, or every write would copy it
            if let storage = properties.storage { output.write(storage.values) }
            writer = output.writer
        }
    }

    /// Writes the raw bytes of properties behind their length.
    mutating func write(rawProperties bytes: [UInt8]) {
        writeVariableByteInteger(bytes.count)
        write(raw: bytes)
    }
}

extension Properties {
    /// The properties that may stand in a PUBLISH, encoded without their length.
    public func encodedBytes() -> [UInt8] {
        var output = PropertyWriter(writer: PacketWriter(), place: .publish)
        if let storage { output.write(storage.values) }
        return output.writer.bytes
    }
}

/// Writes those properties that belong in one place.
private struct PropertyWriter {
    var writer: PacketWriter
    let place: PropertyPlace

    mutating func write(_ properties: PropertyValues) {
        write(.payloadFormatIndicator, properties.payloadFormatIndicator)
        write(.messageExpiryInterval, properties.messageExpiryInterval)
        write(.contentType, properties.contentType)
        write(.responseTopic, properties.responseTopic)
        write(.correlationData, properties.correlationData)
        for number in properties.subscriptionIdentifiers where begin(.subscriptionIdentifier) {
            writer.writeVariableByteInteger(Int(number))
        }
        write(.sessionExpiryInterval, properties.sessionExpiryInterval)
        write(.assignedClientIdentifier, properties.assignedClientIdentifier)
        write(.serverKeepAlive, properties.serverKeepAlive)
        write(.authenticationMethod, properties.authenticationMethod)
        write(.authenticationData, properties.authenticationData)
        write(.requestProblemInformation, properties.requestProblemInformation)
        write(.willDelayInterval, properties.willDelayInterval)
        write(.requestResponseInformation, properties.requestResponseInformation)
        write(.responseInformation, properties.responseInformation)
        write(.serverReference, properties.serverReference)
        write(.reasonString, properties.reasonString)
        write(.receiveMaximum, properties.receiveMaximum)
        write(.topicAliasMaximum, properties.topicAliasMaximum)
        write(.topicAlias, properties.topicAlias)
        write(.maximumQoS, properties.maximumQoS)
        write(.retainAvailable, properties.retainAvailable)
        for pair in properties.userProperties where begin(.userProperty) {
            writer.write(pair.name)
            writer.write(pair.value)
        }
        write(.maximumPacketSize, properties.maximumPacketSize)
        write(.wildcardSubscriptionAvailable, properties.wildcardSubscriptionAvailable)
        write(.subscriptionIdentifiersAvailable, properties.subscriptionIdentifiersAvailable)
        write(.sharedSubscriptionAvailable, properties.sharedSubscriptionAvailable)
    }

    /// Writes the identifier. - Returns: false when the property does not belong here.
    private mutating func begin(_ identifier: PropertyIdentifier) -> Bool {
        guard identifier.rule.places.contains(place) else { return false }
        writer.write(identifier.rawValue)
        return true
    }

    private mutating func write(_ identifier: PropertyIdentifier, _ value: UInt8?) {
        if let value, begin(identifier) { writer.write(value) }
    }

    private mutating func write(_ identifier: PropertyIdentifier, _ value: UInt16?) {
        if let value, begin(identifier) { writer.write(value) }
    }

    private mutating func write(_ identifier: PropertyIdentifier, _ value: UInt32?) {
        if let value, begin(identifier) { writer.write(value) }
    }

    private mutating func write(_ identifier: PropertyIdentifier, _ value: UTF8Text?) {
        if let value, begin(identifier) { writer.write(value) }
    }

    private mutating func write(_ identifier: PropertyIdentifier, _ value: [UInt8]?) {
        if let value, begin(identifier) { writer.write(binary: value) }
    }
}
