/// The kinds of control packet, by the number in the upper half of the first byte (§2.1.2).
public enum PacketType: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case connect = 1
    case connack, publish, puback, pubrec, pubrel, pubcomp, subscribe, suback, unsubscribe, unsuback, pingreq
    case pingresp, disconnect
    /// MQTT 5 only.
    case auth

    /// Written out, because what is synthesized is called through a witness from every other module.
    @inlinable
    public static func == (left: PacketType, right: PacketType) -> Bool { left.rawValue == right.rawValue }

    /// The flags the lower half of the first byte must show; nil for PUBLISH, where they have a meaning
    /// [MQTT-2.1.3-1].
    public var reservedFlags: UInt8? {
        switch self {
        case .publish: nil
        case .pubrel, .subscribe, .unsubscribe: 0b0010
        default: 0
        }
    }
}
