import Glibc

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
        let (year, month, date) = Self.civil(dayNumber: (milliseconds - ofDay) / day)
        Self.append(year, digits: 4, "-", to: &bytes)
        Self.append(month, digits: 2, "-", to: &bytes)
        Self.append(date, digits: 2, "T", to: &bytes)
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

    /// The Gregorian date of a day counted from 1970-01-01. Years begin in March here, so that the leap day is last.
    private static func civil(dayNumber: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = dayNumber + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        )
    }
}
