package import Primitives

/// Which connections a trace shows: those that all its conditions hold for.
package struct TraceFilter: Equatable, Sendable {
    /// One thing that must hold. A new kind of selection is a case here, with what it needs in `TraceCandidate`.
    package enum Condition: Equatable, Sendable {
        /// Exactly this Client Identifier, compared by bytes.
        case clientID(UTF8Text)
        /// Exactly this mountpoint; empty: the default one.
        case mountpoint(String)

        func holds(for candidate: TraceCandidate) -> Bool {
            switch self {
            case .clientID(let clientID): candidate.clientID == clientID
            case .mountpoint(let mountpoint): candidate.mountpoint == mountpoint
            }
        }
    }

    /// All of them must hold. With none every connection is shown.
    package let conditions: [Condition]

    /// Connections that all conditions hold for.
    package init(_ conditions: [Condition]) { self.conditions = conditions }

    /// The connections of one client.
    ///
    /// - Parameter mountpoint: nil: on any mountpoint, as VerneMQ has it for connections that come after the start.
    package init(clientID: UTF8Text, mountpoint: String? = "") {
        conditions = [.clientID(clientID)] + (mountpoint.map { [.mountpoint($0)] } ?? [])
    }

    /// Whether the trace shows this connection.
    package func selects(_ candidate: TraceCandidate) -> Bool {
        conditions.allSatisfy { $0.holds(for: candidate) }
    }

    /// The client that it is about, if it is about one: who knows its client ids need not look at all connections.
    package var clientID: UTF8Text? {
        for case .clientID(let clientID) in conditions { return clientID }
        return nil
    }
}
