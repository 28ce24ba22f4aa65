import BrokerConfig
import Glibc

extension SocketSearch.World {
    /// This machine.
    ///
    /// - Parameter environment: all variables: they may set what a configuration would.
    static func system(_ environment: [String: String]) -> SocketSearch.World {
        SocketSearch.World(
            probe: SystemProbe.connect,
            read: { (path) throws(SocketSearch.Refusal) in
                try SystemProbe.checkReadable(path)
                // A configuration with mistakes in it still says where the socket is.
                let config = EffectiveConfig.report(path: path, environment: environment).config
                return SocketSearch.Facts(socket: config.adminSocket, nodeName: config.string(.nodeName))
            })
    }
}

/// What the search asks of the system.
private enum SystemProbe {
    /// Connects to a Unix socket, and closes the connection again.
    static func connect(_ path: String) throws(SocketSearch.Refusal) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, !bytes.contains(0) else {
            throw SocketSearch.Refusal("that is no path")
        }
        guard bytes.count < room else {
            throw SocketSearch.Refusal("its path is longer than \(room - 1) bytes, the most for a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw SocketSearch.Refusal(systemText(errno)) }
        defer { close(descriptor) }
        let failed = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // EAGAIN: its queue is full, so somebody listens.
        guard failed == 0 || errno == EAGAIN else { throw SocketSearch.Refusal(systemText(errno)) }
    }

    static func checkReadable(_ path: String) throws(SocketSearch.Refusal) {
        guard !path.utf8.contains(0) else { throw SocketSearch.Refusal("that is no path") }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw SocketSearch.Refusal(systemText(errno)) }
        close(descriptor)
    }
}

/// The system's words for an error.
func systemText(_ number: Int32) -> String { String(cString: strerror(number)) }
