/// How often a message may arrive.
package enum QoS: UInt8, Sendable, Comparable, CaseIterable, BitwiseCopyable {
    case atMostOnce, atLeastOnce, exactlyOnce

    package static func < (left: QoS, right: QoS) -> Bool { left.rawValue < right.rawValue }
}
