/// What a setting accepts, as VerneMQ's configuration does, plus ranges where a number outside would mean nothing.
package enum SettingType: Sendable, Equatable {
    /// Exactly `on` or `off`.
    case flag
    /// Decimal with an optional sign; `words` (such as `infinity`) stand beside the numbers.
    case integer(ClosedRange<Int>, words: [String] = [])
    /// One of the words.
    case choice([String])
    /// Any word without blanks.
    case atom
    /// Any text.
    case text
    /// `name@host`.
    case nodeName
    case file
    /// `words` (such as `off`) stand beside a path.
    case directory(words: [String] = [])
    /// Bytes: a number, alone or with `KB`, `MB`, `GB` in one case.
    case byteSize(words: [String] = [])
    /// Combinable numbers with `f w d h m s ms`.
    case duration(words: [String] = [])
    /// A number with one of `s h d w m y` (`m` is 28 days, `y` 336), or one of the words.
    case expiry(words: [String])
    /// `0%` to `100%`.
    case percent
    /// `IPv4:port` or `IPv6:port`, or `local:/path:0` where a Unix socket is possible.
    case address(unixSocket: Bool)
    /// Numbers out of the set: `[a,b]` or `a,b`.
    case integerList([Int])
    /// Words out of the set: `[a,b]` or `a,b`; empty is allowed.
    case wordList([String])
    /// Three positive numbers: `sndbuf,recbuf,buffer`.
    case bufferSizes
    /// A single character.
    case character
    /// What the names of Prometheus metrics may begin with, or `""` for nothing.
    case metricPrefix
    /// Where something is sent over HTTP, as `URLSetting` reads it; empty for nowhere.
    case url
    /// `name=value,name=value`, as `HeaderListSetting` reads it; empty for none.
    case headers
    /// `any`, or addresses and networks as `NetworksSetting` reads them; empty for none.
    case networks
}

extension SettingType {
    /// What is wrong with `value`, or `nil` when it is accepted.
    package func problem(with value: String) -> ConfigError.Problem? {
        if holdsText, hasControlCharacter(value) { return .controlCharacter }
        switch self {
        case .flag: return value == "on" || value == "off" ? nil : .notOneOf
        case .choice(let words): return words.contains(value) ? nil : .notOneOf
        case .text, .file: return nil
        case .integer(let range, let words):
            if words.contains(value) { return nil }
            guard let number = Int(value) else { return .notInteger }
            return range.contains(number) ? nil : .outsideRange
        case .directory: return value.isEmpty ? .malformedValue : nil
        case .byteSize(let words):
            return words.contains(value) || ConfigValue.byteCount(value) != nil ? nil : .malformedValue
        case .duration(let words):
            return words.contains(value) || ConfigValue.milliseconds(value) != nil ? nil : .malformedValue
        case .expiry(let words):
            return words.contains(value) || ConfigValue.expirySeconds(value) != nil ? nil : .malformedValue
        case .percent: return ConfigValue.percent(value) == nil ? .malformedValue : nil
        case .address(let unixSocket):
            switch AddressSetting(value) {
            case .ip: return nil
            case .unix: return unixSocket ? nil : .malformedValue
            case nil: return .malformedValue
            }
        case .atom, .nodeName, .character, .integerList, .wordList, .bufferSizes, .metricPrefix, .url,
            .headers, .networks:
            return isAccepted(value) ? nil : .malformedValue
        }
    }

    /// Types that take words nobody listed: what they hold goes to files, pages, logs and other programs.
    private var holdsText: Bool {
        switch self {
        case .text, .atom, .nodeName, .file, .directory, .character: true
        default: false
        }
    }

    /// A tab may stand between words of a text.
    private func hasControlCharacter(_ value: String) -> Bool {
        value.unicodeScalars.contains { ShownText.isControl($0) && !(self == .text && $0 == "\t") }
    }

