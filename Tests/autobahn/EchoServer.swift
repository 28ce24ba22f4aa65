import Glibc
import Primitives
import StreamProtocols

/// A WebSocket server that sends each binary message back, for the Autobahn test suite: nothing but the
/// broker's reader, writer and upgrade, a socket, and a thread for each connection. `EchoServer PORT`.
@main enum EchoServer {
    static func main() {
        signal(SIGPIPE, SIG_IGN)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(CommandLine.arguments.last.flatMap(UInt16.init) ?? 9001).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, 16) == 0 }
        }
        guard isBound, listen(listener, 64) == 0 else {
            perror("echo server")
            exit(1)
        }
        while true {
            let client = accept(listener, nil, nil)
            guard client >= 0 else { continue }
            var thread = pthread_t()
            pthread_create(&thread, nil, serve, UnsafeMutableRawPointer(bitPattern: Int(client)))
            pthread_detach(thread)
        }
    }
}

private nonisolated func serve(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let client = Int32(Int(bitPattern: argument))
    var connection = EchoConnection(client)
    connection.run()
    close(client)
    return nil
}

/// One client, from its request to its end.
struct EchoConnection {
    private let descriptor: Int32
    private var reader = WebSocketFrameReader(maximumFrameByteCount: 1 << 26)
    /// The message so far.
    private var message: [UInt8] = []

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    mutating func run() {
        guard var bytes = upgrade() else { return }
        repeat {
            let end = decode(&bytes)
            if let end {
                let reason: UTF8Text =
                    if case .failed(let problem) = end { UTF8Text(problem.text) } else { "" }
                send(WebSocketFrameWriter.closeFrame(code: end.replyCode, reason: reason))
                shutdown(descriptor, Int32(SHUT_WR))
                // The client closes first, or the answer may be lost with what it has sent meanwhile.
                while receive()?.isEmpty == false {}
                return
            }
            guard let next = receive(), !next.isEmpty else { return }
            bytes = next
        } while true
    }

    /// What came behind the request; nil: no WebSocket was opened.
    private func upgrade() -> [UInt8]? {
        var head: [UInt8] = []
        var upgrade = WebSocketUpgrade()
        while let bytes = receive(), !bytes.isEmpty {
            head += bytes
            switch upgrade.parse(head.span.bytes, WebSocketUpgradeSettings()) {
            case .incomplete: continue
            case .refused(_, _, let response):
                send(response)
                return nil
            case .upgrade(let request, let byteCount):
                send(request.response(subprotocol: request.subprotocol))
                return Array(head[byteCount...])
            }
        }
        return nil
    }

    /// Sends each message back when it is whole. Where several may end in `bytes` it takes them one by one,
    /// for the reader does not tell where they end; so both ways of the reader are tried.
    private mutating func decode(_ bytes: inout [UInt8]) -> WebSocketEnd? {
        var trial = reader
        var copy = bytes
        let whole = copy.withUnsafeMutableBytes { trial.decode($0) }
        guard whole.dataFrameCount > 0 || whole.end != nil || whole.pingCount > 1 else { return step(&bytes) }
        for byte in bytes {
            var piece = [byte]
            if let end = step(&piece) { return end }
        }
        return nil
    }

    private mutating func step(_ bytes: inout [UInt8]) -> WebSocketEnd? {
        let isAtStart = reader.isBetweenMessages
        let progress = bytes.withUnsafeMutableBytes { reader.decode($0) }
        message += bytes[..<progress.payloadByteCount]
        if let ping = progress.ping { send(WebSocketFrameWriter.pongFrame(ping)) }
        // A control frame between messages ends none.
        let isControl = progress.pingCount + progress.pongCount > 0 && message.isEmpty
        guard progress.end == nil, reader.isBetweenMessages, !isAtStart, !isControl else {
            return progress.end
        }
        var header = [UInt8](repeating: 0, count: WebSocketFrameWriter.longestHeaderByteCount)
        let count = header.withUnsafeMutableBytes { buffer in
            buffer.baseAddress.map {
                WebSocketFrameWriter.writeHeader(payloadByteCount: message.count, to: $0)
            }
        }
        send(header.prefix(count ?? 0) + message)
        message = []
        return nil
    }

    private func receive() -> [UInt8]? {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, initialized in
            count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            initialized = max(0, count)
        }
        return count < 0 ? nil : bytes
    }

    private func send(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        var start = 0
        while start < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + start }, bytes.count - start, 0)
            }
            guard count > 0 else { return }
            start += count
        }
    }
}
