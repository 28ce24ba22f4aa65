import CMicroHTTPD
import Glibc
import Synchronization

/// Where C calls in. Each function turns pointers into values, calls `RequestHandling`, and nothing else.
/// `context` is the server's `RequestHandling`, alive as long as the daemon; a request's own pointer is a
/// retained `PendingRequest`, made in `requestTargetArrived` and released in `requestCompleted`.

private func handling(_ context: UnsafeMutableRawPointer?) -> RequestHandling? {
    context.map { Unmanaged<RequestHandling>.fromOpaque($0).takeUnretainedValue() }
}

private func key(_ connection: OpaquePointer) -> Int { Int(bitPattern: connection) }

func connectionChanged(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ code: MHD_ConnectionNotificationCode
) {
    guard let core = handling(context), let connection else { return }
    guard code == .CONNECTION_NOTIFY_STARTED else { return core.connections.closed(key(connection)) }
    let descriptor = cmicrohttpd_descriptor(connection)
    guard descriptor >= 0 else { return }
    let peer = core.traits.isLocal ? HTTPPeer.local(descriptor) : HTTPPeer.tcp(connection)
    var bytes = [UInt8](repeating: 0, count: 16)
    cmicrohttpd_address(connection, &bytes)
    var address = bytes.withUnsafeBytes {
        ConnectionTable.Address(
            high: $0.loadUnaligned(as: UInt64.self), low: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        )
    }
    if case .local(let uid, _, _) = peer { address = .init(high: 0, low: UInt64(uid)) }
    core.connections.opened(key(connection), descriptor: descriptor, address: address, peer: peer)
}

/// - Parameter target: path and query as sent; good during this call only.
func requestTargetArrived(
    _ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let core = handling(context), let target, let connection else { return nil }
    core.connections.isArriving(key(connection))
    core.pendingCount.add(1, ordering: .relaxed)
    return Unmanaged.passRetained(PendingRequest(target: bytes(target))).toOpaque()
}

/// Called with the headers, then with each piece of the body, then at its end, and once more when the page is there.
func requestProgressed(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ method: UnsafePointer<CChar>?,
    _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?,
    _ uploadSize: UnsafeMutablePointer<Int>?, _ pending: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let core = handling(context), let connection, let method, let version, let uploadSize,
        let pointer = pending?.pointee
    else { return .NO }
    let request = Unmanaged<PendingRequest>.fromOpaque(pointer).takeUnretainedValue()
    let isFirst = request.parts.withLock { parts in
        defer { parts.isBegun = true }
        return !parts.isBegun
    }
    if isFirst {
        let fields = HeaderFields()
        MHD_get_connection_values_n(
            connection, .HEADER_KIND, { collectField($0, $2, $3, $4, $5) },
            Unmanaged.passUnretained(fields).toOpaque())
        let refusal =
            refusalOfPeer(connection, core)
            ?? core.begin(request, method: bytes(method), version: bytes(version), fields: fields.list)
        if let refusal { return refuse(refusal, on: connection, request, core) }
        guard let peer = core.connections.peer(key(connection)),
            let answer = core.answerBeforeBody(request, peer: peer)
        else { return .YES }
        return last(answer, on: connection, request, core)
    }
    if uploadSize.pointee > 0 {
        let piece = UnsafeRawBufferPointer(start: upload, count: uploadSize.pointee)
        uploadSize.pointee = 0
        guard request.parts.withLock({ $0.refusal == nil }), let refusal = core.take(piece, request) else {
            return .YES
        }
        guard !core.traits.isTLS else {
            // Only the library may write to the socket, and it does not before the end of the body: that is read and
            // forgotten, for as long as a request may take.
            _ = core.takeBody(request)
            request.parts.withLock { $0.refusal = refusal }
            return .YES
        }
        core.connections.refuse(key(connection), refusal)
        return .NO
    }
    if let answer = request.answer.withLock({ $0.take() }) {
        return queue(answer, on: connection, request, core)
    }
    if let refusal = request.parts.withLock({ $0.refusal }) {
        return refuse(refusal, on: connection, request, core)
    }
    // Ended meanwhile, and the library has not seen it yet.
    guard let peer = core.connections.peer(key(connection)) else { return .NO }
    core.connections.isHandled(key(connection))
    let suspended = SuspendedConnection(pointer: connection)
    MHD_suspend_connection(connection)
    let number = key(connection)
    core.makePage(request, peer: peer, isWanted: { core.connections.isOpen(number) }) {
        MHD_resume_connection(suspended.pointer)
    }
    return .YES
}

