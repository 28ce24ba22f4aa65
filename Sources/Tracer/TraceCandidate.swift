package import Primitives

/// What a `TraceFilter` may look at of a connection.
package struct TraceCandidate: Equatable, Sendable {
    /// The Client Identifier.
    package var clientID: UTF8Text
    /// The mountpoint; empty for the default one.
    package var mountpoint: String

    /// A connection of this client.
    package init(clientID: UTF8Text, mountpoint: String = "") {
        self.clientID = clientID
        self.mountpoint = mountpoint
    }
}
