package import Primitives
import Synchronization

/// A clock that a test moves ahead.
package protocol PassingClock: Clock {
    func pass(milliseconds: Int64)
}

extension ManualClock: PassingClock {}

/// The system's clocks, which go by themselves, as a store needs it for its commits; a test moves them ahead.
package final class ShiftedClock: PassingClock {
    private let shift = Atomic<Int64>(0)

    package init() {}

    package var now: MonotonicTime {
        SystemClock().now.adding(milliseconds: UInt64(shift.load(ordering: .relaxed)))
    }
    package var wallMilliseconds: Int64 {
        SystemClock().wallMilliseconds + shift.load(ordering: .relaxed)
    }

    /// Time passes, on both.
    package func pass(milliseconds: Int64) { shift.wrappingAdd(milliseconds, ordering: .relaxed) }
}
