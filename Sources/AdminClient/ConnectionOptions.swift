import Admin

/// Which broker is meant: the connection flags of the command line, and the environment behind them.
///
/// A flag is stronger than any variable. Of what is left, the most exact way counts: a socket, then a URL, then a
/// configuration.
struct ConnectionOptions: Equatable, Sendable {
    /// The path of a Unix socket.
    var socket: String?
    /// The path of a configuration.
    var configuration: String?
    /// The address of an HTTP API.
    var url: String?
    /// The key for it.
    var key: String?
    /// Seconds between two answers, when they are to be shown again and again.
    var watch: Int?
    /// How long the broker may be silent.
    var patience = Patience.standard

    /// How long the broker may be silent.
    enum Patience: Equatable, Sendable {
        /// A minute; without end for a command that goes on until it is stopped.
        case standard
        case seconds(Int)
        case endless

        /// - Returns: seconds; nil = without end.
        func seconds(isStreaming: Bool) -> Int? {
            switch self {
            case .standard: isStreaming ? nil : 60
            case .seconds(let seconds): seconds
            case .endless: nil
            }
        }
    }

    init() {}

    /// Takes the connection flags out of a command line, wherever they stand.
    ///
    /// - Returns: the words without them.
    /// - Throws: `AdminFailure` of kind `.usage`.
    mutating func take(from words: [String]) throws(AdminFailure) -> [String] {
        var rest: [String] = []
        var given: Set<String> = []
        var index = 0
        while index < words.count {
            let word = words[index]
            index += 1
            guard let (flag, ownValue) = Self.flag(word) else {
                rest.append(word)
                continue
            }
            var value = ownValue
            if value == nil, index < words.count, !words[index].hasPrefix("--") {
                value = words[index]
                index += 1
            }
            guard let value, !value.isEmpty else {
                throw AdminFailure(.usage, "\(flag) needs a value\nWrite \(Self.usage(flag)).")
            }
            guard given.insert(flag).inserted else {
                throw AdminFailure(.usage, "\(flag) is given twice.")
            }
            try set(flag, value)
        }
        if url != nil, socket != nil || configuration != nil {
            throw AdminFailure(
                .usage,
                "--url does not go together with --\(socket != nil ? "socket" : "config"): each names a broker."
            )
        }
        return rest
    }

    /// Fills in from the environment what the command line has left open.
    ///
    /// - Throws: `AdminFailure` of kind `.usage`.
    mutating func fill(from environment: [String: String]) throws(AdminFailure) {
        func variable(_ name: String) -> String? {
            environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        let isBrokerNamed = socket != nil || configuration != nil || url != nil
        if !isBrokerNamed {
            socket = variable("VERNEMQ_SOCKET")
            url = variable("VERNEMQ_URL")
            if socket != nil, url != nil {
                throw AdminFailure(
                    .usage,
                    "VERNEMQ_SOCKET and VERNEMQ_URL are both set, and each names a broker\nSay which with --socket or --url."
                )
            }
        }
        if url == nil, configuration == nil { configuration = variable("VERNEMQ_CONF") }
        guard url != nil else {
            if key != nil {
                throw AdminFailure(
                    .usage, "--api-key goes with --url: the socket on this machine needs no key.")
            }
            return
        }
        if key == nil { key = variable("VERNEMQ_API_KEY") }
    }

    private mutating func set(_ flag: String, _ value: String) throws(AdminFailure) {
        switch flag {
        case "--socket": socket = value
        case "--config": configuration = value
        case "--url": url = value
        case "--api-key": key = value
        case "--watch":
            guard let seconds = Int(value), (1...3600).contains(seconds) else {
                throw AdminFailure(
                    .usage,
                    "Invalid value: \"\(value.prefix(200))\" for --watch\nWrite \(Self.usage(flag)): a whole number from 1 to 3600."
                )
            }
            watch = seconds
        default:
            if value == "infinity" {
                patience = .endless
            } else if let seconds = Int(value), (1...1_000_000_000).contains(seconds) {
                patience = .seconds(seconds)
            } else {
                throw AdminFailure(
                    .usage,
                    "Invalid value: \"\(value.prefix(200))\" for \(flag)\nWrite \(Self.usage(flag)): a whole number from 1, or infinity."
                )
            }
        }
    }

    /// The flag that `word` is, and its value if that stands behind a `=`.
    private static func flag(_ word: String) -> (flag: String, value: String?)? {
        // VerneMQ's own, with one dash.
        if word == "-rpctimeout" { return (word, nil) }
        for name in GlobalOptions.connectionFlags.map({ "--" + $0.name }) {
            if word == name { return (name, nil) }
            if word.utf8.starts(with: (name + "=").utf8) {
                return (name, String(decoding: word.utf8.dropFirst(name.utf8.count + 1), as: UTF8.self))
            }
        }
        return nil
    }

    private static func usage(_ flag: String) -> String {
        if flag == "-rpctimeout" { return "-rpctimeout <Seconds|infinity>" }
        return GlobalOptions.connectionFlags.first { "--" + $0.name == flag }.map { "--" + $0.usage } ?? flag
    }
}
