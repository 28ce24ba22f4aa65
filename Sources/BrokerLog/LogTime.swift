import Glibc
import Primitives

/// A moment in UTC with milliseconds, printed as `2026-11-21T02:51:21.042Z`.
package struct LogTime: CustomStringConvertible {
    /// Since 1970.
    package let milliseconds: Int64

    /// A moment before the year 1 or after 9999 is shown as the nearest of these.
    package init(milliseconds: Int64) {
        self.milliseconds = min(max(milliseconds, Self.first), Self.last)
    }

    private static let first: Int64 = -62_135_596_800_000
    private static let last: Int64 = 253_402_300_799_999

    static func now() -> LogTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        let (milliseconds, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1000)
        return LogTime(
            milliseconds: overflow
                ? (time.tv_sec < 0 ? .min : .max) : milliseconds &+ Int64(time.tv_nsec) / 1_000_000)
    }

    package var description: String {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes the text after the bytes already in `bytes`.
    func append(to bytes: inout [UInt8]) {
        let day = Int64(86_400_000)
        let ofDay = (milliseconds % day + day) % day
        let date = GregorianDate(dayNumber: (milliseconds - ofDay) / day)
        Self.append(date.year, digits: 4, "-", to: &bytes)
        Self.append(date.month, digits: 2, "-", to: &bytes)
        Self.append(date.day, digits: 2, "T", to: &bytes)
        Self.append(ofDay / 3_600_000, digits: 2, ":", to: &bytes)
        Self.append(ofDay / 60_000 % 60, digits: 2, ":", to: &bytes)
        Self.append(ofDay / 1000 % 60, digits: 2, ".", to: &bytes)
        Self.append(ofDay % 1000, digits: 3, "Z", to: &bytes)
    }

    /// `number` with leading zeros, then `end`. A number that is negative or has more digits is written whole.
    private static func append(
        _ number: Int64, digits: Int, _ end: Unicode.Scalar, to bytes: inout [UInt8]
    ) {
        var limit: Int64 = 10
        for _ in 1..<digits { limit *= 10 }
        if 0..<limit ~= number {
            while limit > 1 {
                limit /= 10
                bytes.append(UInt8(ascii: "0") + UInt8(number / limit % 10))
            }
        } else {
            bytes += String(number).utf8
        }
        bytes.append(UInt8(ascii: end))
    }
}
