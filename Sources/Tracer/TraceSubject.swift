package import Primitives

/// The connection that a line is about.
package struct TraceSubject: Equatable, Sendable {
    /// What tells it from other connections of the client, in angle brackets: `<0.812.0>`. The same for all its lines.
    package var token: String
    /// The mountpoint; empty for the default one.
    package var mountpoint: String
    /// The Client Identifier.
    package var clientID: UTF8Text

    /// A connection of this client.
    package init(token: String, mountpoint: String = "", clientID: UTF8Text) {
        self.token = token
        self.mountpoint = mountpoint
        self.clientID = clientID
    }
}
