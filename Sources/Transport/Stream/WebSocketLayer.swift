import CSystem
import Glibc
import Primitives
import StreamProtocols

/// WebSocket's part of a connection: its request, then frames both ways. One thread at a time.
///
/// Outgoing, all that waits becomes one binary frame. What the layer has to say itself goes between frames:
///
///     said:   |rest of an answer or of a frame's header|
///     frame:                                           |····payload that this header promised····|
///     next:                                                                                      |pong|close|
final class WebSocketLayer {
    private let settings: StreamPolicy.WebSocket
    private var reader: WebSocketFrameReader
    private var upgrade = WebSocketUpgrade()
    /// What has come of the request.
    private var request: [UInt8] = []
    private var isUpgraded = false

    /// Bytes to be written before anything else: an answer of HTTP, control frames, the header of the frame that follows.
    private var said: [UInt8] = []
    private var saidOffset = 0
    /// Payload that the frame's header promised and that was not written yet.
    private var frameRemaining = 0
    /// Written at the next border of frames.
    private var pong: [UInt8]?
    private var closeFrame: [UInt8]?
    /// Our close frame is among `said`, or has been.
    private var hasSaidClose = false

    private var pingCount = 0
    /// The peer broke a rule.
    private(set) var problem: WebSocketProblem?
    /// The peer's close frame has come.
    private(set) var hasEnded = false

    init(_ settings: StreamPolicy.WebSocket) {
        self.settings = settings
        reader = WebSocketFrameReader(maximumFrameByteCount: settings.maximumFrameByteCount)
    }

    /// Something is to be written that is not the connection's.
    var hasOutput: Bool {
        saidOffset < said.count || (frameRemaining == 0 && (pong != nil || closeFrame != nil))
    }

    // MARK: The request

    enum Request {
        /// It has not ended.
        case waits
        /// The answer is among what is to be written.
        case refused(StreamProblem, String)
        /// - Parameter byteCount: where the first byte of `bytes` stands that is not the request's.
        case accepted(WebSocketFacts, address: PeerAddress?, byteCount: Int)
    }

    func receiveRequest(_ bytes: UnsafeRawBufferPointer, from peer: PeerAddress) -> Request {
        let before = request.count
        request.append(contentsOf: bytes.prefix(max(settings.request.maximumByteCount - before, 0)))
        // A span of a property would not outlive the access to it.
        let received = request
        switch upgrade.parse(received.span.bytes, settings.request) {
        case .incomplete: return .waits
        case .refused(_, let problem, let response):
            said += response
            request = []
            return .refused(.upgrade(problem), problem.text)
        case .upgrade(let found, let byteCount):
            request = []
            return accept(found, byteCount: byteCount - before, from: peer)
        }
    }

    private func accept(_ found: WebSocketRequest, byteCount: Int, from peer: PeerAddress) -> Request {
        var address: PeerAddress?
        var name: UTF8Text?
        if let forwarders = settings.forwarders {
            guard forwarders.contains(peer) else {
                return refuse(.untrustedProxy, "\(peer) is not in proxy_xff_trusted_intermediate")
            }
            guard let forwarded = found.forwardedFor.flatMap(ForwardedFor.address) else {
                return refuse(.forwardedFor, "the request has no X-Forwarded-For with an address")
            }
            // The header has no port; that of the socket is shown.
            address = PeerAddress(.ip(forwarded, port: peer.port))
            if let header = settings.request.commonNameHeader {
                guard let common = found.commonName else {
                    return refuse(.forwardedFor, "the request has no name in \(header)")
                }
                name = common
            }
        }
        isUpgraded = true
        said += found.response(subprotocol: found.subprotocol)
        let facts = WebSocketFacts(subprotocol: found.subprotocol, commonName: name)
        return .accepted(facts, address: address, byteCount: byteCount)
    }

    private func refuse(_ problem: StreamProblem, _ text: String) -> Request {
        said += WebSocketUpgradeProblem.origin.response
        return .refused(problem, text)
    }

    // MARK: Frames that come

    /// Moves the payload that is in `bytes` to their front. - Returns: its bytes.
    func decode(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        let progress = reader.decode(bytes)
        pingCount += progress.pingCount
        if let ping = progress.ping { pong = WebSocketFrameWriter.pongFrame(ping) }
        switch progress.end {
        case nil: break
        case .closed(let close):
            hasEnded = true
            say(close: close.code)
        case .failed(let problem):
            self.problem = problem
            say(close: problem.closeCode, UTF8Text(problem.text))
        }
        return progress.payloadByteCount
    }

    /// Pings that have come since this was last called.
    func takePings() -> Int {
        defer { pingCount = 0 }
        return pingCount
    }

    private func say(close code: UInt16?, _ reason: UTF8Text = "") {
        guard closeFrame == nil, !hasSaidClose else { return }
        closeFrame = WebSocketFrameWriter.closeFrame(code: code, reason: reason)
    }

    /// The connection has written all it had to: 1000.
    func finish() { if isUpgraded { say(close: 1000) } }

