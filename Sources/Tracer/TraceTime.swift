import Primitives

/// A moment in UTC, shown as `2020-04-29T21:19:39Z`, or with milliseconds as `2020-04-29T21:19:39.042Z`.
package struct TraceTime: Equatable, Sendable {
    /// Whole seconds since 1970; negative before.
    package let seconds: Int64
    /// 0 to 999; nil: they are not shown.
    package let milliseconds: Int?

    /// A moment that is shown in seconds. One before the year 1 or after 9999 is shown as the nearest of these.
    package init(seconds: Int64) {
        self.seconds = min(max(seconds, Self.first), Self.last)
        milliseconds = nil
    }

    /// As `init(seconds:)`, shown with milliseconds.
    ///
    /// - Parameter milliseconds: since 1970.
    package init(milliseconds: Int64) {
        let part = (milliseconds % 1000 + 1000) % 1000
        let seconds = milliseconds / 1000 - (milliseconds % 1000 < 0 ? 1 : 0)
        self.seconds = min(max(seconds, Self.first), Self.last)
        self.milliseconds = Int(part)
    }

    private static let first: Int64 = -62_135_596_800
    private static let last: Int64 = 253_402_300_799

    /// Writes the text after the bytes already in `bytes`.
    func append(to bytes: inout [UInt8]) {
        let day: Int64 = 86_400
        let ofDay = (seconds % day + day) % day
        let date = GregorianDate(dayNumber: (seconds - ofDay) / day)
        Self.append(date.year, digits: 4, "-", to: &bytes)
        Self.append(date.month, digits: 2, "-", to: &bytes)
        Self.append(date.day, digits: 2, "T", to: &bytes)
        Self.append(ofDay / 3600, digits: 2, ":", to: &bytes)
        Self.append(ofDay / 60 % 60, digits: 2, ":", to: &bytes)
        Self.append(ofDay % 60, digits: 2, milliseconds == nil ? "Z" : ".", to: &bytes)
        if let milliseconds { Self.append(Int64(milliseconds), digits: 3, "Z", to: &bytes) }
    }

    /// `number`, which is not negative and fits, with leading zeros, then `end`.
    private static func append(_ number: Int64, digits: Int, _ end: Unicode.Scalar, to bytes: inout [UInt8]) {
        let text = String(number).utf8
        bytes += repeatElement(UInt8(ascii: "0"), count: max(0, digits - text.count))
        bytes += text
        bytes.append(UInt8(ascii: end))
    }
}
