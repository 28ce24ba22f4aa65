import CMicroHTTPD
import Glibc
import Synchronization

/// Where C calls in. Each function turns pointers into values, calls `RequestHandling`, and nothing else.
/// `context` is the server's `RequestHandling`, alive as long as the daemon; a request's own pointer is a
/// retained `PendingRequest`, made in `requestTargetArrived` and released in `requestCompleted`.

private func handling(_ context: UnsafeMutableRawPointer?) -> RequestHandling? {
    context.map { Unmanaged<RequestHandling>.fromOpaque($0).takeUnretainedValue() }
}

func connectionMayEnter(_ context: UnsafeMutableRawPointer?) -> MHD_Result {
    handling(context)?.mayEnter() == true ? .YES : .NO
}

func connectionChanged(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ code: MHD_ConnectionNotificationCode
) {
    guard let core = handling(context), let connection else { return }
    let key = Int(bitPattern: connection)
    guard code == .CONNECTION_NOTIFY_STARTED else {
        core.deadlines.closed(key)
        core.counters.openConnections.subtract(1, ordering: .relaxed)
        return
    }
    core.counters.openConnections.add(1, ordering: .relaxed)
    core.counters.acceptedConnections.add(1, ordering: .relaxed)
    let descriptor = cmicrohttpd_descriptor(connection)
    if descriptor >= 0 { core.deadlines.opened(key, descriptor: descriptor) }
}

/// - Parameter target: path and query as sent; good during this call only.
func requestTargetArrived(_ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?)
    -> UnsafeMutableRawPointer?
{
    guard let core = handling(context), let target else { return nil }
    let bytes = UnsafeRawBufferPointer(start: target, count: strlen(target))
    core.pendingCount.add(1, ordering: .relaxed)
    return Unmanaged.passRetained(PendingRequest(target: Array(bytes))).toOpaque()
}

/// Called with the headers, then with each piece of the body, then once more at the end.
func requestProgressed(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ method: UnsafePointer<CChar>?,
    _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?,
    _ uploadSize: UnsafeMutablePointer<Int>?, _ pending: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let core = handling(context), let connection, let method, let version, let uploadSize,
        let pointer = pending?.pointee
    else { return .NO }
    let request = Unmanaged<PendingRequest>.fromOpaque(pointer).takeUnretainedValue()
    if !request.isBegun {
        request.isBegun = true
        request.method = String(cString: method)
        MHD_get_connection_values(
            connection, .HEADER_KIND, { collectHeader($0, $1, $2, $3) },
            Unmanaged.passUnretained(request).toOpaque())
        guard let refusal = core.begin(request, version: strlen(version)) else { return .YES }
        return queue(refusal, on: connection, request, core)
    }
    if uploadSize.pointee > 0 {
        let piece = UnsafeRawBufferPointer(start: upload, count: uploadSize.pointee)
        uploadSize.pointee = 0
        return core.take(piece, request) ? .YES : .NO
    }
    core.deadlines.requestIsComplete(Int(bitPattern: connection))
    return queue(core.answer(request), on: connection, request, core)
}

func requestCompleted(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ pending: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) {
    guard let core = handling(context), let connection, let pointer = pending?.pointee else { return }
    pending?.pointee = nil
    let request = Unmanaged<PendingRequest>.fromOpaque(pointer).takeRetainedValue()
    core.pendingCount.subtract(1, ordering: .relaxed)
    core.deadlines.isAnswered(Int(bitPattern: connection))
    // Requests the library refused by itself (headers too long, malformed) never came to an answer of ours.
    if request.status == 0 { core.counters.countAnswer(status: Int(cmicrohttpd_status(connection))) }
}

private func collectHeader(
    _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?,
    _ value: UnsafePointer<CChar>?
) -> MHD_Result {
    guard let context, let name else { return .YES }
    let request = Unmanaged<PendingRequest>.fromOpaque(context).takeUnretainedValue()
    request.headers.append((String(cString: name), value.map { String(cString: $0) } ?? ""))
    return .YES
}

private func queue(
    _ answer: HTTPResponse, on connection: OpaquePointer, _ request: PendingRequest, _ core: RequestHandling
) -> MHD_Result {
    var answer = answer
    let response = answer.body.withUnsafeMutableBytes { body in
        // Copied: the library sends it after this call.
        MHD_create_response_from_buffer(body.count, body.baseAddress, .RESPMEM_MUST_COPY)
    }
    guard let response else { return .NO }
    defer { MHD_destroy_response(response) }
    if let contentType = answer.contentType { MHD_add_response_header(response, "Content-Type", contentType) }
    for header in answer.headers { MHD_add_response_header(response, header.name, header.value) }
    request.status = answer.status
    core.counters.countAnswer(status: answer.status)
    if request.method != "HEAD" { core.counters.responseBytes.add(answer.body.count, ordering: .relaxed) }
    return MHD_queue_response(connection, UInt32(clamping: answer.status), response)
}
