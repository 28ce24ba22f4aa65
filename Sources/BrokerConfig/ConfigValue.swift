/// Reads the values that are more than a word or a number. `nil` means that the text is not of that form.
package enum ConfigValue {
    /// Seconds of `30s`, `12h`, `7d`, `2w`, `1m` (28 days), `1y` (336 days).
    package static func expirySeconds(_ text: String) -> UInt32? {
        guard let unit = text.last, let number = unsigned(text.dropLast()) else { return nil }
        let day = 24 * 3600
        let factors: [Character: Int] = [
            "s": 1, "h": 3600, "d": day, "w": 7 * day, "m": 28 * day, "y": 336 * day,
        ]
        guard let factor = factors[unit] else { return nil }
        let (seconds, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : UInt32(exactly: seconds)
    }

    /// Bytes of `4096`, `64KB`, `10mb`, `1GB` (powers of 1024; `Kb` is not accepted).
    package static func byteCount(_ text: String) -> Int? {
        let units = [("KB", 10), ("kb", 10), ("MB", 20), ("mb", 20), ("GB", 30), ("gb", 30)]
        for (unit, shift) in units where text.hasSuffix(unit) {
            guard let number = unsigned(text.dropLast(2)) else { return nil }
            let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
            return overflow ? nil : bytes
        }
        return unsigned(text[...])
    }

    /// Milliseconds of `1h30m`, `500ms`, `2w`.
    package static func milliseconds(_ text: String) -> Int? {
        var rest = Substring(text)
        var total = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix(while: \.isASCIIDigit)
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix(while: { !$0.isASCIIDigit })
            rest = rest.dropFirst(unit.count)
            let factors: [Substring: Int] = [
                "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
                "f": 1_209_600_000,
            ]
            guard let number = unsigned(digits), let factor = factors[unit] else { return nil }
            let (part, tooLarge) = number.multipliedReportingOverflow(by: factor)
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !tooLarge, !overflow else { return nil }
            total = sum
        }
        return total
    }

    /// 0 to 100 of `0%` to `100%`; the sign may be missing, as in VerneMQ's own default.
    package static func percent(_ text: String) -> Int? {
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let number = unsigned(digits), number <= 100 else { return nil }
        return number
    }

    /// The numbers of `[3,4,5]` or `3, 4, 5`.
    package static func integers(_ text: String) -> [Int]? {
        guard let words = words(text) else { return nil }
        let numbers = words.compactMap { unsigned($0[...]) }
        return numbers.count == words.count ? numbers : nil
    }

    /// The words of `[a, b]` or `a,b`; `nil` when one is missing between commas or a bracket has no partner.
    package static func words(_ text: String) -> [String]? {
        var inner = trimmed(text[...])
        if inner.hasPrefix("[") != inner.hasSuffix("]") { return nil }
        if inner.hasPrefix("[") { inner = trimmed(inner.dropFirst().dropLast()) }
        if inner.isEmpty { return [] }
        let words = inner.split(separator: ",", omittingEmptySubsequences: false).map { String(trimmed($0)) }
        return words.contains("") ? nil : words
    }

    /// Without the white space around it.
    static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return text
    }

    private static func unsigned(_ digits: Substring) -> Int? {
        digits.isEmpty || !digits.allSatisfy(\.isASCIIDigit) ? nil : Int(digits)
    }
}

extension Character {
    var isASCIIDigit: Bool { isASCII && isNumber }
}
