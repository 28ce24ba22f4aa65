import Primitives

extension Properties {
    /// The properties of a message that its subscribers are to see, encoded without their length: all but what
    /// belongs to one hop, Message Expiry Interval (written anew for each copy) and Will Delay Interval.
    public func forwardedBytes() -> [UInt8] {
        guard storage != nil else { return [] }
        var kept = self
        kept.topicAlias = nil
        kept.subscriptionIdentifiers = []
        kept.messageExpiryInterval = nil
        kept.willDelayInterval = nil
        var writer = PacketWriter()
        writer.write(kept, of: .publish, version: .v5)
        // The list stands behind its length, whose bytes but the last have their high bit set.
        let prefix = writer.bytes.prefix { $0 & 0x80 != 0 }.count + 1
        return Array(writer.bytes.dropFirst(prefix))
    }
}

extension ByteRange {
    /// Whether `payload` is well-formed UTF-8, as a Payload Format Indicator of 1 promises [MQTT5 §3.3.2.3.2].
    public static func isUTF8(_ payload: RawSpan) -> Bool {
        unsafe payload.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) != nil }
    }
}
