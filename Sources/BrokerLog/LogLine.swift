import Logging

/// One line of the log as bytes, its newline included.
///
///     2026-11-21T02:51:21.042Z warning listener refused a connection listener=default reason="too many"
///     {"time":"2026-11-21T02:51:21.042Z","level":"warning","message":"listener …","listener":"default"}
///
/// At most `maximumByteCount` long, so that one write to a pipe is whole (PIPE_BUF): a long value is cut, and facts
/// that do not fit are left out and counted as `omitted`. Control characters are escaped, so that no value can begin
/// a line of its own or steer a terminal; values whose names sound like a secret are hidden.
struct LogLine {
    static let maximumByteCount = 4096
    private static let maximumValueByteCount = 1024
    /// Kept free for what closes a line.
    private static let reserve = 32

    private(set) var bytes: [UInt8] = []

    init(
        time: LogTime, level: Logger.Level, label: String, message: String, metadata: Logger.Metadata,
        format: LogSettings.Format
    ) {
        let facts = Self.facts(metadata)
        switch format {
        case .text: text(time, level, message, facts)
        case .json: json(time, level, label, message, facts)
        }
    }

    private mutating func text(
        _ time: LogTime, _ level: Logger.Level, _ message: String, _ facts: [(String, String)]
    ) {
        bytes += Array("\(time) \(level) ".utf8)
        bytes += LogEscape.plain(message, limit: Self.maximumValueByteCount)
        var omitted = 0
        for (key, value) in facts {
            let word = Self.word(key) + [UInt8(ascii: "=")] + Self.word(value)
            if bytes.count + word.count + Self.reserve > Self.maximumByteCount {
                omitted += 1
            } else {
                bytes += [UInt8(ascii: " ")] + word
            }
        }
        if omitted > 0 { bytes += Array(" omitted=\(omitted)".utf8) }
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func json(
        _ time: LogTime, _ level: Logger.Level, _ label: String, _ message: String,
        _ facts: [(String, String)]
    ) {
        let names = Set(["time", "level", "logger", "message", "omitted"])
        bytes += Array("{\"time\":\"\(time)\",\"level\":\"\(level)\",\"logger\":".utf8) + Self.string(label)
        bytes += Array(",\"message\":".utf8) + Self.string(message)
        var omitted = 0
        for (key, value) in facts {
            let name = names.contains(key) ? key + "_" : key
            let pair = Self.string(name) + [UInt8(ascii: ":")] + Self.string(value)
            if bytes.count + pair.count + Self.reserve > Self.maximumByteCount {
                omitted += 1
            } else {
                bytes += [UInt8(ascii: ",")] + pair
            }
        }
        if omitted > 0 { bytes += Array(",\"omitted\":\(omitted)".utf8) }
        bytes += Array("}\n".utf8)
    }

    /// In quotes where a reader would otherwise not see where it ends.
    private static func word(_ text: String) -> [UInt8] {
        let escaped = LogEscape.plain(text, limit: maximumValueByteCount)
        let needsQuotes =
            escaped.isEmpty || escaped.contains { $0 <= 0x20 || $0 == UInt8(ascii: "=") || $0 == 0x22 }
        guard needsQuotes else { return escaped }
        var quoted: [UInt8] = [0x22]
        for byte in escaped {
            if byte == 0x22 { quoted.append(UInt8(ascii: "\\")) }
            quoted.append(byte)
        }
        return quoted + [0x22]
    }

    private static func string(_ text: String) -> [UInt8] {
        [0x22] + LogEscape.json(text, limit: maximumValueByteCount) + [0x22]
    }

    /// By name, secrets hidden.
    private static func facts(_ metadata: Logger.Metadata) -> [(String, String)] {
        metadata.sorted { $0.key < $1.key }.map { ($0, soundsSecret($0) ? "******" : text($1)) }
    }

    /// `[a,b]` for an array, `{a=1,b=2}` for a dictionary.
    private static func text(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array(let values): "[" + values.map(text).joined(separator: ",") + "]"
        case .dictionary(let values): "{" + facts(values).map { "\($0)=\($1)" }.joined(separator: ",") + "}"
        }
    }

    private static func soundsSecret(_ key: String) -> Bool {
        let key = key.lowercased()
        return ["password", "passwd", "secret", "cookie", "psk", "api_key", "apikey", "token"].contains(
            where: key.contains)
    }
}
