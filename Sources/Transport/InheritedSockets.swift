import CSystem
import Glibc
import Synchronization

/// Listening sockets that the service manager has opened before the process began (systemd's socket activation): clients may
/// connect while the broker restarts, and ports below 1024 need no privilege.
///
/// https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
package final class InheritedSockets: Sendable {
    /// The first descriptor that is passed on.
    private static let first: Int32 = 3
    /// Sockets that are looked at.
    private static let most: Int32 = 64

    private let sockets: Mutex<[(address: PeerAddress, descriptor: Int32)]>

    /// None.
    package init() { sockets = Mutex([]) }

    /// Takes the sockets that the environment announces to this process, and makes the environment forget them.
    package init(environment: [String: String]) {
        var found: [(address: PeerAddress, descriptor: Int32)] = []
        if let text = environment["LISTEN_PID"], pid_t(text) == getpid(),
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), count > 0
        {
            for descriptor in Self.first..<Self.first + min(count, Self.most) {
                var address = csystem_address()
                guard csystem_inherit_listener(descriptor, &address) == 0 else { continue }
                found.append((PeerAddress(address), descriptor))
            }
        }
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
        sockets = Mutex(found)
    }

    /// Where they listen, as far as nobody has taken them.
    package var addresses: [ListenAddress] { sockets.withLock { $0.map { ListenAddress($0.address) } } }

    /// The socket at `address`, which is the caller's then; nil = there is none.
    func take(_ address: ListenAddress) -> FileDescriptor? {
        sockets.withLock { sockets in
            guard let index = sockets.firstIndex(where: { ListenAddress($0.address) == address }) else {
                return nil
            }
            return FileDescriptor(owning: sockets.remove(at: index).descriptor)
        }
    }

    deinit {
        sockets.withLock { for socket in $0 { close(socket.descriptor) } }
    }
}
