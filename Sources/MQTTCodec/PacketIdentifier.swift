/// Ties an acknowledgement to its packet. Never 0 when it comes from a decoder [MQTT-2.2.1-3].
public struct PacketIdentifier: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The number as on the wire.
    public let rawValue: UInt16

    /// The identifier of this number; 0 is not checked for.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }
}

extension PacketIdentifier: ExpressibleByIntegerLiteral {
    /// As `init(rawValue:)`.
    public init(integerLiteral value: UInt16) {
        self.init(rawValue: value)
    }
}
