/// One loop's block of counters, gauges and histograms. Not Sendable: only its loop touches it, with plain adds;
/// others see the copies that the loop hands out through `SnapshotExchange`.
@safe public final class LoopCounters {
    private let words: UnsafeMutablePointer<UInt64>
    // Where each stretch begins, once: `MetricLayout`'s constants are lazy globals, which cost a check each time.
    private let versioned, packetReason, drop, reject, close, gauge, histogram: Int

    public init() {
        unsafe words = .allocate(capacity: MetricLayout.wordCount)
        unsafe words.initialize(repeating: 0, count: MetricLayout.wordCount)
        versioned = MetricLayout.versioned
        packetReason = MetricLayout.packetReason
        drop = MetricLayout.drop
        reject = MetricLayout.reject
        close = MetricLayout.close
        gauge = MetricLayout.gauge
        histogram = MetricLayout.histogram
    }

    deinit { unsafe words.deallocate() }

    @inline(__always)
    private func bump(_ index: Int, _ count: UInt64) {
        unsafe words[index] &+= count
    }

    @inline(__always)
    public func add(_ counter: Counter, _ count: Int = 1) {
        bump(counter.rawValue, UInt64(truncatingIfNeeded: count))
    }

    @inline(__always)
    public func add(_ counter: VersionedCounter, _ version: VersionLabel, _ count: Int = 1) {
        bump(versioned + counter.rawValue * 2 + version.rawValue, UInt64(truncatingIfNeeded: count))
    }

    /// - Parameter code: the reason or return code as on the wire; 0 for packets that carry none.
    @inline(__always)
    public func add(_ counter: PacketReasonCounter, _ version: VersionLabel, code: UInt8, _ count: Int = 1) {
        bump(
            packetReason + (counter.rawValue * 2 + version.rawValue) * 256 + Int(code),
            UInt64(truncatingIfNeeded: count))
    }

    @inline(__always)
    public func add(lost reason: DropReason, _ count: Int = 1) {
        bump(drop + reason.rawValue, UInt64(truncatingIfNeeded: count))
    }

    @inline(__always)
    public func add(_ reason: RejectReason, _ count: Int = 1) {
        bump(reject + reason.rawValue, UInt64(truncatingIfNeeded: count))
    }

    @inline(__always)
    public func add(_ reason: CloseReason, _ count: Int = 1) {
        bump(close + reason.rawValue, UInt64(truncatingIfNeeded: count))
    }

    /// Moves a gauge by `change`, which may be negative.
    @inline(__always)
    public func move(_ gauge: LoopGauge, by change: Int) {
        bump(self.gauge + gauge.rawValue, UInt64(bitPattern: Int64(change)))
    }

    public func set(_ gauge: LoopGauge, to value: Int) {
        unsafe words[self.gauge + gauge.rawValue] = UInt64(bitPattern: Int64(value))
    }

    @inline(__always)
    public func observe(_ histogram: LoopHistogram, _ value: UInt64) {
        let base = self.histogram + histogram.rawValue * LogLinearBuckets.wordCount
        bump(base + LogLinearBuckets.index(of: value), 1)
        bump(base + LogLinearBuckets.sumOffset, value)
    }

    /// A copy of the whole block, for `SnapshotExchange`.
    public func copy() -> [UInt64] {
        unsafe Array(UnsafeBufferPointer(start: words, count: MetricLayout.wordCount))
    }
}

/// Where each enum's stretch begins in a block.
public enum MetricLayout {
    public static let versioned = Counter.allCases.count
    public static let packetReason = versioned + VersionedCounter.allCases.count * 2
    public static let drop = packetReason + PacketReasonCounter.allCases.count * 2 * 256
    public static let reject = drop + DropReason.allCases.count
    public static let close = reject + RejectReason.allCases.count
    public static let gauge = close + CloseReason.allCases.count
    public static let histogram = gauge + LoopGauge.allCases.count
    public static let wordCount = histogram + LoopHistogram.allCases.count * LogLinearBuckets.wordCount
}

/// Log-linear buckets: 8 linear steps for each power of two, so a quantile is off by at most 12.5 %.
public enum LogLinearBuckets {
    public static let stepsPerOctave = 8
    /// 0…7 exactly, then 8 steps for each of the 61 octaves from 8 up.
    public static let bucketCount = 8 + 61 * 8
    /// The word after the buckets holds the sum of all values.
    public static let sumOffset = bucketCount
    public static let wordCount = bucketCount + 1

    @inline(__always)
    public static func index(of value: UInt64) -> Int {
        guard value >= 8 else { return Int(truncatingIfNeeded: value) }
        let octave = 63 - value.leadingZeroBitCount  // ≥ 3
        let step = Int(truncatingIfNeeded: value >> UInt64(octave - 3)) & 7
        return 8 + (octave - 3) * 8 + step
    }

    /// The largest value that falls into bucket `index`.
    public static func upperBound(of index: Int) -> UInt64 {
        guard index >= 8 else { return UInt64(index) }
        let octave = (index - 8) / 8
        let step = UInt64((index - 8) % 8)
        let lower = (8 + step) << UInt64(octave)
        return lower &+ (UInt64(1) << UInt64(octave)) &- 1
    }
}
