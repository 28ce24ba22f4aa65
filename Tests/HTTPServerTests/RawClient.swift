import Glibc

/// A blocking client for TCP and Unix sockets that sends what it is told, however wrong. Gives up after ten seconds of silence.
final class RawClient {
    struct Answer {
        var status = 0
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let socket: Int32
    private var received: [UInt8] = []

    /// - Parameter source: the address to come from, of the loopback network; nil = the system's choice.
    init(port: Int, isIPv6: Bool = false, from source: UInt32? = nil) throws {
        socket = Glibc.socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if let source {
            var own = sockaddr_in()
            own.sin_family = sa_family_t(AF_INET)
            own.sin_addr.s_addr = in_addr_t(source).bigEndian
            _ = Self.call(Glibc.bind, socket, &own)
        }
        let result: Int32
        if isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = in_port_t(port).bigEndian
            address.sin6_addr = in6addr_loopback
            result = Self.connect(socket, &address)
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            result = Self.connect(socket, &address)
        }
        if result != 0 { throw Failure(number: errno) }
    }

    /// - Parameter path: of a Unix socket.
    init(unixSocket path: String) throws {
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        if Self.connect(socket, &address) != 0 { throw Failure(number: errno) }
    }

    struct Failure: Error { let number: Int32 }

    /// The kernel takes few bytes for this side; called before anything is sent.
    func keepLittle() {
        var size: Int32 = 4_096
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Goes without a word; what the server sends afterwards is refused.
    func vanish() { shutdown(socket, Int32(SHUT_RDWR)) }

    private static func connect<Address>(_ socket: Int32, _ address: inout Address) -> Int32 {
        call(Glibc.connect, socket, &address)
    }

    private static func call<Address>(
        _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, _ socket: Int32,
        _ address: inout Address
    ) -> Int32 {
        let size = socklen_t(MemoryLayout<Address>.size)
        return withUnsafeBytes(of: &address) {
            guard let base = $0.baseAddress else { return -1 }
            return function(socket, base.assumingMemoryBound(to: sockaddr.self), size)
        }
    }

    /// Ends this side; the other may still answer.
    func endSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Is gone at once, as a process that was killed with unread input.
    func reset() {
        var nowhere = sockaddr()
        nowhere.sa_family = sa_family_t(AF_UNSPEC)
        _ = Glibc.connect(socket, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    }

    deinit { close(socket) }

    /// - Returns: false when the other side has gone.
    @discardableResult
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// Whether anything, or the end, can be read within `milliseconds`.
    func isReadable(within milliseconds: Int32) -> Bool {
        var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, milliseconds) > 0
    }

    /// False at the end of the stream, on an error, and after ten seconds of silence (then `errno` is
    /// EAGAIN).
    private func receive() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &buffer, buffer.count, 0)
        if count > 0 { received += buffer[..<count] }
        return count > 0
    }

    /// True when the server closed the connection; false when it is silent for ten seconds.
    func isClosedByServer() -> Bool {
        errno = 0
        while receive() {}
        return errno != EAGAIN
    }

    /// The first line and the fields of the next answer; nil when the connection ends before they are complete.
    func readHead() -> Answer? {
        let separator = Array("\r\n\r\n".utf8)
        var end: Int?
        while true {
            end = received.indices.first { received[$0...].starts(with: separator) }
            if end != nil { break }
            guard receive() else { return nil }
        }
        guard let end else { return nil }
        let lines = String(decoding: received[..<end], as: UTF8.self).split(separator: "\r\n")
        var answer = Answer()
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count > 1, words[0].hasPrefix("HTTP/") else { return nil }
        answer.status = Int(words[1]) ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            answer.headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        received.removeFirst(end + separator.count)
        return answer
    }

    /// The next answer; nil when the connection ends before it is complete.
    func readAnswer(isHead: Bool = false) -> Answer? {
        guard var answer = readHead() else { return nil }
        if isHead { return answer }
        if answer.headers["transfer-encoding"] == "chunked" {
            while let chunk = readChunk() {
                if chunk.isEmpty { return answer }
                answer.body += chunk
            }
            return nil
        }
        let length = Int(answer.headers["content-length"] ?? "0") ?? 0
        while received.count < length {
            guard receive() else { return nil }
        }
        answer.body = Array(received[..<length])
        received.removeFirst(length)
        return answer
    }

    /// The next chunk of an answer, empty at its end; nil when the connection ends before it is complete.
    func readChunk() -> [UInt8]? {
        var end: Int?
        while true {
            end = received.firstIndex(of: UInt8(ascii: "\n"))
            if end != nil { break }
            guard receive() else { return nil }
        }
        guard let end, end > 0,
            let length = Int(String(decoding: received[..<(end - 1)], as: UTF8.self), radix: 16)
        else { return nil }
        while received.count < end + 1 + length + 2 {
            guard receive() else { return nil }
        }
        let chunk = Array(received[(end + 1)..<(end + 1 + length)])
        received.removeFirst(end + 1 + length + 2)
        return chunk
    }

    /// Takes `count` bytes at most and forgets them.
    func readSome(_ count: Int) -> Int {
        var buffer = [UInt8](repeating: 0, count: count)
        return recv(socket, &buffer, count, 0)
    }

    /// All that comes until the connection ends.
    func readToEnd() -> [UInt8] {
        while receive() {}
        defer { received = [] }
        return received
    }

    /// Sends a request without a body and reads its answer.
    func request(_ method: String, _ target: String, _ headers: [String] = []) -> Answer? {
        let lines = ["\(method) \(target) HTTP/1.1", "Host: test"] + headers
        send(lines.joined(separator: "\r\n") + "\r\n\r\n")
        return readAnswer(isHead: method == "HEAD")
    }
}

/// Looks now and then, for a minute at most, whether `condition` is true.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<6_000 {
        if condition() { return true }
        poll(nil, 0, 10)
    }
    return condition()
}