    // MARK: Frames that go

    /// As `StreamLayers.write`.
    func write(
        _ vectors: UnsafeMutableBufferPointer<iovec>, _ count: Int, offered: Int, over tls: TLSSession?,
        _ descriptor: Int32, scratch: UnsafeMutableRawBufferPointer
    ) -> Int {
        var cursor = VectorCursor(vectors, count)
        var total = 0
        while true {
            if frameRemaining == 0, saidOffset == said.count { beginFrame(offered - total) }
            guard hasOutput || frameRemaining > 0 && total < offered else {
                // After a close frame nothing is sent any more [RFC 6455, 5.5.1].
                return hasSaidClose && total < offered ? -Int(EPIPE) : total
            }
            let wanted = said.count - saidOffset
            let done =
                tls.map { writeRecord(over: $0, cursor, scratch) } ?? writeVectors(descriptor, cursor)
            guard done >= 0 else { return total > 0 ? total : done }
            let ownBytes = min(done, wanted)
            saidOffset += ownBytes
            if saidOffset == said.count, saidOffset > 0 {
                said.removeAll(keepingCapacity: said.capacity <= 256)
                saidOffset = 0
            }
            let payload = done - ownBytes
            frameRemaining -= payload
            total += payload
            cursor.advance(payload)
            // The kernel took a part: asking again would only be refused.
            if tls == nil, saidOffset < said.count || (frameRemaining > 0 && total < offered) {
                return total > 0 ? total : -Int(EAGAIN)
            }
        }
    }

    /// At a border of frames: what the layer says itself, then the header of one frame for all that is offered.
    private func beginFrame(_ byteCount: Int) {
        if let frame = pong.take() { said += frame }
        if byteCount > 0, !hasSaidClose {
            frameRemaining = byteCount
            let size = WebSocketFrameWriter.headerByteCount(payloadByteCount: byteCount)
            withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { header in
                guard let base = header.baseAddress else { return }
                WebSocketFrameWriter.writeHeader(payloadByteCount: byteCount, to: base)
                said.append(contentsOf: header)
            }
        } else if let frame = closeFrame.take() {
            said += frame
            hasSaidClose = true
        }
    }

    /// One call of the system for what is said and the payload behind it.
    private func writeVectors(_ descriptor: Int32, _ cursor: VectorCursor) -> Int {
        said.withUnsafeBytes { said in
            withUnsafeTemporaryAllocation(of: iovec.self, capacity: cursor.count + 1) { vectors in
                var used = 0
                if saidOffset < said.count, let base = said.baseAddress {
                    vectors[0] = iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: base + saidOffset),
                        iov_len: said.count - saidOffset)
                    used = 1
                }
                cursor.forEach(upTo: frameRemaining) { base, length in
                    vectors[used] = iovec(iov_base: base, iov_len: length)
                    used += 1
                }
                return csystem_send_vectors(descriptor, vectors.baseAddress, Int32(truncatingIfNeeded: used))
            }
        }
    }

    /// One record of TLS with both, so that a header of two bytes does not become a record of its own. After a refusal the
    /// same bytes are put together again, as the library asks.
    private func writeRecord(
        over tls: TLSSession, _ cursor: VectorCursor, _ scratch: UnsafeMutableRawBufferPointer
    ) -> Int {
        guard let target = scratch.baseAddress else { return -Int(ENOMEM) }
        var filled = 0
        said.withUnsafeBytes { said in
            let own = min(said.count - saidOffset, scratch.count)
            if let base = said.baseAddress { target.copyMemory(from: base + saidOffset, byteCount: own) }
            filled = own
        }
        cursor.forEach(upTo: min(frameRemaining, scratch.count - filled)) { base, length in
            (target + filled).copyMemory(from: base, byteCount: length)
            filled += length
        }
        return tls.write(target, filled)
    }
}

/// A place in pieces of memory that are written one after the other.
private struct VectorCursor {
    private let vectors: UnsafeMutableBufferPointer<iovec>
    let count: Int
    private var index = 0
    private var offset = 0

    init(_ vectors: UnsafeMutableBufferPointer<iovec>, _ count: Int) {
        self.vectors = vectors
        self.count = count
    }

    mutating func advance(_ byteCount: Int) {
        var left = byteCount
        while left > 0, index < count {
            let step = min(left, vectors[index].iov_len - offset)
            left -= step
            offset += step
            if offset == vectors[index].iov_len {
                index += 1
                offset = 0
            }
        }
    }

    /// Calls `body` with the next pieces, `limit` bytes in all.
    func forEach(upTo limit: Int, _ body: (UnsafeMutableRawPointer, Int) -> Void) {
        var left = limit
        var offset = offset
        for index in index..<max(count, index) where left > 0 {
            let length = min(vectors[index].iov_len - offset, left)
            if let base = vectors[index].iov_base, length > 0 { body(base + offset, length) }
            left -= length
            offset = 0
        }
    }
}
