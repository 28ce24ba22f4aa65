/// Where a listener listens, as the configuration writes it.
package struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// The address and the port, or the path.
    package let address: PeerAddress

    /// Listens on `address`.
    package init(_ address: PeerAddress) {
        self.address = address
    }

    /// Reads "127.0.0.1:1883", "::1:1883" (the port follows the last colon), "[::1]:1883" or
    /// "local:/run/broker.sock:0" (the number is not used and may be left out).
    package init(parsing text: String) throws(TransportError) {
        let operation = "listen on \"\(text)\""
        if text.hasPrefix("local:") {
            var path = text.dropFirst("local:".count)
            if let colon = path.lastIndex(of: ":"), UInt16(path[path.index(after: colon)...]) != nil {
                path = path[..<colon]
            }
            try self.init(host: "local:" + path, port: 0, operation)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw TransportError(
                operation, errorNumber: 0, advice: "it does not end in :PORT with a PORT in 0...65535")
        }
        try self.init(host: String(text[..<colon]), port: port, operation)
    }

    /// - Parameter host: an IP address, with or without brackets, or "local:/path".
    package init(host: String, port: UInt16) throws(TransportError) {
        try self.init(host: host, port: port, "listen on \"\(host)\" port \(port)")
    }

    private init(host: String, port: UInt16, _ operation: String) throws(TransportError) {
        if host.hasPrefix("local:") {
            let path = String(host.dropFirst("local:".count))
            guard path.hasPrefix("/") else {
                throw TransportError(
                    operation, errorNumber: 0, advice: "local: needs an absolute path after it")
            }
            address = .unix(path: path)
            guard address.systemAddress != nil else {
                throw TransportError(
                    operation, errorNumber: 0,
                    advice: "the path has \(path.utf8.count) bytes and a socket's path at most 107")
            }
            return
        }
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        guard let parsed = PeerAddress(ip: bare, port: port) else {
            throw TransportError(
                operation, errorNumber: 0,
                advice: "\"\(bare)\" is not an IPv4 or IPv6 address (names are not looked up)")
        }
        address = parsed
    }

    /// Whether it is the path of a Unix socket.
    package var isUnix: Bool { address.kind == .unix }

    /// The port; 0 = the system chooses one. 0 for a Unix socket.
    package var port: UInt16 { address.port }

    /// As `PeerAddress.description`.
    package var description: String { address.description }
}
