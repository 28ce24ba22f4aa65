public import Primitives

extension UTF8Text {
    /// Whether it can be written: well-formed UTF-8 without U+0000, and no more than its two-byte length can say. What
    /// comes from a packet always is; this is for what a hook or a bridge made.
    public var isWellFormed: Bool {
        guard count <= Int(UInt16.max) else { return false }
        let scan = unsafe try? TextScan.scan(bytes.span.bytes, at: 0, count: count, in: nil)
        return scan != nil
    }
}

extension Properties {
    /// Whether each value is one that MQTT allows, wherever it stands, and all of them together fit into a packet.
    /// What comes from a packet always is; this is for what a hook made.
    public var isWellFormed: Bool { storage?.values.isWellFormed ?? true }
}

extension PropertyValues {
    fileprivate var isWellFormed: Bool {
        let texts = [
            contentType, responseTopic, assignedClientIdentifier, authenticationMethod, responseInformation,
            serverReference, reasonString,
        ]
        let blocks = [correlationData, authenticationData]
        let flags = [
            payloadFormatIndicator, requestProblemInformation, requestResponseInformation, maximumQoS,
            retainAvailable, wildcardSubscriptionAvailable, subscriptionIdentifiersAvailable,
            sharedSubscriptionAvailable,
        ]
        guard texts.allSatisfy({ $0?.isWellFormed ?? true }),
            blocks.allSatisfy({ ($0?.count ?? 0) <= Int(UInt16.max) }),
            flags.allSatisfy({ ($0 ?? 0) <= 1 }),
            receiveMaximum != 0, topicAlias != 0, maximumPacketSize != 0,
            subscriptionIdentifiers.allSatisfy({ $0 > 0 && $0 <= 268_435_455 }),
            userProperties.allSatisfy({ $0.name.isWellFormed && $0.value.isWellFormed })
        else { return false }
        if let responseTopic {
            // No wildcards [MQTT-3.3.2-14].
            guard unsafe (try? TopicName.validate(responseTopic.bytes.span.bytes)) != nil else {
                return false
            }
        }
        let listed = userProperties.reduce(0) { $0 + 5 + $1.name.count + $1.value.count }
        // The others are thirteen values of 64 KiB at most, and numbers.
        return listed <= FixedHeader.largestRemainingLength - (1 << 20)
    }
}
