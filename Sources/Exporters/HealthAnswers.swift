import Synchronization

/// Counts what the checks of health have answered.
package final class HealthAnswers: Sendable {
    /// The checks that are counted.
    package enum Check: String, CaseIterable, Sendable { case live, ready, path }

    private let counted = Mutex([Int](repeating: 0, count: Check.allCases.count * 2))

    /// Nothing was answered so far.
    package init() {}

    /// Counts an answer. Any thread.
    package func count(_ check: Check, _ health: Health) {
        guard let index = Check.allCases.firstIndex(of: check) else { return }
        counted.withLock { $0[2 * index + (health.statusCode == 200 ? 0 : 1)] += 1 }
    }

    /// All checks with both results.
    package var counts: [(check: String, result: String, count: Int)] {
        let counts = counted.withLock { $0 }
        return Check.allCases.enumerated().flatMap { index, check in
            [(check.rawValue, "ok", counts[2 * index]), (check.rawValue, "down", counts[2 * index + 1])]
        }
    }
}
