import Primitives

/// Decides whether a request opens a WebSocket [RFC 6455, 4.2.1].
struct WebSocketUpgradeCheck {
    private let settings: WebSocketUpgradeSettings
    private let method, target, version: ArraySlice<UInt8>
    private let headers: [HTTPHead.Header]

    /// - Throws: when the request is not HTTP.
    init(_ head: HTTPHead, _ settings: WebSocketUpgradeSettings) throws(WebSocketUpgradeProblem) {
        self.settings = settings
        (method, target, version) = try head.requestLine()
        headers = try head.headers(maximumValueByteCount: settings.maximumHeaderValueByteCount)
    }

    func request() throws(WebSocketUpgradeProblem) -> WebSocketRequest {
        try checkVersion()
        let host = try host()
        try checkBody()
        guard method.elementsEqual("GET".utf8) else { throw .method }
        guard path.elementsEqual(settings.path.bytes) else { throw .path }
        guard hasElement("upgrade", "websocket"), hasElement("connection", "upgrade") else {
            throw .noUpgrade
        }
        guard let version = try single("sec-websocket-version"), version.elementsEqual("13".utf8) else {
            throw .webSocketVersion
        }
        guard let key = try single("sec-websocket-key"), WebSocketKey.isValid(Array(key)) else { throw .key }
        let origin = try origin()
        let subprotocol = try subprotocol()
        let commonName = try commonName()
        guard let accept = WebSocketKey.accept(Array(key)) else { throw .unavailable }
        return WebSocketRequest(
            subprotocol: subprotocol, host: host, origin: origin, forwardedFor: forwardedFor,
            commonName: commonName, accept: accept)
    }

    private func checkVersion() throws(WebSocketUpgradeProblem) {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let bytes = Array(version)
        guard bytes.count == 8, bytes[..<5].elementsEqual("HTTP/".utf8), digits ~= bytes[5],
            bytes[6] == UInt8(ascii: "."), digits ~= bytes[7]
        else { throw .requestLine }
        guard bytes[5] == UInt8(ascii: "1"), bytes[7] >= UInt8(ascii: "1") else { throw .httpVersion }
    }

    private func host() throws(WebSocketUpgradeProblem) -> UTF8Text {
        let values = values("host")
        guard values.count <= 1 else { throw .repeatedHeader }
        guard let host = values.first, !host.isEmpty, host.allSatisfy(Self.isHostByte) else { throw .host }
        return UTF8Text(bytes: Array(host))
    }

    /// What a name, an address in brackets and a port are made of [RFC 3986, 3.2.2].
    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="):
            true
        case UInt8(ascii: "#"), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"): false
        default: HTTPText.isTokenByte(byte)
        }
    }

    /// Two readers that see different ends of a body take different bytes for the next request [RFC 9112,
    /// 6.1, 11.2].
    private func checkBody() throws(WebSocketUpgradeProblem) {
        guard values("transfer-encoding").isEmpty else { throw .body }
        guard let length = try single("content-length") else { return }
        guard length.elementsEqual("0".utf8) else { throw .body }
    }

    /// The target without its query, and without scheme and host where they are told [RFC 9112, 3.2.2].
    private var path: ArraySlice<UInt8> {
        var path = target.prefix { $0 != UInt8(ascii: "?") }
        for scheme in ["http://", "https://", "ws://", "wss://"]
        where HTTPText.lowercased(path.prefix(scheme.utf8.count)).elementsEqual(scheme.utf8) {
            path = path.dropFirst(scheme.utf8.count).drop { $0 != UInt8(ascii: "/") }
            break
        }
        return path
    }

    private func origin() throws(WebSocketUpgradeProblem) -> UTF8Text? {
        guard let value = try single("origin") else { return nil }
        guard value.allSatisfy({ 0x21..<0x7F ~= $0 }) else { throw .origin }
        let origin = HTTPText.lowercased(value)
        if let allowed = settings.allowedOrigins {
            guard allowed.contains(where: { HTTPText.lowercased($0.bytes) == origin }) else { throw .origin }
        }
        return UTF8Text(bytes: Array(value))
    }

    private func subprotocol() throws(WebSocketUpgradeProblem) -> UTF8Text {
        for element in HTTPText.elements(values("sec-websocket-protocol")) {
            for spoken in settings.subprotocols where element.elementsEqual(spoken.bytes) { return spoken }
        }
        throw .subprotocol
    }

    private var forwardedFor: UTF8Text? {
        // Not through a list without empty elements: an empty first entry is no reason to believe the second.
        guard let first = values("x-forwarded-for").first else { return nil }
        let entry = HTTPText.trimmed(first.prefix { $0 != UInt8(ascii: ",") })
        // It may be anything, and what is not UTF-8 is no address either.
        return UTF8Text(String(decoding: entry, as: UTF8.self))
    }

    private func commonName() throws(WebSocketUpgradeProblem) -> UTF8Text? {
        guard let name = settings.commonNameHeader else { return nil }
        let values = values(HTTPText.lowercased(name.bytes))
        // One of them may be the client's own.
        guard values.count <= 1 else { throw .repeatedHeader }
        guard let value = values.first, !value.isEmpty else { return nil }
        guard unsafe Array(value).span.bytes.isWellFormedUTF8 else { throw .commonName }
        return UTF8Text(bytes: Array(value))
    }

    private func values(_ name: some Collection<UInt8>) -> [ArraySlice<UInt8>] {
        headers.filter { $0.name.elementsEqual(name) }.map(\.value)
    }

    private func values(_ name: String) -> [ArraySlice<UInt8>] { values(name.utf8) }

    private func single(_ name: String) throws(WebSocketUpgradeProblem) -> ArraySlice<UInt8>? {
        let values = values(name)
        guard values.count <= 1 else { throw .repeatedHeader }
        return values.first
    }

    /// Whether a header that is a list has the element, in any case.
    private func hasElement(_ name: String, _ element: String) -> Bool {
        HTTPText.elements(values(name)).contains { HTTPText.lowercased($0).elementsEqual(element.utf8) }
    }
}
