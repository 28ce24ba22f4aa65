import CMicroHTTPD
import Glibc

/// A bound, listening TCP socket. The HTTP library gets it ready made, so errors are ours to word.
struct ListeningSocket: Sendable {
    let descriptor: Int32
    /// The port in use; the one the system chose when 0 was asked for.
    let port: Int

    /// - Parameter host: an IPv4 or IPv6 address, or a name such as `localhost`; `::` listens on IPv4 too.
    init(host: String, port: Int) throws(HTTPServerError) {
        let address = Self.text(host, port)
        func failure(_ problem: HTTPServerError.Problem, _ number: Int32 = errno) -> HTTPServerError {
            HTTPServerError(problem: problem, address: address, errorNumber: number)
        }
        guard (0...65535).contains(port), !host.isEmpty else { throw failure(.addressInvalid, 0) }
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let info = found else {
            throw failure(.addressInvalid, 0)
        }
        defer { freeaddrinfo(found) }
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let socket = Glibc.socket(info.pointee.ai_family, flags, 0)
        guard socket >= 0 else { throw failure(.socketFailed) }
        do throws(HTTPServerError) {
            var on: Int32 = 1
            var off: Int32 = 0
            let size = socklen_t(MemoryLayout<Int32>.size)
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, size)
            if info.pointee.ai_family == AF_INET6 {
                setsockopt(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, size)
            }
            guard bind(socket, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 else {
                throw failure(.bindFailed)
            }
            guard listen(socket, 1024) == 0 else { throw failure(.listenFailed) }
        } catch {
            close(socket)
            throw error
        }
        descriptor = socket
        self.port = Self.boundPort(socket) ?? port
    }

    /// `127.0.0.1:8888`, or `[::1]:8888`.
    static func text(_ host: String, _ port: Int) -> String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    private static func boundPort(_ socket: Int32) -> Int? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(socket, address, &length) == 0 else { return nil }
                switch Int32(address.pointee.sa_family) {
                case AF_INET:
                    return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                        Int(UInt16(bigEndian: $0.pointee.sin_port))
                    }
                case AF_INET6:
                    return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                        Int(UInt16(bigEndian: $0.pointee.sin6_port))
                    }
                default: return nil
                }
            }
        }
    }
}
