import MQTTCodec

/// What PUBACK, PUBREC or PUBCOMP of a client means for the message that it names. A pure function of what the window
/// says of the packet identifier; `Session+Acks.swift` carries the decision out.
enum AckDecision: Equatable {
    /// The packet answers a message of another QoS or comes too early [MQTT-4.8.0-1]: the connection ends.
    case protocolError
    /// The client has taken the message, and its identifier is free.
    case complete
    /// The client has refused the message, and its identifier is free.
    case refuse
    /// PUBREC: the client has the message, and gets PUBREL.
    case sendPubrel
    /// PUBREC of an exchange that is past it: the client gets PUBREL again.
    case sendPubrelAgain
    /// A PUBREC that refuses a message which it has accepted before.
    case ignore

    /// - Parameters:
    ///   - isRefusal: the packet has a reason code of 0x80 or higher.
    ///   - state: of the message in flight with the packet's identifier.
    @inline(__always)
    static func decide(_ type: PacketType, isRefusal: Bool, _ state: InflightWindow.State) -> AckDecision {
        switch (type, state) {
        case (.puback, .awaitingPuback): return isRefusal ? .refuse : .complete
        case (.pubrec, .awaitingPubrec): return isRefusal ? .refuse : .sendPubrel
        case (.pubrec, .awaitingPubcomp): return isRefusal ? .ignore : .sendPubrelAgain
        case (.pubcomp, .awaitingPubcomp): return .complete
        default: return .protocolError
        }
    }
}
