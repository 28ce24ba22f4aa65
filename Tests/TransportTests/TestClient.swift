import Glibc
import Testing
import Transport

struct CannotConnect: Error { let errorNumber: Int32 }

/// Compares in one go: byte by byte takes seconds in debug builds.
func isSame(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
    left.count == right.count
        && left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                guard let left = left.baseAddress, let base = right.baseAddress else { return true }
                return memcmp(left, base, right.count) == 0
            }
        }
}

/// A blocking client socket; calls give up after 20 s.
final class Client: Sendable {
    let descriptor: Int32

    init(_ address: PeerAddress, receiveBuffer: Int32? = nil, source: String? = nil) throws {
        let family =
            switch address.kind {
            case .ipv6: AF_INET6
            case .unix: AF_UNIX
            default: AF_INET
            }
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var on: Int32 = 1
        if address.kind != .unix {
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        let result: Int32
        switch address.kind {
        case .ipv6:
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = address.port.bigEndian
            name.sin6_addr = in6addr_loopback
            result = Self.connect(descriptor, &name)
        case .unix:
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: (address.path ?? "").utf8) }
            result = Self.connect(descriptor, &name)
        default:
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = address.port.bigEndian
            name.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.low).bigEndian
            result = Self.connect(descriptor, &name)
        }
        guard result == 0 else { throw CannotConnect(errorNumber: errno) }
    }

    private static func connect<Name>(_ descriptor: Int32, _ name: inout Name) -> Int32 {
        withUnsafeBytes(of: &name) { bytes in
            guard let base = bytes.bindMemory(to: sockaddr.self).baseAddress else { return -1 }
            return Glibc.connect(descriptor, base, socklen_t(bytes.count))
        }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            try #require(count > 0, "send: \(String(cString: strerror(errno)))")
            sent += count
        }
    }

    /// Sends as much as the kernels between here and the peer hold. - Returns: how much that was.
    func sendUntilFull(_ byte: UInt8) -> Int {
        let chunk = [UInt8](repeating: byte, count: 64 * 1024)
        var sent = 0
        while true {
            let count = Glibc.send(descriptor, chunk, chunk.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            guard count > 0 else { return sent }
            sent += count
        }
    }

    /// Reads exactly `count` bytes, or fewer when the peer ends before.
    func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes {
                Glibc.recv(descriptor, $0.baseAddress.map { $0 + filled }, count - filled, 0)
            }
            try #require(got >= 0, "recv: \(String(cString: strerror(errno)))")
            if got == 0 { break }
            filled += got
        }
        return Array(bytes[..<filled])
    }

    func readToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let part = try read(64 * 1024)
            all += part
            if part.count < 64 * 1024 { return all }
        }
    }

    func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends with a reset: the socket forgets everything.
    func reset() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        shutdownByClose()
    }

    /// Puts another open file in the place of the socket, which closes it; the number stays ours.
    private func shutdownByClose() {
        let null = open("/dev/null", O_RDONLY)
        dup2(null, descriptor)
        close(null)
    }
}
