package import Logging
import Synchronization

/// A condition that may last: logged as it begins and as it ends, with how often it occurred in between.
///
///     quiet → lasting  [occurred: logged]      lasting → lasting  [occurred: counted]
///     lasting → quiet  [ended: logged with the count and the time it lasted]
///
/// The end is good news: it is logged as a notice, whatever the level of the beginning.
///
/// Usable from any thread. Both lines are logged under the lock, so they come in the order of the states, whichever threads
/// report; logging does not wait for anything.
package final class Episode: Sendable {
    private struct Course {
        var count: UInt64 = 0
        let began: ContinuousClock.Instant
        var last: ContinuousClock.Instant
    }

    private let logger: Logger
    private let level: Logger.Level
    private let began: Logger.Message
    private let ended: Logger.Message
    /// Facts of both lines.
    private let facts: (began: Logger.Metadata, ended: Logger.Metadata)
    private let course = Mutex<Course?>(nil)

    /// - Parameters:
    ///   - began: the message of the first occurrence.
    ///   - ended: the message of the end.
    ///   - limit: what is full while the episode lasts: the lines say `event=limit_reached` and `limit_cleared`. nil = it
    ///     is no limit.
    ///   - facts: go with both lines.
    package init(
        _ logger: Logger, level: Logger.Level = .warning, began: Logger.Message, ended: Logger.Message,
        limit: String? = nil, _ facts: Logger.Metadata = [:]
    ) {
        var both = (began: facts, ended: facts)
        if let limit {
            both.began.merge(["event": "limit_reached", "limit": .string(limit)]) { $1 }
            both.ended.merge(["event": "limit_cleared", "limit": .string(limit)]) { $1 }
        }
        self.facts = both
        self.logger = logger
        self.level = level
        self.began = began
        self.ended = ended
    }

    /// The condition holds now. Only the first call of an episode logs, with `metadata`, which must not ask the episode.
    package func occurred(
        _ metadata: @autoclosure () -> Logger.Metadata = [:], at now: ContinuousClock.Instant = .now
    ) {
        course.withLock { course in
            let isFirst = course == nil
            var current = course ?? Course(began: now, last: now)
            current.count &+= 1
            current.last = max(current.last, now)
            course = current
            guard isFirst else { return }
            logger.log(level: level, began, metadata: facts.began.merging(metadata()) { $1 })
        }
    }

    /// The condition is over. Logs nothing when there was none.
    package func ended(
        _ metadata: @autoclosure () -> Logger.Metadata = [:], at now: ContinuousClock.Instant = .now
    ) {
        end(metadata(), at: now) { _ in true }
    }

    /// Ends an episode that did not occur for `quiet`, for conditions that nobody sees ending. To be called now and
    /// then.
    package func endIfQuiet(for quiet: Duration, at now: ContinuousClock.Instant = .now) {
        end([:], at: now) { $0.last.duration(to: now) >= quiet }
    }

    /// Occurrences of the episode that lasts; 0 when there is none.
    package var count: UInt64 { course.withLock { $0?.count ?? 0 } }

    private func end(
        _ metadata: @autoclosure () -> Logger.Metadata, at now: ContinuousClock.Instant,
        if isOver: (Course) -> Bool
    ) {
        course.withLock { course in
            guard let finished = course, isOver(finished) else { return }
            course = nil
            var facts = facts.ended.merging(metadata()) { $1 }
            facts["occurrences"] = .stringConvertible(finished.count)
            let lasted = finished.began.duration(to: now) / .milliseconds(1)
            facts["lasted_ms"] = .stringConvertible(Int64(lasted.rounded()))
            logger.log(level: .notice, ended, metadata: facts)
        }
    }
}
