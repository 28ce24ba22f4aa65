package import MQTTCodec

/// How many packets of each type went one way of a connection. CONNECT, CONNACK and DISCONNECT are not in it: there is
/// one of each at most.
package struct PacketTally: Sendable, BitwiseCopyable {
    /// PUBLISH and its four acknowledgements, which may be 200,000 a second for months.
    private var messages = InlineArray<5, UInt64>(repeating: 0)
    /// SUBSCRIBE or SUBACK, UNSUBSCRIBE or UNSUBACK, PINGREQ or PINGRESP, AUTH: one way has only one of each two.
    private var others = InlineArray<4, UInt32>(repeating: 0)

    /// Nothing yet.
    init() {}

    /// Counts one packet.
    @inline(__always)
    mutating func add(_ type: PacketType) {
        let number = Int(type.rawValue)
        if number >= 3, number < 8 {
            messages[number - 3] &+= 1
        } else if number >= 8, type != .disconnect {
            others[(number - 8) >> 1] &+= 1
        }
    }

    /// Packets of a type; 0 for those that are not counted.
    package subscript(type: PacketType) -> Int {
        let number = Int(type.rawValue)
        if number >= 3, number < 8 { return Int(truncatingIfNeeded: messages[number - 3]) }
        return number >= 8 && type != .disconnect ? Int(others[(number - 8) >> 1]) : 0
    }
}
