import Synchronization

/// Where a reader asks a loop for a copy of its counters and the loop leaves it.
///
/// A loop copies only when asked, at the end of its turn, so counting costs nothing between scrapes
/// (architecture §6).
public final class SnapshotExchange: Sendable {
    private struct State {
        var words: [UInt64] = []
        var exemplars: [ExemplarSlots] = []
        /// Requests answered so far.
        var answered: UInt64 = 0
    }

    private let requested = Atomic<UInt64>(0)
    private let state = Mutex(State())
    private let wake: @Sendable () -> Void

    /// - Parameter wake: makes the loop begin a turn; called on the reader's thread.
    public init(wake: @escaping @Sendable () -> Void) {
        self.wake = wake
    }

    /// Called by the loop at the end of each turn: one load and one compare when nobody asked.
    ///
    /// - Parameter prepare: sets the gauges that are read rather than kept.
    @inline(__always)
    public func answer(lastAnswered: inout UInt64, from counters: LoopCounters, prepare: () -> Void = {}) {
        let wanted = requested.load(ordering: .acquiring)
        guard wanted != lastAnswered else { return }
        lastAnswered = wanted
        prepare()
        let copy = counters.copy()
        let exemplars = counters.exemplarSlots
        state.withLock {
            $0.words = copy
            $0.exemplars = exemplars
            $0.answered = wanted
        }
    }

    /// Asks for a fresh copy. - Returns: the number of the request, for `words(since:)`.
    public func request() -> UInt64 {
        let number = requested.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue
        wake()
        return number
    }

    /// The copy that answers `request` or a later one; nil while the loop has not answered.
    public func words(since request: UInt64) -> [UInt64]? {
        state.withLock { $0.answered >= request ? $0.words : nil }
    }

    /// The last copy the loop made, however old; empty when it never made one.
    public var lastWords: [UInt64] { state.withLock { $0.words } }

    /// The exemplars of the last copy, by `LoopHistogram.rawValue`; empty when the loop never made one.
    public var lastExemplars: [ExemplarSlots] { state.withLock { $0.exemplars } }
}
