/// Which way a packet goes, seen from the broker.
package enum TraceDirection: Sendable {
    /// From the client.
    case received
    /// To the client.
    case sent

    var text: String {
        switch self {
        case .received: "MQTT RECV: "
        case .sent: "MQTT SEND: "
        }
    }
}
