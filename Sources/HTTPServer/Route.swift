/// A page: where it is, what may be done with it, who answers.
package struct Route: Sendable {
    /// Which methods a route takes. HEAD comes with GET and OPTIONS with everything, without the handler's
    /// help.
    package enum Methods: Sendable {
        /// Every method, and no body of any.
        case any
        /// These methods; of POST, PUT and PATCH the body too.
        case only([String])
    }

    /// Pages of one lane wait for each other; those of another lane wait for none of them.
    package enum Lane: Int, CaseIterable, Sendable {
        /// All that need no lane of their own: `http.threads` make them.
        case pages
        /// The numbers: whoever watches the broker must not wait behind people's browsers. One thread.
        case metrics
        /// Whether the broker is well, where the answer may wait for loops. One thread.
        case health
        /// What is answered at once, whatever stands still. One thread.
        case live
    }

    /// Makes the answer to a request. The threads of the server may run it several times at once.
    package typealias Handler = @Sendable (HTTPRequest) throws -> HTTPResponse

    /// Decides from the head of a request whether the page answers it; nil = it does, else the answer. Runs before a body is
    /// read, on a thread that all connections of the server need.
    package typealias Admission = @Sendable (HTTPRequest) -> HTTPResponse?

    /// `/metrics`, or `/api/v1/*` for everything below `/api/v1/`.
    package let path: String
    /// The methods that the page takes; others are answered with 405.
    package let methods: Methods
    /// Which threads make the page.
    package let lane: Lane
    /// Asked once for each request, but never for OPTIONS: a browser asks that before it may send what lets it in. nil =
    /// everybody is let in.
    package let admission: Admission?
    /// Runs on a thread of the HTTP server. What it throws is logged and answered with 500.
    package let handler: Handler

    /// A page at `path`, for GET unless stated otherwise.
    package init(
        _ path: String, _ methods: Methods = .only(["GET"]), lane: Lane = .pages,
        admission: Admission? = nil, handler: @escaping Handler
    ) {
        self.path = path
        self.methods = methods
        self.lane = lane
        self.admission = admission
        self.handler = handler
    }

    /// What `Allow` says.
    var allowed: [String] {
        switch methods {
        case .any: return ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
        case .only(let names):
            var all = names
            for name in names.contains("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"] where !all.contains(name) {
                all.append(name)
            }
            return all
        }
    }

    fileprivate func takes(_ method: String) -> Bool {
        if case .any = methods { return true }
        return allowed.contains(method)
    }

    /// Whether the handler looks at the body of such a request.
    fileprivate func wantsBody(_ method: String) -> Bool {
        guard case .only(let names) = methods else { return false }
        return ["POST", "PUT", "PATCH"].contains(method) && names.contains(method)
    }

    /// The answer to who may not use the page; nil = the request goes on.
    fileprivate func refusal(of request: HTTPRequest) -> HTTPResponse? {
        request.method == "OPTIONS" || request.isAdmitted ? nil : admission?(request)
    }

    /// Bytes, not `String ==`: paths that only look alike are different pages.
    fileprivate func matches(_ requested: String) -> Bool {
        guard path.utf8.last == UInt8(ascii: "*") else {
            var bytes = requested.utf8[...]
            // `/status/` is `/status`.
            while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes = bytes.dropLast() }
            return bytes.elementsEqual(path.utf8)
        }
        let prefix = path.utf8.dropLast()
        return requested.utf8.count > prefix.count && requested.utf8.starts(with: prefix)
    }
}

/// All pages of a server. Decides who answers; touches no socket.
package struct Routes: Sendable {
    private let routes: [Route]

    /// The pages in the order in which they are asked: the first whose path matches answers.
    package init(_ routes: [Route]) {
        self.routes = routes
    }

    /// Where the page is made that answers `request`.
    func lane(of request: HTTPRequest) -> Route.Lane {
        routes.first { $0.matches(request.path) }?.lane ?? .pages
    }

    /// What becomes of the body that a request announces.
    struct Reception {
        /// Whether it is kept for the page; else it is read and forgotten.
        var wantsBody = false
        /// The answer, in place of reading it at all.
        var refusal: HTTPResponse?
    }

    /// Asks the page of a request, before its body comes, whether it is let in. Who asks for a page that does not exist, or for
    /// something that it does not take, hears it after the body.
    func reception(of head: HTTPRequest) -> Reception {
        guard let route = routes.first(where: { $0.matches(head.path) }), route.takes(head.method) else {
            return Reception()
        }
        return Reception(wantsBody: route.wantsBody(head.method), refusal: route.refusal(of: head))
    }

    /// What came of a request that could not be answered by its page.
    package struct HandlerFailure {
        /// The path of the route, which may end in `*`.
        package let path: String
        /// What the handler threw.
        package let error: any Error
    }

    /// Answers `request`: with its page, or with 404 or 405 and a sentence.
    ///
    /// - Parameter failed: called when the page's handler threw; the answer is then 500.
    package func answer(_ request: HTTPRequest, failed: (HandlerFailure) -> Void) -> HTTPResponse {
        guard let route = routes.first(where: { $0.matches(request.path) }) else {
            // Who asks over the network need not know what there is.
            guard case .local = request.peer else { return .text(404, "There is no page here.") }
            let pages = routes.map(\.path).joined(separator: ", ")
            return .text(404, "There is no page here. Pages: \(pages)")
        }
        let allow = (name: "Allow", value: route.allowed.joined(separator: ", "))
        guard route.takes(request.method) else {
            var refusal = HTTPResponse.text(405, "\(route.path) takes \(allow.value).")
            refusal.headers.append(allow)
            return refusal
        }
        if request.method == "OPTIONS", case .only(let names) = route.methods, !names.contains("OPTIONS") {
            return HTTPResponse(status: 200, headers: [allow])
        }
        if let refusal = route.refusal(of: request) { return refusal }
        do {
            return try route.handler(request)
        } catch {
            failed(HandlerFailure(path: route.path, error: error))
            return .text(500, "The page failed; the broker's log says why.")
        }
    }
}
