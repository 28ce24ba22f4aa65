import CMicroHTTPD
import Synchronization

/// How the library reads a stream. Its pointer is a retained `StreamReader`, released when the library is done with it.
private final class StreamReader: Sendable {
    /// nil for HEAD, which reads nothing.
    let stream: HTTPStream?
    let connection: SuspendedConnection
    let counters: HTTPCounters

    init(_ stream: HTTPStream?, _ connection: SuspendedConnection, _ counters: HTTPCounters) {
        self.stream = stream
        self.connection = connection
        self.counters = counters
    }
}

/// The library's answer for `stream`, or for HEAD where there would be one.
func streamResponse(
    _ stream: HTTPStream?, _ connection: OpaquePointer, _ core: RequestHandling
) -> OpaquePointer? {
    let reader = StreamReader(stream, SuspendedConnection(pointer: connection), core.counters)
    let context = Unmanaged.passRetained(reader)
    let response = MHD_create_response_from_callback(
        .max, 32 << 10, readStream, context.toOpaque(),
        { context in
            guard let context else { return }
            Unmanaged<StreamReader>.fromOpaque(context).release()
        })
    guard let response else {
        context.release()
        return nil
    }
    if stream == nil { cmicrohttpd_without_chunks(response) }
    return response
}

/// Called when the library has room for more of the answer. A connection for which there is nothing is suspended, under the
/// stream's lock, so that whoever writes next finds it suspended and resumes it.
private func readStream(
    _ context: UnsafeMutableRawPointer?, _: UInt64, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int
) -> Int {
    let end = -1  // MHD_CONTENT_READER_END_OF_STREAM
    let failure = -2  // MHD_CONTENT_READER_END_WITH_ERROR
    guard let context, let bytes, count > 0 else { return failure }
    let reader = Unmanaged<StreamReader>.fromOpaque(context).takeUnretainedValue()
    guard let stream = reader.stream else { return end }
    let connection = reader.connection
    let reading = stream.read(into: UnsafeMutableRawBufferPointer(start: bytes, count: count)) {
        MHD_suspend_connection(connection.pointer)
        return { MHD_resume_connection(connection.pointer) }
    }
    switch reading {
    case .bytes(let count):
        reader.counters.responseBytes.add(count, ordering: .relaxed)
        return count
    case .waiting: return 0
    case .finished: return end
    case .failed: return failure
    }
}
