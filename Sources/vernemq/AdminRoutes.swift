import Admin
import BrokerCore
import Control
import HTTPServer
import Listeners
import MQTTCodec
import Primitives

/// The commands of `vmq-admin` over HTTP: `/api/v1` on HTTP listeners, with a key, and on the Unix socket, without.
///
///     request → who is it → which command (`CommandLineParser`) → Control → JSON, or lines for the vmq-admin program
struct AdminRoutes: Sendable {
    let control: Control
    let attempts: FailedAttempts
    let statistics: APIStatistics
    private let parser = CommandLineParser(.vmqAdmin)

    init(_ control: Control) {
        self.control = control
        attempts = FailedAttempts()
        statistics = APIStatistics()
    }

    /// What the vmq-admin program asks for.
    static let wireType = "application/vnd.vmq-admin"

    // MARK: Who

    /// Who may use a route.
    enum Access: Sendable {
        /// Everybody who can connect: the Unix socket, or `auth.mode = noauth`.
        case everybody
        /// Who has a key of this scope.
        case key(APIKeys.Scope)
        /// Who has a key of this scope, or of the API; everybody while no key was made.
        case keyWhenThereIsOne(APIKeys.Scope)
    }

    /// The same routes for those who may use them.
    func guarded(_ routes: [Route], _ access: Access) -> [Route] {
        let scopes: [APIKeys.Scope]
        var isOptional = false
        switch access {
        case .everybody: return routes
        case .key(let scope): scopes = [scope]
        case .keyWhenThereIsOne(let scope): (scopes, isOptional) = ([scope, .mgmt], true)
        }
        return routes.map { [isOptional] route in
            Route(
                route.path, route.methods, lane: route.lane,
                admission: { request in
                    isOptional && control.keys.isEmpty ? nil : refusal(of: request, scopes)
                }, handler: route.handler)
        }
    }

    /// - Returns: nil when the request has a good key.
    private func refusal(of request: HTTPRequest, _ scopes: [APIKeys.Scope]) -> HTTPResponse? {
        let now = Int64(control.runtime.broker.clock.now.nanoseconds / 1_000_000_000)
        let address = request.peer.address
        guard !attempts.isLimited(address, key: request.apiKey, now: now) else {
            statistics.count(.limited)
            var answer = HTTPResponse.text(
                429,
                "Too many wrong API keys came from \(FailedAttempts.origin(of: address)); wait a minute.")
            answer.headers.append(("Retry-After", "\(FailedAttempts.window)"))
            return answer
        }
        let wall = control.runtime.broker.clock.wallMilliseconds / 1000
        if let key = request.apiKey, scopes.contains(where: { control.keys.admits(key, $0, now: wall) }) {
            attempts.succeeded(address, key: key, now: now)
            return nil
        }
        // A browser or a monitor without a key guesses nothing, and neither does who has a key for something else.
        if let key = request.apiKey, !control.keys.knows(key), attempts.failed(address, now: now) {
            control.auditRefusedKeys(from: FailedAttempts.origin(of: address))
        }
        statistics.count(.unauthorized)
        return HTTPResponse(
            status: 401, headers: [("WWW-Authenticate", "Authorization realm=\"VerneMQ\"")])
    }

    // MARK: Version 1

    /// `/api/v1/…`, without a look at who asks: see `guarded`.
    var version1: [Route] {
        [
            Route("/api/v1/openapi.json", .only(["GET", "OPTIONS"])) { [version = control.version] request in
                if request.method == "OPTIONS" { return Self.options }
                return .json(Array(OpenAPIDescription(.vmqAdmin, version: version).json().utf8))
            },
            completion,
            Route("/api/v1/*", .only(["GET", "POST", "OPTIONS"])) { try answer($0) },
        ]
    }

    private func answer(_ request: HTTPRequest) throws -> HTTPResponse {
        if request.method == "OPTIONS" { return Self.options }
        let isWire = request.header("Accept")?.contains(Self.wireType) == true
        guard isWire || request.accepts("application/json") else {
            statistics.count(.invalid)
            return .text(406, "This API answers in application/json, which the header Accept does not take.")
        }
        var query = request.query.map { (name: $0.name, value: $0.value) }
        let parsed: ParsedCommandLine
        do {
            if request.method == "POST" {
                query += try request.formItems().map { (name: $0.name, value: $0.value) }
            }
            let path = request.path.split(separator: "/").dropFirst(2).map(String.init)
            parsed = try parser.parse(path: path, query: query, isExact: isWire)
        } catch {
            if !isWire, let usage = (error as? AdminFailure)?.usage { return refusal(usage, 200, isWire) }
            let failure = error as? AdminFailure
            // A command of VerneMQ that this build does not have was understood.
            let isUnderstood = !isWire && failure?.kind == .failed
            return refusal(failure?.text ?? "\(error)", isUnderstood ? 200 : 400, isWire)
        }
        switch parsed {
        case .help(let words): return .text(200, HelpText(.vmqAdmin).text(for: words))
        case .version: return .text(200, control.version)
        case .invocation(let invocation, let options):
            guard invocation.command.effect != .destroys || options.isConfirmed || isHarmless(invocation)
            else {
                let text = "\(invocation.command.name) destroys what cannot be brought back; it needs --yes"
                control.audit(invocation, request.caller, text)
                return refusal(text, 400, isWire)
            }
            return run(invocation, request, isWire)
        }
    }

