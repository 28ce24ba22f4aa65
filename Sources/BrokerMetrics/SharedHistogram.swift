import Synchronization

/// A distribution of values that threads beside the loops observe: a few each second, so a lock is no matter.
public final class SharedHistogram: Sendable {
    private let words = Mutex([UInt64](repeating: 0, count: LogLinearBuckets.wordCount))

    public init() {}

    public func observe(_ value: UInt64) {
        words.withLock {
            $0[LogLinearBuckets.index(of: value)] &+= 1
            $0[LogLinearBuckets.sumOffset] &+= value
        }
    }

    /// Laid out as `LogLinearBuckets` says.
    public var reading: [UInt64] { words.withLock { $0 } }
}
