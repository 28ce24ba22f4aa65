/// What a connection reads from and writes to: its socket, or layers on top of it.
///
/// It goes with the descriptor wherever that goes, to another loop too. One thread at a time.
enum ByteStream: ~Copyable {
    /// The bytes of the socket.
    case plain
    /// PROXY header, TLS, WebSocket, or several of them.
    case layered(StreamLayers)

    init(_ layers: StreamLayers?) {
        if let layers { self = .layered(layers) } else { self = .plain }
    }

    /// nil = plain.
    var layers: StreamLayers? {
        switch self {
        case .plain: nil
        case .layered(let layers): layers
        }
    }

    /// What one read brought.
    struct Read {
        /// > 0: bytes of the connection. 0: the peer has ended its side. Else a negative errno; -EAGAIN: none now.
        var count: Int
        /// A further read would bring nothing before the socket announces more.
        var isDrained: Bool
    }
}
