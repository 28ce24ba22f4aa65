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