    /// VerneMQ deletes one retained message without asking, and scripts rely on it.
    private func isHarmless(_ invocation: Invocation) -> Bool {
        invocation.command.name == "retain delete"
            && invocation.value("topic").map { !$0.contains("#") && !$0.contains("+") } != false
    }

    /// What a browser may ask before it calls from another page.
    private static let options = HTTPResponse(
        status: 200,
        headers: [
            ("access-control-max-age", "1728000"), ("access-control-allow-methods", "HEAD, GET, POST"),
            ("access-control-allow-headers", "content-type, authorization"),
            ("access-control-allow-origin", "*"),
        ])

    private func refusal(_ text: String, _ status: Int, _ isWire: Bool) -> HTTPResponse {
        statistics.count(.invalid)
        guard !isWire else { return .text(status, text) }
        let bytes = Bytes()
        let output = JSONOutput { bytes.append($0) }
        output.alert(text)
        output.finish()
        return .json(bytes.all, status: status)
    }

    // MARK: Carrying out

    private func run(_ invocation: Invocation, _ request: HTTPRequest, _ isWire: Bool) -> HTTPResponse {
        let caller = request.caller
        let isLong = invocation.command.isStreaming || Self.longCommands.contains(invocation.command.name)
        guard isLong else { return short(invocation, caller, isWire) }
        do throws(AdminFailure) {
            try control.check(invocation)
        } catch {
            if error.kind == .usage { return refusal(error.text, 400, isWire) }
            statistics.count(.failed)
            return .text(503, error.text)
        }
        let type = isWire ? Self.wireType : "application/json"
        return HTTPResponse(
            contentType: type,
            stream: HTTPStream(isLasting: invocation.command.isStreaming) { stream in
                if isWire {
                    runWire(invocation, caller, isGone: { stream.isCancelled }) { stream.write($0) }
                } else {
                    let output = JSONOutput(
                        isStream: invocation.command.isStreaming, isGone: { stream.isCancelled }
                    ) { stream.write($0) }
                    carryOut(invocation, caller, output)
                }
            })
    }

    /// Commands whose answer may be long.
    private static let longCommands: Set = [
        "session show", "subscriptions show", "queue show", "retain show", "client show", "retain delete",
        "session disconnect clients", "session disconnect batch", "session reauthorize", "queue purge",
        "retain delete-expired", "metrics show",
    ]

    private func short(_ invocation: Invocation, _ caller: Caller, _ isWire: Bool) -> HTTPResponse {
        let bytes = Bytes()
        if isWire {
            runWire(invocation, caller) { bytes.append($0) }
            return HTTPResponse(contentType: Self.wireType, body: bytes.all)
        }
        let output = JSONOutput { bytes.append($0) }
        let failure = carryOut(invocation, caller, output)
        return .json(bytes.all, status: failure?.kind == .usage ? 400 : 200)
    }

    private func runWire(
        _ invocation: Invocation, _ caller: Caller, isGone: @escaping () -> Bool = { false },
        _ write: @escaping ([UInt8]) -> Bool
    ) {
        let clock = control.runtime.broker.clock
        let output = WireOutput(
            now: { .nanoseconds(Int64(clock.now.nanoseconds)) }, isGone: isGone, sink: write)
        do throws(AdminFailure) {
            try control.run(invocation, for: caller, output)
            statistics.count(.done)
            output.end(status: 0)
        } catch {
            statistics.count(error.kind == .usage ? .invalid : .failed)
            output.alert(error.text)
            output.end(status: error.kind == .usage ? 2 : 1)
        }
    }

    @discardableResult
    private func carryOut(_ invocation: Invocation, _ caller: Caller, _ output: any AdminRenderer)
        -> AdminFailure?
    {
        do throws(AdminFailure) {
            try control.run(invocation, for: caller, output)
            statistics.count(.done)
            output.finish()
            return nil
        } catch {
            statistics.count(error.kind == .usage ? .invalid : .failed)
            output.alert(error.text)
            output.finish()
            return error
        }
    }

