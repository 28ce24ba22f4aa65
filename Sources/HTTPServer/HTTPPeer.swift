import CMicroHTTPD
import CSystem
import Glibc

/// Who is at the other end of a connection.
package enum HTTPPeer: Hashable, Sendable {
    /// An address as text, and a port; IPv4 addresses as such also on a listener for both families.
    case tcp(address: String, port: Int)
    /// The process that opened the connection of a Unix socket, as the kernel knows it.
    case local(uid: UInt32, gid: UInt32, pid: Int32)

    /// Whether its requests are served: over a Unix socket those of root and of the user that the broker runs as.
    package func isAdmitted(owner: UInt32) -> Bool {
        switch self {
        case .tcp: true
        case .local(let uid, _, _): uid == 0 || uid == owner
        }
    }

    /// Who is at the other end of a Unix socket; when the kernel does not say, a user that cannot exist.
    static func local(_ descriptor: Int32) -> HTTPPeer {
        var (uid, gid, pid) = (UInt32.max, UInt32.max, Int32(0))
        guard csystem_peer_credentials(descriptor, &uid, &gid, &pid) == 0 else {
            return .local(uid: .max, gid: .max, pid: 0)
        }
        return .local(uid: uid, gid: gid, pid: pid)
    }

    /// Who is at the other end of a TCP connection.
    static func tcp(_ connection: OpaquePointer) -> HTTPPeer {
        let room = Int(INET6_ADDRSTRLEN)
        var port = 0
        let address = String(unsafeUninitializedCapacity: room) { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                guard let base = text.baseAddress else { return 0 }
                port = Int(cmicrohttpd_peer(connection, base))
                return strnlen(base, room)
            }
        }
        return .tcp(address: address, port: port)
    }
}