/// Whether the listener serves who is at the other end at all.
private func refusalOfPeer(_ connection: OpaquePointer, _ core: RequestHandling) -> HTTPRefusal? {
    // Nobody to refuse when the connection has been ended meanwhile.
    if let peer = core.connections.peer(key(connection)), !core.traits.admits(peer) { return .peer }
    return core.traits.wantsCertificate && cmicrohttpd_is_certified(connection) == 0 ? .certificate : nil
}

/// Answers a request that no page sees, and ends its connection.
private func refuse(
    _ refusal: HTTPRefusal, on connection: OpaquePointer, _ request: PendingRequest, _ core: RequestHandling
) -> MHD_Result {
    core.counters.count(refusal)
    return last(
        .text(refusal.status, refusal.sentence(core.limits)), on: connection, request, core)
}

/// Answers a request whose body may not have come, and ends its connection.
private func last(
    _ answer: HTTPResponse, on connection: OpaquePointer, _ request: PendingRequest, _ core: RequestHandling
) -> MHD_Result {
    var answer = answer
    answer.headers.append(("Connection", "close"))
    request.parts.withLock { $0.endsConnection = true }
    return queue(answer, on: connection, request, core)
}

/// A connection that the library leaves alone until the thread that has it resumes it, hence @unchecked.
struct SuspendedConnection: @unchecked Sendable {
    let pointer: OpaquePointer
}

func requestCompleted(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ pending: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, isWhole: Bool
) {
    guard let core = handling(context), let connection, let pointer = pending?.pointee else { return }
    pending?.pointee = nil
    let request = Unmanaged<PendingRequest>.fromOpaque(pointer).takeRetainedValue()
    core.complete(request, isWhole: isWhole)
    let (status, endsConnection) = request.parts.withLock { ($0.status, $0.endsConnection) }
    if status == 0 { core.countLibraryAnswer(status: Int(cmicrohttpd_status(connection))) }
    // What the library refuses by itself ends too: where the next request would begin is not certain.
    if endsConnection || status == 0 {
        core.connections.end(key(connection))
    } else {
        core.connections.isAnswered(key(connection))
    }
}

extension RequestHandling {
    /// The library refused a request by itself: what it cannot read, or has no memory for.
    fileprivate func countLibraryAnswer(status: Int) {
        guard status >= 400 else { return }
        counters.countAnswer(status: status)
        switch status {
        case 414: counters.count(.uriTooLong)
        case 413, 431: counters.count(.headerTooLarge)
        case 505: counters.count(.version)
        default: counters.count(.malformed)
        }
    }
}

private final class HeaderFields {
    var list: [(name: [UInt8], value: [UInt8])] = []
}

private func collectField(
    _ context: UnsafeMutableRawPointer?, _ name: UnsafePointer<CChar>?, _ nameSize: Int,
    _ value: UnsafePointer<CChar>?, _ valueSize: Int
) -> MHD_Result {
    guard let context, let name else { return .YES }
    let fields = Unmanaged<HeaderFields>.fromOpaque(context).takeUnretainedValue()
    fields.list.append((bytes(name, nameSize), value.map { bytes($0, valueSize) } ?? []))
    return .YES
}

private func bytes(_ text: UnsafePointer<CChar>) -> [UInt8] { bytes(text, strlen(text)) }

private func bytes(_ text: UnsafePointer<CChar>, _ count: Int) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: text, count: count))
}

private func queue(
    _ made: HTTPResponse, on connection: OpaquePointer, _ request: PendingRequest, _ core: RequestHandling
) -> MHD_Result {
    let isHead = request.parts.withLock { $0.head.method == "HEAD" }
    var answer = core.beginStream(of: made, isHead: isHead)
    let stream = isHead ? nil : answer.stream
    request.parts.withLock { parts in
        parts.status = answer.status
        parts.stream = stream
    }
    let response: OpaquePointer?
    if answer.stream != nil {
        response = streamResponse(stream, connection, core)
    } else {
        response = answer.body.withUnsafeMutableBytes { body in
            // Copied: the library sends it after this call.
            MHD_create_response_from_buffer(body.count, body.baseAddress, .RESPMEM_MUST_COPY)
        }
    }
    guard let response else { return .NO }
    defer { MHD_destroy_response(response) }
    if let contentType = answer.contentType { MHD_add_response_header(response, "Content-Type", contentType) }
    for header in answer.headers { MHD_add_response_header(response, header.name, header.value) }
    core.counters.countAnswer(status: answer.status)
    if let stream {
        core.connections.isStreaming(key(connection), stream)
    } else {
        if !isHead { core.counters.responseBytes.add(answer.body.count, ordering: .relaxed) }
        core.connections.isSending(key(connection), byteCount: isHead ? 0 : answer.body.count)
    }
    return MHD_queue_response(connection, UInt32(clamping: answer.status), response)
}
