/// The three protocols the broker speaks. The raw value is the protocol level in CONNECT without the bridge
/// bit.
public enum ProtocolVersion: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// MQTT 3.1, protocol name `MQIsdp`.
    case v31 = 3
    /// MQTT 3.1.1.
    case v311 = 4
    /// MQTT 5.0.
    case v5 = 5

    /// Written out, because what is synthesized is called through a witness from every other module.
    @inlinable
    public static func == (left: ProtocolVersion, right: ProtocolVersion) -> Bool {
        left.rawValue == right.rawValue
    }
}