    // MARK: Completion

    /// Values for a shell to complete with.
    private var completion: Route {
        Route("/api/v1/complete") { request in
            func item(_ name: String) -> String { request.query.first { $0.name == name }?.value ?? "" }
            guard let source = ValueSource(rawValue: item("source")) else {
                return .text(
                    400, "source is one of \(ValueSource.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            let values = try control.values(of: source, beginning: item("prefix"))
            return HTTPResponse(
                contentType: "text/plain; charset=utf-8", body: Array(values.map { $0 + "\n" }.joined().utf8))
        }
    }

    // MARK: Version 2

    /// `/api/v2/client` and `/api/v2/disconnect`.
    var version2: [Route] {
        [
            Route("/api/v2/*", .only(["GET", "OPTIONS"])) { request in
                if request.method == "OPTIONS" { return Self.options }
                func item(_ name: String) -> HTTPRequest.QueryItem? {
                    request.query.first { $0.name == name }
                }
                guard let clientID = item("client_id")?.value, !clientID.isEmpty else {
                    return .text(400, "invalid_command: client_id is missing")
                }
                let subscriber = SubscriberID(
                    mountpoint: .named(UTF8Text(item("mountpoint")?.value ?? "")),
                    clientID: UTF8Text(clientID))
                switch request.path {
                case "/api/v2/client": return try client(subscriber, withTopics: item("topics") != nil)
                case "/api/v2/disconnect":
                    let cleanup = item("cleanup").map { $0.value != "false" } ?? false
                    let isFound = try control.runtime.ask(homeOf: subscriber) {
                        $0.disconnect(subscriber, cleanup: cleanup)
                    }
                    let result = isFound ? "ok" : "unknown"
                    control.audit(
                        "disconnect client-id=\(clientID)\(cleanup ? " --cleanup" : "")",
                        request.caller, result)
                    return .json(Array("\"\(result)\"".utf8))
                default: return .text(400, "invalid_command")
                }
            }
        ]
    }

    private func client(_ subscriber: SubscriberID, withTopics: Bool) throws -> HTTPResponse {
        var question = SessionQuestion()
        question.clientID = subscriber.clientID
        question.mountpoint = subscriber.mountpoint
        var status = "unknown"
        try control.runtime.walk(question) { row in
            status = row.session.isOnline ? "online" : "offline"
            return false
        }
        var members: [JSONValue.Member] = [.init("status", .string(status))]
        if withTopics {
            question.rows = .subscriptions
            var topics: [JSONValue.Member] = []
            try control.runtime.walk(question) { row in
                if let found = row.subscription {
                    topics.append(.init("\(found.filter)", .integer(Int(found.options.qos.rawValue))))
                }
                return topics.count < 100_000
            }
            members.append(.init("topics", topics.isEmpty ? .array([]) : .object(topics)))
        }
        return .json(Array(JSONValue.object(members).text().utf8))
    }
}

/// Bytes of an answer that is made as a whole.
private final class Bytes {
    private(set) var all: [UInt8] = []

    func append(_ bytes: [UInt8]) -> Bool {
        all += bytes
        return true
    }
}

extension HTTPRequest {
    /// The key that came with the request: the user of Basic authentication, or, where no such header is there, the
    /// header `x-api-key`.
    fileprivate var apiKey: String? {
        guard let authorization = header("Authorization") else { return header("x-api-key") }
        let words = authorization.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "basic",
            let decoded = BasicCredentials.decode(String(words[1]))
        else { return nil }
        return decoded
    }

    fileprivate var caller: Caller { Caller(name: callerName, origin: peer.address) }

    private var callerName: String {
        switch peer {
        case .local(let uid, _, let pid): "uid \(uid), process \(pid)"
        case .tcp: apiKey.map { "key \(APIKeys.beginning(of: $0))…" } ?? "-"
        }
    }
}

extension HTTPPeer {
    fileprivate var address: String {
        switch self {
        case .local: "local"
        case .tcp(let address, _): address
        }
    }
}

/// `Authorization: Basic …`.
enum BasicCredentials {
    /// The user name in Base64 of `user:password`; nil where it is no such thing.
    static func decode(_ text: String) -> String? {
        var bits: UInt32 = 0
        var count = 0
        var bytes: [UInt8] = []
        for character in text.utf8 where character != UInt8(ascii: "=") {
            guard let value = value(character), bytes.count < 4096 else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        return String(validating: bytes[..<colon], as: UTF8.self)
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