    private func isAccepted(_ value: String) -> Bool {
        switch self {
        case .atom: return !value.isEmpty && !value.contains(where: \.isWhitespace)
        case .nodeName:
            let parts = value.split(separator: "@", omittingEmptySubsequences: false)
            return parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
                && !value.contains(where: \.isWhitespace) && value.utf8.count <= 255
        case .character: return value.count == 1
        case .metricPrefix: return value == "\"\"" || Self.isMetricPrefix(value)
        case .url: return value.isEmpty || URLSetting(value) != nil
        case .networks: return NetworksSetting(value) != nil
        case .headers: return HeaderListSetting(value) != nil
        case .integerList(let allowed):
            guard let list = ConfigValue.integers(value), !list.isEmpty else { return false }
            return list.allSatisfy(allowed.contains)
        case .wordList(let allowed): return ConfigValue.words(value)?.allSatisfy(allowed.contains) == true
        case .bufferSizes:
            guard let sizes = ConfigValue.integers(value) else { return false }
            return sizes.count == 3 && sizes.allSatisfy { 1...Int(Int32.max) ~= $0 }
        default: return true
        }
    }

    /// https://prometheus.io/docs/concepts/data_model: one bad byte makes every line of `/metrics` unreadable. The
    /// prefix stands in each of thousands of lines, so it is short.
    private static func isMetricPrefix(_ value: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: ":"): true
            default: false
            }
        }
        guard let first = value.utf8.first, isLetter(first), value.utf8.count <= 100 else { return false }
        return value.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
    }

    /// The allowed values, as an error message and the documentation say them.
    package var allowed: String {
        switch self {
        case .flag: "on, off"
        case .choice(let words): words.joined(separator: ", ")
        case .integer(let range, let words): ([Self.text(of: range)] + words).joined(separator: " or ")
        case .atom: "a word"
        case .text: "any text without control characters"
        case .nodeName: "a node name of the form name@host, at most 255 bytes"
        case .file: "a file path"
        case .directory(let words): (["a directory path"] + words).joined(separator: " or ")
        case .byteSize(let words):
            (["a byte size such as 4096, 64KB, 10MB or 1GB"] + words).joined(separator: " or ")
        case .duration(let words):
            (["a duration such as 500ms, 2s or 1h30m"] + words).joined(separator: " or ")
        case .expiry(let words):
            (["an integer followed by one of s, h, d, w, m (28 days), y (336 days)"] + words)
                .joined(separator: " or ")
        case .percent: "a percentage from 0% to 100%"
        case .address(unixSocket: false): "an address IPv4:port or IPv6:port"
        case .address(unixSocket: true): "an address IPv4:port, IPv6:port or local:/path:0"
        case .integerList(let allowed): "a comma list of \(allowed.map(String.init).joined(separator: ", "))"
        case .wordList(let allowed): "a comma list of \(allowed.joined(separator: ", "))"
        case .bufferSizes: "three comma-separated, positive integers"
        case .character: "a single character"
        case .metricPrefix:
            "1 to 100 of A-Z a-z 0-9 _ :, not beginning with a digit, or two double quotes for no prefix"
        case .url:
            "an http:// or https:// URL such as http://127.0.0.1:4318/v1/metrics, without user, password or fragment"
        case .headers:
            "a comma list of name=value, with %2C for a comma in a value and %25 for a percent sign, and none of "
                + HeaderListSetting.ours.joined(separator: ", ")
        case .networks: "any, or IP addresses and networks such as 10.0.0.0/8, between commas"
        }
    }

    /// `0...65535`, `-1...` without an upper end, or `any` without both.
    private static func text(of range: ClosedRange<Int>) -> String {
        if range.upperBound < Int.max { return "\(range.lowerBound)...\(range.upperBound)" }
        return range.lowerBound == Int.min ? "any" : "\(range.lowerBound)..."
    }

    /// One word for tables.
    package var name: String {
        switch self {
        case .flag: "on/off"
        case .integer(_, let words): (["int"] + words).joined(separator: " | ")
        case .choice: "enum"
        case .atom: "atom"
        case .text, .nodeName, .character, .metricPrefix, .headers: "string"
        case .url: "URL"
        case .file: "file"
        case .directory(let words): (["directory"] + words).joined(separator: " | ")
        case .byteSize(let words): (["bytesize"] + words).joined(separator: " | ")
        case .duration(let words): (["duration"] + words).joined(separator: " | ")
        case .expiry(let words): (["expiry"] + words).joined(separator: " | ")
        case .percent: "percent"
        case .address(let unixSocket): unixSocket ? "ip | socket" : "ip"
        case .integerList, .bufferSizes: "int list"
        case .wordList, .networks: "list"
        }
    }
}
