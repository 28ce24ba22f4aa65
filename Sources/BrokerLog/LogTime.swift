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
        let day = Int64(86_400_000)
        let ofDay = (milliseconds % day + day) % day
        let (year, month, date) = Self.civil(dayNumber: (milliseconds - ofDay) / day)
        let clock = [ofDay / 3_600_000, ofDay / 60_000 % 60, ofDay / 1000 % 60].map { Self.padded($0, 2) }
        let calendar = [Self.padded(year, 4), Self.padded(month, 2), Self.padded(date, 2)]
        return calendar.joined(separator: "-") + "T" + clock.joined(separator: ":")
            + "." + Self.padded(ofDay % 1000, 3) + "Z"
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

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
