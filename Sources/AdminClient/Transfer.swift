import CCurl
import Glibc
import Primitives

/// One HTTP request and its answer, piece by piece as it comes.
struct Transfer {
    /// Where it goes.
    let endpoint: Endpoint
    /// The path with the query.
    let target: String
    /// Whether it may change something.
    let isPost: Bool
    /// What is asked for.
    let accept: String
    /// The whole time that it may take, in milliseconds; nil = any.
    var milliseconds: UInt64?
    /// How long the broker may be silent; nil = for ever.
    var silence: Int?
    /// A file with the certificates to trust; nil = those of the system.
    var authorities: String?

    /// How it ended.
    enum End {
        case complete
        /// No connection came about, so nothing was asked.
        case notConnected(String)
        /// The connection was lost, or what came is no HTTP.
        case lost(String)
        /// Nothing came for so long.
        case silent
        /// `take`, or what is waited for beside the answer, has ended it.
        case stopped
    }

    /// What is done with the answer.
    struct Handler {
        /// Called once, before the body.
        let begin: (_ status: Int, _ contentType: String) -> Void
        /// Takes a piece of the body; false = no more is wanted.
        let take: ([UInt8]) -> Bool
        /// Whether the answer says itself that it has ended.
        var hasEnded: () -> Bool = { false }
        /// What to wait for beside the answer: something to read, or the end.
        var inputs: () -> [Int32] = { [] }
        /// Where the answer is written, of which only its reader's end is waited for: a file, or a terminal where something
        /// is typed, has something to read all the time.
        var output: Int32?
        /// Looks after those; true = the transfer is to end.
        var looksForEnd: () -> Bool = { false }
    }

    /// How long a connection may take to come about.
    private static let connectMilliseconds = 10_000
    /// How long HTTP may take to end an answer that has said that it has ended.
    private static let epilogue: UInt64 = 2_000_000_000

    func perform(_ handler: Handler) -> End {
        guard let handle = curl_easy_init(), let set = curl_multi_init() else {
            return .notConnected("there is no memory for it")
        }
        let receiver = Receiver(handle, handler)
        let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.pointee = 0
        // Empty ones: the library would send its own.
        var headers: UnsafeMutablePointer<curl_slist>?
        for header in ["Accept: \(accept)", "Content-Type:", "Expect:"] {
            headers = curl_slist_append(headers, header)
        }
        defer {
            curl_multi_remove_handle(set, handle)
            curl_easy_cleanup(handle)
            curl_multi_cleanup(set)
            curl_slist_free_all(headers)
            errorText.deallocate()
        }
        return withExtendedLifetime(receiver) {
            let prepared = prepare(handle, receiver, headers, errorText)
            guard prepared == CURLE_OK, curl_multi_add_handle(set, handle) == CURLM_OK else {
                return .notConnected(Self.reason(prepared, errorText))
            }
            let end = run(set, receiver)
            guard case .failure(let code) = end else { return end.asEnd }
            return Self.end(of: code, errorText, hasAnswer: receiver.hasBegun)
        }
    }

    private enum Progress {
        case end(End)
        case failure(CURLcode)

        var asEnd: End {
            if case .end(let end) = self { return end }
            return .complete
        }
    }

    private func prepare(
        _ handle: UnsafeMutableRawPointer, _ receiver: Receiver, _ headers: UnsafeMutablePointer<curl_slist>?,
        _ errorText: UnsafeMutablePointer<CChar>
    ) -> CURLcode {
        var socket: String?
        var user: String?
        switch endpoint {
        case .socket(let path): socket = path
        case .url(_, let key): user = key
        }
        let texts = [endpoint.url(of: target), socket, user, authorities].map { text in
            text.flatMap { strdup($0) }
        }
        defer { texts.forEach { free($0) } }
        return "vmq-admin".withCString { agent in
            var request = CCurlRequest(
                url: texts[0], socketPath: texts[1], user: texts[2], authorities: texts[3], userAgent: agent,
                headers: headers, isPost: isPost ? 1 : 0, connectMilliseconds: Self.connectMilliseconds,
                errorText: errorText)
            return ccurl_prepare(
                handle, &request,
                { bytes, size, count, context in
                    guard let bytes, let context else { return 0 }
                    let receiver = Unmanaged<Receiver>.fromOpaque(context).takeUnretainedValue()
                    let piece = UnsafeRawBufferPointer(start: bytes, count: size * count)
                    return receiver.take(Array(piece)) ? size * count : 0
                }, Unmanaged.passUnretained(receiver).toOpaque())
        }
    }

