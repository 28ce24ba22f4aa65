package import Transport

/// How clients get in at a listener, beside its address.
package struct ListenerAccess: Sendable {
    /// What stands between the sockets and MQTT: PROXY header, TLS, WebSocket.
    package var policy: StreamPolicy
    /// The most connections; `.max` = no limit.
    package var maxConnections: Int
    /// What happens to clients over the limit.
    package var overLimit: OverLimitAction
    /// Connections that are not as far as the first byte of MQTT; nil = no limit.
    package var maxHandshakes: Int?
    /// How often an address may connect; nil = as often as it likes.
    package var rate: ConnectionRate?
    /// What is set of the sockets.
    package var options: ListenOptions

    /// Bytes as they come, and as many connections as there are descriptors.
    package init(
        policy: StreamPolicy = StreamPolicy(), maxConnections: Int = .max,
        overLimit: OverLimitAction = .refuse, maxHandshakes: Int? = nil, rate: ConnectionRate? = nil,
        options: ListenOptions = ListenOptions()
    ) {
        self.policy = policy
        self.maxConnections = maxConnections
        self.overLimit = overLimit
        self.maxHandshakes = maxHandshakes
        self.rate = rate
        self.options = options
    }
}
