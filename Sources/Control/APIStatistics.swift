import Synchronization

/// What became of requests to the API and of failed attempts to use it.
package final class APIStatistics: Sendable {
    /// How a request ended.
    package enum Outcome: String, CaseIterable, Sendable {
        /// The command was carried out.
        case done
        /// The command was understood and failed.
        case failed
        /// The request was not understood.
        case invalid
        /// There was no key, or not a good one.
        case unauthorized
        /// The address had failed too often.
        case limited
    }

    private let counts = Mutex([Int](repeating: 0, count: Outcome.allCases.count))

    package init() {}

    package func count(_ outcome: Outcome) {
        counts.withLock { $0[Outcome.allCases.firstIndex(of: outcome) ?? 0] += 1 }
    }

    /// The counts, in the order of `Outcome.allCases`.
    package var reading: [(outcome: Outcome, count: Int)] {
        let counts = counts.withLock { $0 }
        return zip(Outcome.allCases, counts).map { ($0, $1) }
    }
}

/// Which addresses have shown wrong keys lately. Who has failed ten times within a minute is not listened to until a minute
/// after its last failure: guessing a key over the network takes longer than the key lives.
package final class FailedAttempts: Sendable {
    private struct Entry {
        var count = 0
        /// When the count began.
        var first: Int64 = 0
        var last: Int64 = 0
    }

    private let entries = Mutex<[String: Entry]>([:])
    /// Failures that an address may have within `window`.
    package static let allowed = 10
    /// Seconds.
    package static let window: Int64 = 60
    /// Addresses that are remembered; when there are more, those that failed longest ago are forgotten.
    package static let mostAddresses = 4096

    package init() {}

    /// Whether requests of the address are answered without looking at their key.
    ///
    /// - Parameter now: seconds of a clock that does not jump.
    package func isLimited(_ address: String, now: Int64) -> Bool {
        entries.withLock { entries in
            guard let entry = entries[address] else { return false }
            guard now - entry.last < Self.window else {
                entries[address] = nil
                return false
            }
            return entry.count >= Self.allowed
        }
    }

    /// - Returns: whether the address is limited from now on.
    @discardableResult
    package func failed(_ address: String, now: Int64) -> Bool {
        entries.withLock { entries in
            var entry = entries[address] ?? Entry(first: now)
            if now - entry.first >= Self.window { entry = Entry(first: now) }
            entry.count += 1
            entry.last = now
            entries[address] = entry
            if entries.count > Self.mostAddresses {
                let old = entries.sorted { $0.value.last < $1.value.last }.prefix(Self.mostAddresses / 4)
                for (address, _) in old { entries[address] = nil }
            }
            return entry.count == Self.allowed
        }
    }

    package func succeeded(_ address: String) { entries.withLock { $0[address] = nil } }
}
