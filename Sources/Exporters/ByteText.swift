/// Writing text straight into bytes: a scrape makes no `String` for a number.
extension [UInt8] {
    mutating func append(text: StaticString) {
        text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    }

    mutating func append(text: String) {
        append(contentsOf: text.utf8)
    }

    /// In decimal.
    mutating func append(decimal value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(decimal: value.magnitude)
    }

    /// In decimal.
    mutating func append(decimal value: UInt64) {
        let start = count
        var rest = value
        repeat {
            append(UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0"))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }

    /// Nanoseconds as seconds, exactly: `1500000000` is `1.5`.
    mutating func append(secondsOf nanoseconds: Int64) {
        if nanoseconds < 0 { append(UInt8(ascii: "-")) }
        let (seconds, rest) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        append(decimal: seconds)
        guard rest > 0 else { return }
        append(UInt8(ascii: "."))
        var divisor: UInt64 = 100_000_000
        var left = rest
        while left > 0 {
            append(UInt8(truncatingIfNeeded: left / divisor) &+ UInt8(ascii: "0"))
            left %= divisor
            divisor /= 10
        }
    }
}
