import CCurl
import Glibc
import Primitives

/// Posts bodies to one URL and brings the answers, over one connection as long as it holds. Lives on the exporter's thread.
///
/// All of it is bounded: the time for a request, the size of an answer's head and body. Redirects are not followed.
final class OTLPTransport {
    /// How a request ended.
    enum End {
        case answer(OTLPAnswer)
        /// There is none, for a reason in words. `pause`: seconds before it is worth trying again; 0 when nobody knows.
        case failure(OTLPRequestResult, String, pause: Int64)
        /// Somebody wants the exporter to end.
        case stopped
    }

    /// Seconds before another lookup when one took too long: each has a thread, which goes on until the system's own
    /// lookup ends.
    static let lookupPause: Int64 = 30

    /// Bytes of an answer's body, and of its head.
    static let largestAnswer = 64 * 1024

    private let handle: UnsafeMutableRawPointer
    private let set: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>
    private let settings: OTLPSettings
    private let agent: String

    /// - Returns: nil when there is no memory for it.
    init?(_ settings: OTLPSettings, version: String) {
        guard let handle = curl_easy_init(), let set = curl_multi_init() else { return nil }
        ccurl_keep_one_connection(set)
        self.handle = handle
        self.set = set
        self.settings = settings
        agent = "vernemq/\(version)"
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.pointee = 0
    }

    deinit {
        curl_easy_cleanup(handle)
        curl_multi_cleanup(set)
        errorText.deallocate()
    }

    /// - Parameters:
    ///   - wakeup: a descriptor that becomes readable when `isStopped` is worth asking.
    func post(_ body: [UInt8], isGzip: Bool, wakeup: Int32, isStopped: () -> Bool) -> End {
        let receiver = Receiver()
        errorText.pointee = 0
        let headers = Self.list(settings.headers, isGzip: isGzip)
        defer { curl_slist_free_all(headers) }
        return withExtendedLifetime(receiver) {
            body.withUnsafeBytes { bytes in
                let prepared = prepare(receiver, headers, bytes)
                guard prepared == CURLE_OK, curl_multi_add_handle(set, handle) == CURLM_OK else {
                    return .failure(.unreachable, reason(prepared), pause: 0)
                }
                defer { curl_multi_remove_handle(set, handle) }
                return run(receiver, wakeup, isStopped)
            }
        }
    }

    private static func list(_ own: [(name: String, value: String)], isGzip: Bool)
        -> UnsafeMutablePointer<curl_slist>?
    {
        // An empty one keeps the library from sending its own.
        var lines = ["Content-Type: application/x-protobuf", "Accept: application/x-protobuf", "Expect:"]
        if isGzip { lines.append("Content-Encoding: gzip") }
        lines += own.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines { list = curl_slist_append(list, line) }
        return list
    }

    private func prepare(
        _ receiver: Receiver, _ headers: UnsafeMutablePointer<curl_slist>?, _ body: UnsafeRawBufferPointer
    ) -> CURLcode {
        let texts = [settings.endpoint, agent, settings.authorities].map { $0.flatMap { strdup($0) } }
        defer { texts.forEach { free($0) } }
        let timeout = Int(clamping: settings.timeout)
        var post = CCurlPost(
            url: texts[0], authorities: texts[2], userAgent: texts[1], headers: headers,
            body: body.baseAddress, bodySize: body.count, connectMilliseconds: min(5_000, timeout),
            totalMilliseconds: timeout, errorText: errorText)
        return ccurl_prepare_post(
            handle, &post,
            { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let receiver = Unmanaged<Receiver>.fromOpaque(context).takeUnretainedValue()
                let piece = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return receiver.take(piece) ? piece.count : 0
            },
            { _, size, count, context in
                guard let context else { return 0 }
                let receiver = Unmanaged<Receiver>.fromOpaque(context).takeUnretainedValue()
                return receiver.takeHead(size * count) ? size * count : 0
            }, Unmanaged.passUnretained(receiver).toOpaque())
    }

    private func run(_ receiver: Receiver, _ wakeup: Int32, _ isStopped: () -> Bool) -> End {
        var running: Int32 = 0
        var code = CURLE_OK
        while true {
            guard curl_multi_perform(set, &running) == CURLM_OK else {
                return .failure(.lost, "the library failed", pause: 0)
            }
            if ccurl_ended(set, &code) != 0 { break }
            if isStopped() { return .stopped }
            var beside = curl_waitfd(fd: wakeup, events: Int16(CURL_WAIT_POLLIN), revents: 0)
            curl_multi_poll(set, &beside, 1, 1_000, nil)
        }
        let status = ccurl_status(handle)
        // What there is of an answer that is too large says enough.
        guard code == CURLE_OK || receiver.isTooLarge && status != 0 else {
            if code == CURLE_OPERATION_TIMEDOUT, ccurl_is_looking_up(handle) != 0 {
                return .failure(.unreachable, "name servers do not answer", pause: Self.lookupPause)
            }
            return .failure(Self.result(of: code), reason(code), pause: 0)
        }
        return .answer(
            OTLPAnswer(
                status: status, contentType: ccurl_content_type(handle).map { String(cString: $0) } ?? "",
                retryAfter: ccurl_retry_after(handle), body: receiver.body, isTooLarge: receiver.isTooLarge))
    }

    private static func result(of code: CURLcode) -> OTLPRequestResult {
        switch code {
        case CURLE_OPERATION_TIMEDOUT: .timeout
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_ISSUER_ERROR:
            .untrusted
        case CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_PARTIAL_FILE,
            CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_WRITE_ERROR:
            .lost
        default: .unreachable
        }
    }

    private func reason(_ code: CURLcode) -> String {
        let own = String(cString: errorText)
        return own.isEmpty ? String(cString: curl_easy_strerror(code)) : own
    }
}

/// What the library calls back.
private final class Receiver {
    private(set) var body: [UInt8] = []
    private(set) var isTooLarge = false
    private var headSize = 0

    func take(_ piece: UnsafeRawBufferPointer) -> Bool {
        let room = OTLPTransport.largestAnswer - body.count
        isTooLarge = piece.count > room
        body.append(contentsOf: piece.prefix(room))
        return !isTooLarge
    }

    func takeHead(_ count: Int) -> Bool {
        headSize += count
        isTooLarge = headSize > OTLPTransport.largestAnswer
        return !isTooLarge
    }
}
