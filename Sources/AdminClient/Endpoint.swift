import Admin

/// Where requests go.
enum Endpoint: Equatable, Sendable {
    /// The Unix socket of a broker on this machine.
    case socket(String)
    /// An address of the HTTP API without a slash at its end, and the key for it.
    case url(String, key: String?)

    /// The address of `--url`: with `http://` or `https://`, and perhaps with the beginning of a path.
    ///
    /// - Throws: `AdminFailure` of kind `.usage`.
    init(url: String, key: String?) throws(AdminFailure) {
        let lower = url.lowercased()
        guard let scheme = ["http://", "https://"].first(where: { lower.hasPrefix($0) }),
            url.utf8.count > scheme.utf8.count, !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }),
            !url.contains("?"), !url.contains("#")
        else {
            throw AdminFailure(
                .usage,
                "Invalid value: \"\(url.prefix(200))\" for --url\nWrite an address such as https://broker.example:8888."
            )
        }
        var base = url[...]
        while base.hasSuffix("/") { base.removeLast() }
        // An address that was copied from somewhere else may already have it.
        if base.hasSuffix(RequestTarget.root) { base.removeLast(RequestTarget.root.count) }
        while base.hasSuffix("/") { base.removeLast() }
        self = .url(String(base), key: key)
    }

    /// The whole URL of a target, which begins with a slash.
    func url(of target: String) -> String {
        switch self {
        case .socket: "http://localhost" + target
        case .url(let base, _): base + target
        }
    }

    /// Its name for a person.
    var name: String {
        switch self {
        case .socket(let path): path
        case .url(let base, _): base
        }
    }
}

/// The part of a request behind the address.
enum RequestTarget {
    /// Where the commands are.
    static let root = "/api/v1"

    /// `/api/v1/session/show?client_id=a&--limit=10`
    ///
    /// - Parameter isConfirmed: whether somebody wants it who knows that it destroys something: the broker asks for that
    ///   as well.
    static func command(_ invocation: Invocation, isConfirmed: Bool = false) -> String {
        let path = root + invocation.command.words.map { "/" + encoded($0) }.joined()
        var items =
            invocation.arguments.map { item($0, prefix: "") }
            + invocation.flags.map { item($0, prefix: "--") }
        if isConfirmed, invocation.command.effect == .destroys { items.append("--yes") }
        return items.isEmpty ? path : path + "?" + items.joined(separator: "&")
    }

    /// Values for completion.
    static func completion(_ source: ValueSource, prefix: String) -> String {
        root + "/complete?source=\(encoded(source.rawValue))&prefix=\(encoded(prefix))"
    }

    private static func item(_ item: Invocation.Item, prefix: String) -> String {
        prefix + encoded(item.name) + (item.value.map { "=" + encoded($0) } ?? "")
    }

    /// Everything percent-encoded but letters, digits and `-._~`.
    static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
