import Synchronization

/// A distribution of values that threads beside the loops observe: a few each second, so a lock is no matter.
public final class SharedHistogram: Sendable {
    private struct State {
        var words = [UInt64](repeating: 0, count: LogLinearBuckets.wordCount)
        var exemplars = ExemplarSlots()

        mutating func add(_ value: UInt64) {
            words[LogLinearBuckets.index(of: value)] &+= 1
            words[LogLinearBuckets.sumOffset] &+= value
        }
    }

    private let state = Mutex(State())

    /// A distribution without observations.
    public init() {}

    /// Adds one observation. Any thread may call it.
    ///
    /// - Parameter value: in the unit of its family; nanoseconds where that counts seconds.
    public func observe(_ value: UInt64) {
        state.withLock { $0.add(value) }
    }

    /// Adds one observation and keeps it as the exemplar of its bucket, in place of the one before. Any thread may call it.
    public func observe(_ exemplar: Exemplar) {
        state.withLock {
            $0.add(exemplar.value)
            $0.exemplars.keep(exemplar)
        }
    }

    /// Laid out as `LogLinearBuckets` says.
    public var reading: [UInt64] { state.withLock { $0.words } }

    /// The exemplars that were kept.
    public var exemplars: ExemplarSlots { state.withLock { $0.exemplars } }
}
