import Primitives

/// Decides when to export and when to send an export again. It knows no clock and no chance.
///
///     waiting  → exporting  [advance: the time has come]
///     exporting → waiting   [ended]
///     exporting → retrying  [failed, and there is time]
///     retrying → exporting  [advance: the time has come]
///
/// An export is given up when the next one is due, or after two minutes: that has newer values of the same counters.
/// https://opentelemetry.io/docs/specs/otlp/#otlphttp-throttling
struct OTLPSchedule {
    enum Action: Equatable {
        /// Make a new export and send it.
        case export
        /// Send the last one again.
        case again
    }

    /// Milliseconds before the first time again, and the most. Each time twice as long, less up to half of it by chance.
    static let firstPause: UInt64 = 1_000
    static let longestPause: UInt64 = 30_000
    /// Milliseconds that one export may take, with all times that it is sent again.
    static let longestExport: UInt64 = 120_000
    /// Seconds for which a server may silence us.
    static let longestRetryAfter: Int64 = 3_600

    private enum State {
        case waiting
        case exporting
        case retrying(at: MonotonicTime)
    }

    /// Milliseconds; in force at once.
    var interval: UInt64
    private var state = State.waiting
    private var began: MonotonicTime
    private var attempts: UInt64 = 0
    /// The server does not want to hear of us before.
    private var quietUntil = MonotonicTime(nanoseconds: 0)

    /// The first export is made one interval after `now`.
    init(interval: UInt64, now: MonotonicTime) {
        self.interval = interval
        began = now
    }

    /// When `advance` is to be called next.
    var deadline: MonotonicTime {
        switch state {
        case .waiting: max(quietUntil, began.adding(milliseconds: interval))
        case .exporting: .distantFuture
        case .retrying(let at): at
        }
    }

    /// What is due at `now`; nil when nothing is.
    mutating func advance(now: MonotonicTime) -> Action? {
        guard now >= deadline else { return nil }
        switch state {
        case .exporting: return nil
        case .waiting:
            state = .exporting
            began = now
            attempts = 1
            return .export
        case .retrying:
            state = .exporting
            attempts += 1
            return .again
        }
    }

    /// The export is over, one way or the other.
    mutating func ended() { state = .waiting }

    /// The receiver asks to come again, or was not reached.
    ///
    /// - Parameters:
    ///   - retryAfter: seconds that it asks to wait; 0 when it does not ask.
    ///   - chance: 0 to 1.
    /// - Returns: false when the export is given up.
    mutating func failed(now: MonotonicTime, retryAfter: Int64, chance: Double) -> Bool {
        let doubled = Self.firstPause << min(attempts - 1, 16)
        let longest = Double(min(doubled, Self.longestPause))
        var at = now.adding(milliseconds: UInt64(longest * (1 - min(1, max(0, chance)) / 2)))
        if retryAfter > 0 {
            quietUntil = now.adding(seconds: UInt64(min(retryAfter, Self.longestRetryAfter)))
            at = max(at, quietUntil)
        }
        guard at < began.adding(milliseconds: min(interval, Self.longestExport)) else {
            state = .waiting
            return false
        }
        state = .retrying(at: at)
        return true
    }
}
