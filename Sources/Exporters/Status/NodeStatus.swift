/// A listener as the status pages show it.
package struct ListenerStatus: Hashable, Sendable {
    /// `mqtt`, `mqtts`, `mqttws`, `mqttwss`, `vmq`, `http`, `https`.
    package var type: String
    /// Shown as `running` or `suspended`.
    package var isRunning: Bool
    /// The address, or the path of a Unix socket.
    package var ip: String
    /// The port in use; 0 for a Unix socket.
    package var port: Int
    /// The topic space of its clients; empty for the usual one, and for HTTP.
    package var mountpoint: String
    /// nil when there is no limit.
    package var maximumConnections: Int?
    /// Connections now; nil where nobody counts them.
    package var connections: Int?
    /// Clients that were accepted only to be told that there is no room, since the start; nil where nobody
    /// counts them.
    package var refused: Int?
    /// Limits that keep clients out, by the names that operators know.
    package var reachedLimits: [String] = []

    /// The state of a listener; what is left out is not known or empty.
    package init(
        type: String, isRunning: Bool, ip: String, port: Int, mountpoint: String = "",
        maximumConnections: Int? = nil, connections: Int? = nil, refused: Int? = nil,
        reachedLimits: [String] = []
    ) {
        self.type = type
        self.isRunning = isRunning
        self.ip = ip
        self.port = port
        self.mountpoint = mountpoint
        self.maximumConnections = maximumConnections
        self.connections = connections
        self.refused = refused
        self.reachedLimits = reachedLimits
    }
}

/// What a node knows of itself beside its numbers.
package struct NodeStatus: Sendable {
    /// A certificate of a listener.
    package struct CertificateEnd: Hashable, Sendable {
        /// Its name in the configuration.
        package var listener: String
        /// `https`, `mqtts`: listeners of two types may have the same name.
        package var type: String
        /// Whom it is for.
        package var name: String
        package var file: String
        /// Seconds since 1970.
        package var notAfter: Int64

        package init(listener: String = "", type: String = "", name: String, file: String, notAfter: Int64) {
            self.listener = listener
            self.type = type
            self.name = name
            self.file = file
            self.notAfter = notAfter
        }
    }

    /// The node's name, such as `VerneMQ@127.0.0.1`.
    package var node: String
    /// The broker's version.
    package var version: String
    /// The listeners, in the order in which they are shown.
    package var listeners: [ListenerStatus]
    /// Every member of the cluster with whether this node reaches it; itself included.
    package var members: [(node: String, isReachable: Bool)]
    /// Those of all listeners that have any.
    package var certificates: [CertificateEnd]
    /// The node is being stopped.
    package var isStopping: Bool

    /// What is known of a node.
    ///
    /// - Parameter members: nil for a node that is its own cluster.
    package init(
        node: String, version: String, listeners: [ListenerStatus],
        members: [(node: String, isReachable: Bool)]? = nil, certificates: [CertificateEnd] = [],
        isStopping: Bool = false
    ) {
        self.node = node
        self.version = version
        self.listeners = listeners
        self.members = members ?? [(node, true)]
        self.certificates = certificates
        self.isStopping = isStopping
    }
}
