import CSystem
import Glibc
import Primitives
import StreamProtocols

/// The layers between a socket and the bytes of its connection, from the socket up:
///
///     PROXY header → TLS → WebSocket → bytes of the connection
///
///     proxy → handshake → upgrade → open → closed       [each only where the listener has it]
///
/// A connection reads through `read` and writes through `write`, which look like those of a socket. What a layer has to
/// say for itself, such as the answer to a ping, waits in here until the connection writes.
package final class StreamLayers: @unchecked Sendable {
    // Sendable: it goes with its socket from loop to loop, and one of them has it at a time.

    enum Stage { case proxy, handshake, upgrade, open, closed }

    let policy: StreamPolicy
    private(set) var stage: Stage {
        didSet {
            if stage == .open { hasOpened = true }
            if stage == .open || stage == .closed { place = nil }
        }
    }
    /// It has come to the first byte, whatever followed in the same read.
    private(set) var hasOpened = false
    private let statistics: StreamStatistics
    /// It was as far as the first byte.
    private(set) var hasBeenEstablished = false
    /// What is known of the peer so far.
    private(set) var facts = StreamFacts()
    /// Where the client connects from, as a proxy tells; nil = it tells nothing.
    private(set) var clientAddress: PeerAddress?
    /// Why it failed.
    private(set) var problem: StreamProblem?
    /// The library's words for that, or others; empty = there are none.
    private(set) var problemText = ""
    /// The handshake waits for the socket to take bytes.
    private(set) var wantsWriting = false
    private var proxy = ProxyLayer()
    private var tls: TLSSession?
    private var webSocket: WebSocketLayer?
    private let peer: PeerAddress
    /// One of the places of those that are not as far as the first byte; given back when it is.
    private var place: HandshakePlace?

    /// - Returns: nil when there is no memory for TLS.
    init?(
        _ policy: StreamPolicy, descriptor: Int32, peer: PeerAddress, place: HandshakePlace?,
        statistics: StreamStatistics
    ) {
        self.statistics = statistics
        self.policy = policy
        self.peer = peer
        self.place = place
        if let context = policy.tls {
            guard let session = TLSSession(context, descriptor: descriptor) else { return nil }
            tls = session
        }
        if let settings = policy.webSocket { webSocket = WebSocketLayer(settings) }
        stage = policy.proxy != nil ? .proxy : tls != nil ? .handshake : webSocket != nil ? .upgrade : .open
        hasOpened = stage == .open
    }

    /// Bytes of the connection may come and go.
    var isOpen: Bool { stage == .open }
    /// Something has to come first.
    var isEstablishing: Bool { stage != .open && stage != .closed }
    /// The same, and TLS is to come or under way.
    var isShakingHands: Bool { tls != nil && isEstablishing }
    /// Bytes are here that the socket will not announce.
    var hasInput: Bool {
        problem != nil || webSocket?.hasEnded == true || (stage != .closed && tls?.hasInput ?? false)
    }
    /// A layer has something to say, or has not said all of it.
    var hasOutput: Bool { webSocket?.hasOutput ?? false }

    // MARK: Reading

    /// As `ByteStream.Read`. Goes through the stages first, as far as what has come leads.
    ///
    /// - Returns: -EPROTO: see `problem`.
    func read(_ descriptor: Int32, into target: UnsafeMutableRawBufferPointer) -> ByteStream.Read {
        wantsWriting = false
        if stage == .proxy, let end = readProxyHeader(descriptor, target) { return end }
        if stage == .handshake, let end = shakeHands() { return end }
        if stage == .open, webSocket?.hasEnded == true { return ByteStream.Read(count: 0, isDrained: true) }
        // A peer that sends frames without content gets a bounded part of the turn.
        for _ in 0..<8 {
            guard stage != .closed else {
                return problem != nil ? failed() : ByteStream.Read(count: 0, isDrained: true)
            }
            let count = readBelow(descriptor, target)
            guard count > 0 else { return ended(count) }
            let isDrained = tls.map { !$0.hasInput } ?? (count < target.count)
            guard let webSocket else { return ByteStream.Read(count: count, isDrained: isDrained) }
            let fresh = UnsafeMutableRawBufferPointer(rebasing: target.prefix(count))
            var payload = fresh
            if stage == .upgrade {
                guard let rest = upgrade(webSocket, fresh) else {
                    if stage == .closed { return failed() }
                    if isDrained { break }
                    continue
                }
                payload = rest
            }
            let found = webSocket.decode(payload)
            let pings = webSocket.takePings()
            if pings > 0 { statistics.pinged(pings) }
            if found > 0, payload.baseAddress != target.baseAddress, let source = payload.baseAddress {
                target.baseAddress?.copyMemory(from: source, byteCount: found)
            }
            if let problem = webSocket.problem {
                fail(.webSocket(problem), problem.text)
                if found == 0 { return failed() }
            }
            if found > 0 {
                // Its end, should there be one, is found in the next read.
                return ByteStream.Read(
                    count: found, isDrained: isDrained && stage == .open && !webSocket.hasEnded)
            }
            if webSocket.hasEnded { return ByteStream.Read(count: 0, isDrained: true) }
            if isDrained { break }
        }
        return ByteStream.Read(count: -Int(EAGAIN), isDrained: true)
    }

    private func readBelow(_ descriptor: Int32, _ target: UnsafeMutableRawBufferPointer) -> Int {
        tls?.read(target) ?? csystem_read(descriptor, target.baseAddress, target.count)
    }

    private func ended(_ result: Int) -> ByteStream.Read {
        if result == -Int(EAGAIN) { wantsWriting = tls?.wantsWriting ?? false }
        if result == -Int(EPROTO), let tls { fail(.tls(tls.failure), tls.failureText) }
        return ByteStream.Read(count: result, isDrained: true)
    }

    private func failed() -> ByteStream.Read { ByteStream.Read(count: -Int(EPROTO), isDrained: true) }

    private func fail(_ problem: StreamProblem, _ text: String) {
        guard self.problem == nil else { return }
        self.problem = problem
        problemText = text
        stage = .closed
        statistics.failed(problem)
    }

    /// What came before the first byte is done; once.
    func established() {
        hasBeenEstablished = true
        statistics.established(facts)
    }

    // MARK: The stages

    private func readProxyHeader(_ descriptor: Int32, _ scratch: UnsafeMutableRawBufferPointer)
        -> ByteStream.Read?
    {
        if let settings = policy.proxy, !settings.trusted.contains(peer) {
            fail(.untrustedProxy, "")
            return failed()
        }
        switch proxy.read(descriptor, scratch) {
        case .waits: return ByteStream.Read(count: -Int(EAGAIN), isDrained: true)
        case .ended(let result): return ByteStream.Read(count: result, isDrained: true)
        case .malformed(let problem):
            fail(.proxy(problem), problem.text)
            return failed()
        case .done(let found):
            facts.proxy = found
            clientAddress = found.source.map(PeerAddress.init)
            proxy = ProxyLayer()
            stage = tls != nil ? .handshake : webSocket != nil ? .upgrade : .open
            return nil
        }
    }

    private func shakeHands() -> ByteStream.Read? {
        guard let tls else { return nil }
        switch tls.handshake() {
        case .done:
            facts.tls = tls.facts
            stage = webSocket != nil ? .upgrade : .open
            return nil
        case .wantsReading: break
        case .wantsWriting: wantsWriting = true
        case .failed(let failure):
            // An end before the first byte is a check whether somebody listens, or a scan.
            fail(.tls(failure), tls.failureText)
            return failed()
        }
        return ByteStream.Read(count: -Int(EAGAIN), isDrained: true)
    }

    /// - Returns: what came behind the request; nil = the request has not ended, or was refused.
    private func upgrade(_ webSocket: WebSocketLayer, _ bytes: UnsafeMutableRawBufferPointer)
        -> UnsafeMutableRawBufferPointer?
    {
        switch webSocket.receiveRequest(UnsafeRawBufferPointer(bytes), from: peer) {
        case .waits: return nil
        case .refused(let problem, let text):
            fail(problem, text)
            return nil
        case .accepted(let found, let address, let byteCount):
            facts.webSocket = found
            // Nearer to the client than what PROXY tells.
            if let address { clientAddress = address }
            stage = .open
            return UnsafeMutableRawBufferPointer(rebasing: bytes[byteCount...])
        }
    }

    // MARK: Writing

    /// Writes what layers have to say, and then of `vectors` as much as is taken.
    ///
    /// - Parameters:
    ///   - vectors: `count` pieces with `offered` bytes in all; may be none.
    ///   - scratch: room for a record of TLS, whose content is not kept.
    /// - Returns: bytes of `vectors` that were taken; -EAGAIN: none, or not all that layers have to say; else a negative
    ///   errno. After -EAGAIN at least the same bytes have to be offered again.
    func write(
        _ descriptor: Int32, _ vectors: UnsafeMutableBufferPointer<iovec>, _ count: Int, offered: Int,
        scratch: UnsafeMutableRawBufferPointer
    ) -> Int {
        if let webSocket {
            return webSocket.write(
                vectors, count, offered: offered, over: tls, descriptor, scratch: scratch)
        }
        var total = 0
        for index in 0..<count {
            guard let base = vectors[index].iov_base else { continue }
            let length = vectors[index].iov_len
            var sent = 0
            // The library takes one record at a time.
            while sent < length {
                let done =
                    tls?.write(base + sent, length - sent)
                    ?? csystem_send(descriptor, base + sent, length - sent)
                guard done > 0 else { return total > 0 ? total : done }
                sent += done
                total += done
            }
        }
        return total
    }

    /// Nothing more comes from the connection: layers say their goodbye. `hasOutput` says whether it has to be written.
    func finish() { webSocket?.finish() }

    /// All has been written: the last word of TLS.
    func close() { tls?.close() }

    /// It took too long until bytes could come.
    func timeOut() {
        if isEstablishing { fail(stage == .handshake ? .tls(.timeout) : .timeout, "") }
    }
}

extension PeerAddress {
    /// As a proxy tells it; a Unix socket has no path that would matter here.
    init(_ address: ProxyAddress) {
        switch address {
        case .ip(let address, let port) where address.family == .ipv4:
            self = .ipv4(UInt32(truncatingIfNeeded: address.low), port: port)
        case .ip(let address, let port):
            self = .ipv6(high: address.high, low: address.low, port: port)
        case .unix(let path): self = .unix(path: path.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "")
        }
    }
}

/// One of the places that a listener has for connections that are not as far as the first byte.
final class HandshakePlace: Sendable {
    private let places: ConnectionPlaces

    /// A place that `places` has confirmed.
    init(_ places: ConnectionPlaces) { self.places = places }

    deinit { places.release() }
}