    private func run(_ set: UnsafeMutableRawPointer, _ receiver: Receiver) -> Progress {
        let clock = SystemClock()
        let began = clock.now
        receiver.lastSign = began
        var running: Int32 = 0
        while true {
            let performed = curl_multi_perform(set, &running)
            if receiver.isStopped { return .end(.stopped) }
            var code = CURLE_OK
            if ccurl_ended(set, &code) != 0 {
                receiver.beginIfNeeded()
                return code == CURLE_OK ? .end(.complete) : .failure(code)
            }
            guard performed == CURLM_OK else { return .failure(CURLE_RECV_ERROR) }

            var limit = silence.map { receiver.lastSign.adding(seconds: UInt64($0)) }
            if receiver.handler.hasEnded() { limit = receiver.lastSign.adding(nanoseconds: Self.epilogue) }
            if let milliseconds {
                let end = began.adding(milliseconds: milliseconds)
                limit = limit.map { min($0, end) } ?? end
            }
            let now = clock.now
            if let limit, now >= limit {
                return .end(receiver.handler.hasEnded() ? .complete : .silent)
            }
            let left = limit.map { $0.nanoseconds(since: now) / 1_000_000 + 1 } ?? 10_000
            var beside = receiver.handler.inputs().map {
                curl_waitfd(fd: $0, events: Int16(CURL_WAIT_POLLIN), revents: 0)
            }
            if let output = receiver.handler.output {
                beside.append(curl_waitfd(fd: output, events: 0, revents: 0))
            }
            curl_multi_poll(set, &beside, UInt32(beside.count), Int32(min(left, 10_000)), nil)
            if receiver.handler.looksForEnd() { return .end(.stopped) }
        }
    }

    private static func end(of code: CURLcode, _ errorText: UnsafeMutablePointer<CChar>, hasAnswer: Bool)
        -> End
    {
        let reason = reason(code, errorText)
        if hasAnswer { return .lost(reason) }
        switch code {
        case CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_PARTIAL_FILE,
            CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_HTTP2:
            return .lost(reason)
        default: return .notConnected(reason)
        }
    }

    private static func reason(_ code: CURLcode, _ text: UnsafeMutablePointer<CChar>) -> String {
        let own = String(cString: text)
        return own.isEmpty ? String(cString: curl_easy_strerror(code)) : own
    }
}

/// What the library calls back: it holds the handler and notes what came.
private final class Receiver {
    let handler: Transfer.Handler
    private let handle: UnsafeMutableRawPointer
    private(set) var hasBegun = false
    private(set) var isStopped = false
    /// When something came.
    var lastSign = MonotonicTime.distantFuture

    init(_ handle: UnsafeMutableRawPointer, _ handler: Transfer.Handler) {
        self.handle = handle
        self.handler = handler
    }

    /// Tells the handler the status, if there is one; an answer may have no body.
    func beginIfNeeded() {
        let status = ccurl_status(handle)
        guard !hasBegun, status != 0 else { return }
        hasBegun = true
        handler.begin(status, ccurl_content_type(handle).map { String(cString: $0) } ?? "")
    }

    func take(_ bytes: [UInt8]) -> Bool {
        beginIfNeeded()
        lastSign = SystemClock().now
        if !handler.take(bytes) { isStopped = true }
        return !isStopped
    }
}
