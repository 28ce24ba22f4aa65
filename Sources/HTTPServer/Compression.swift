import CZlib

/// Answers in gzip, for clients that take it.
extension HTTPResponse {
    /// Below this many bytes compression saves less than a packet.
    private static let leastCompressed = 1_024
    /// zlib's level. The 70 KB of an idle broker's `/metrics` become 10 KB in 0.7 ms; level 6 makes them another 12 %
    /// smaller in 2.5 times the time.
    private static let level: Int32 = 2

    /// The same answer in gzip, where it may be compressed and the client takes it.
    func compressed(for request: HTTPRequest) -> HTTPResponse {
        guard isCompressible else { return self }
        var answer = self
        // A cache between here and the client must not give one client's form to another [RFC 9110 §12.5.5].
        answer.headers.append(("Vary", "Accept-Encoding"))
        guard body.count >= Self.leastCompressed, request.acceptsGzip else { return answer }
        var count = 0
        let packed = [UInt8](unsafeUninitializedCapacity: body.count) { target, written in
            body.withUnsafeBytes { source in
                count = czlib_gzip(
                    source.baseAddress, source.count, target.baseAddress, target.count, Self.level)
            }
            written = count
        }
        // 0: it would not have become smaller, or there was no memory for it.
        guard count > 0 else { return answer }
        answer.body = packed
        answer.headers.append(("Content-Encoding", "gzip"))
        return answer
    }
}

extension HTTPRequest {
    /// Whether the client says that it takes gzip [RFC 9110 §12.5.3].
    var acceptsGzip: Bool {
        var isAccepted = false
        for header in headers where Self.isSame(header.name, "Accept-Encoding") {
            for coding in header.value.split(separator: ",") {
                let parts = coding.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
                guard let name = parts.first, ["gzip", "x-gzip", "*"].contains(name) else { continue }
                let isRefused = parts.dropFirst().contains {
                    ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains($0)
                }
                if name != "*" { return !isRefused }
                isAccepted = !isRefused
            }
        }
        return isAccepted
    }
}
