/// How often a message may arrive.
public enum QoS: UInt8, Sendable, Comparable, CaseIterable, BitwiseCopyable {
    case atMostOnce, atLeastOnce, exactlyOnce

    /// Written out, because what is synthesized is called through a witness from every other module.
    @inlinable
    public static func == (left: QoS, right: QoS) -> Bool { left.rawValue == right.rawValue }

    /// Orders by the number: QoS 0 is the lowest.
    @inlinable
    public static func < (left: QoS, right: QoS) -> Bool { left.rawValue < right.rawValue }
}
