import Logging

/// One line of the log as bytes, its newline included.
///
///     2026-11-21T02:51:21.042Z warning listener refused a connection count=3 reason="too many"
///     {"time":"2026-11-21T02:51:21.042Z","level":"warning","message":"listener …","count":3}
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
        time: LogTime, level: Logger.Level, label: String, message: String,
        facts: [(key: String, value: LogFact)], format: LogSettings.Format
    ) {
        bytes.reserveCapacity(512)
        switch format {
        case .text: text(time, level, message, facts)
        case .json: json(time, level, label, message, facts)
        }
    }

    private mutating func text(
        _ time: LogTime, _ level: Logger.Level, _ message: String, _ facts: [(key: String, value: LogFact)]
    ) {
        time.append(to: &bytes)
        bytes.append(UInt8(ascii: " "))
        bytes += level.rawValue.utf8
        bytes.append(UInt8(ascii: " "))
        LogEscape.appendPlain(message, to: &bytes, limit: Self.maximumValueByteCount)
        var omitted = 0
        for (key, value) in facts {
            let start = bytes.count
            bytes.append(UInt8(ascii: " "))
            word(key)
            bytes.append(UInt8(ascii: "="))
            word(value.text)
            if bytes.count + Self.reserve > Self.maximumByteCount {
                bytes.removeLast(bytes.count - start)
                omitted += 1
            }
        }
        if omitted > 0 { bytes += " omitted=\(omitted)".utf8 }
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func json(
        _ time: LogTime, _ level: Logger.Level, _ label: String, _ message: String,
        _ facts: [(key: String, value: LogFact)]
    ) {
        bytes += "{\"time\":\"".utf8
        time.append(to: &bytes)
        bytes += "\",\"level\":\"".utf8
        bytes += level.rawValue.utf8
        bytes += "\",\"logger\":".utf8
        string(label)
        bytes += ",\"message\":".utf8
        string(message)
        var omitted = 0
        for (key, value) in facts {
            let start = bytes.count
            bytes.append(UInt8(ascii: ","))
            string(Self.isOwnName(key) ? key + "_" : key)
            bytes.append(UInt8(ascii: ":"))
            self.value(value)
            if bytes.count + Self.reserve > Self.maximumByteCount {
                bytes.removeLast(bytes.count - start)
                omitted += 1
            }
        }
        if omitted > 0 { bytes += ",\"omitted\":\(omitted)".utf8 }
        bytes += "}\n".utf8
    }

    private static func isOwnName(_ key: String) -> Bool {
        switch key {
        case "time", "level", "logger", "message", "omitted": true
        default: false
        }
    }

    /// In quotes where a reader would otherwise not see where it ends.
    private mutating func word(_ text: String) {
        let start = bytes.count
        LogEscape.appendPlain(text, to: &bytes, limit: Self.maximumValueByteCount)
        let escaped = bytes[start...]
        let needsQuotes =
            escaped.isEmpty || escaped.contains { $0 <= 0x20 || $0 == UInt8(ascii: "=") || $0 == 0x22 }
        guard needsQuotes else { return }
        var quoted: [UInt8] = [0x22]
        for byte in escaped {
            if byte == 0x22 { quoted.append(UInt8(ascii: "\\")) }
            quoted.append(byte)
        }
        quoted.append(0x22)
        bytes.replaceSubrange(start..., with: quoted)
    }

    private mutating func string(_ text: String) {
        bytes.append(0x22)
        LogEscape.appendJSON(text, to: &bytes, limit: Self.maximumValueByteCount)
        bytes.append(0x22)
    }

    private mutating func value(_ fact: LogFact) {
        switch fact {
        case .text(let text): string(text)
        case .number(let text): bytes += text.utf8
        case .flag(let isTrue): bytes += (isTrue ? "true" : "false").utf8
        case .list(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value(element)
            }
            bytes.append(UInt8(ascii: "]"))
        case .facts(let pairs):
            bytes.append(UInt8(ascii: "{"))
            for (index, pair) in pairs.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                string(pair.key)
                bytes.append(UInt8(ascii: ":"))
                value(pair.value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}
