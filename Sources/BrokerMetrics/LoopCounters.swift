/// One loop's block of counters, gauges and histograms. Not Sendable: only its loop touches it, with plain adds;
/// others see the copies that the loop hands out through `SnapshotExchange`.
@safe public final class LoopCounters {
    private let words: UnsafeMutablePointer<UInt64>
    // Where each stretch begins, once: `MetricLayout`'s constants are lazy globals, which cost a check each time.
    private let versioned, packetReason, origin, drop, reject, close, tls, gauge, histogram: Int
    private var exemplars = [ExemplarSlots](repeating: ExemplarSlots(), count: LoopHistogram.allCases.count)

    /// Allocates a block in which every word is 0. It is freed with this object.
    public init() {
        unsafe words = .allocate(capacity: MetricLayout.wordCount)
        unsafe words.initialize(repeating: 0, count: MetricLayout.wordCount)
        versioned = MetricLayout.versioned
        packetReason = MetricLayout.packetReason
        origin = MetricLayout.origin
        drop = MetricLayout.drop
        reject = MetricLayout.reject
        close = MetricLayout.close
        tls = MetricLayout.tls
        gauge = MetricLayout.gauge
        histogram = MetricLayout.histogram
    }

    deinit { unsafe words.deallocate() }

    @inline(__always)
    private func bump(_ index: Int, _ count: UInt64) {
        unsafe words[index] &+= count
    }

    /// Adds `count` to a counter without labels.
    @inline(__always)
    public func add(_ counter: Counter, _ count: Int = 1) {
        bump(counter.rawValue, UInt64(truncatingIfNeeded: count))
    }

    /// Adds `count` to the series of a counter that belongs to an MQTT version.
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

    /// Counts a message that is routed.
    @inline(__always)
    public func add(routed origin: PublicationOrigin) { bump(self.origin + origin.rawValue * 2, 1) }

    /// Counts copies that are made of a message.
    @inline(__always)
    public func add(copiesOf origin: PublicationOrigin, _ count: Int = 1) {
        bump(self.origin + origin.rawValue * 2 + 1, UInt64(truncatingIfNeeded: count))
    }

    /// Counts copies of messages that never reach their subscriber, by the reason of the loss.
    @inline(__always)
    public func add(lost reason: DropReason, _ count: Int = 1) {
        bump(drop + reason.rawValue, UInt64(truncatingIfNeeded: count))
    }

    /// Counts PUBLISH packets that arrived and are not routed, by the reason.
    @inline(__always)
    public func add(_ reason: RejectReason, _ count: Int = 1) {
        bump(reject + reason.rawValue, UInt64(truncatingIfNeeded: count))
    }

    /// Counts connections that ended, by the reason.
    @inline(__always)
    public func add(_ reason: CloseReason, _ count: Int = 1) {
        bump(close + reason.rawValue, UInt64(truncatingIfNeeded: count))
    }

    /// Counts a connection whose handshakes are done, where it was accepted.
    public func opened(_ version: TLSVersion) {
        bump(tls + version.rawValue * 2, 1)
        bump(tls + version.rawValue * 2 + 1, 1)
    }

    /// Counts the end of a connection that was counted as opened. It may be on another loop: the gauge is the sum.
    public func closed(_ version: TLSVersion) { bump(tls + version.rawValue * 2 + 1, .max) }

    /// Moves a gauge by `change`, which may be negative.
    @inline(__always)
    public func move(_ gauge: LoopGauge, by change: Int) {
        bump(self.gauge + gauge.rawValue, UInt64(bitPattern: Int64(change)))
    }

    /// Replaces the value of a gauge, for gauges that the loop computes as a whole, mostly when a snapshot is asked
    /// for. A gauge that is kept up to date with each change is changed with `move`.
    public func set(_ gauge: LoopGauge, to value: Int) {
        unsafe words[self.gauge + gauge.rawValue] = UInt64(bitPattern: Int64(value))
    }

    /// Adds one observation to a histogram.
    ///
    /// - Parameter value: in the unit that the case of `LoopHistogram` states: nanoseconds, or a number of
    ///   things.
    @inline(__always)
    public func observe(_ histogram: LoopHistogram, _ value: UInt64) {
        let base = self.histogram + histogram.rawValue * LogLinearBuckets.wordCount
        bump(base + LogLinearBuckets.index(of: value), 1)
        bump(base + LogLinearBuckets.sumOffset, value)
    }

    /// Adds `count` observations of the same value to a histogram.
    public func observe(_ histogram: LoopHistogram, _ value: UInt64, count: UInt64) {
        let base = self.histogram + histogram.rawValue * LogLinearBuckets.wordCount
        bump(base + LogLinearBuckets.index(of: value), count)
        bump(base + LogLinearBuckets.sumOffset, value &* count)
    }

    /// Keeps an exemplar of an observation that is counted by itself.
    public func keep(_ histogram: LoopHistogram, _ exemplar: Exemplar) {
        exemplars[histogram.rawValue].keep(exemplar)
    }

    /// Adds one observation to a histogram and keeps it as the exemplar of its bucket, in place of the one before.
    ///
    /// - Parameter exemplar: its value is in the unit that the case of `LoopHistogram` states.
    public func observe(_ histogram: LoopHistogram, _ exemplar: Exemplar) {
        observe(histogram, exemplar.value)
        exemplars[histogram.rawValue].keep(exemplar)
    }

    /// By `LoopHistogram.rawValue`, for `SnapshotExchange`. Shares memory with this block until one of its slots changes.
    public var exemplarSlots: [ExemplarSlots] { exemplars }

    /// A copy of the whole block, for `SnapshotExchange`.
    public func copy() -> [UInt64] {
        unsafe Array(UnsafeBufferPointer(start: words, count: MetricLayout.wordCount))
    }
}

/// Where each enum's stretch begins in a block.
public enum MetricLayout {
    /// The index of the first word of `VersionedCounter`. Before it each `Counter` has one word, at its raw
    /// value. Each versioned counter has two words, one for each `VersionLabel`.
    public static let versioned = Counter.allCases.count
    /// The index of the first word of `PacketReasonCounter`. Each of these counters has 256 words for each
    /// `VersionLabel`, one for each code on the wire.
    public static let packetReason = versioned + VersionedCounter.allCases.count * 2
    /// The index of the first word of `PublicationOrigin`; each has two words: messages, then copies.
    public static let origin = packetReason + PacketReasonCounter.allCases.count * 2 * 256
    /// The index of the first word of `DropReason`; each reason has one word.
    public static let drop = origin + PublicationOrigin.allCases.count * 2
    /// The index of the first word of `RejectReason`; each reason has one word.
    public static let reject = drop + DropReason.allCases.count
    /// The index of the first word of `CloseReason`; each reason has one word.
    public static let close = reject + RejectReason.allCases.count
    /// The index of the first word of `TLSVersion`; each has two words: connections opened, then those that are open.
    public static let tls = close + CloseReason.allCases.count
    /// The index of the first word of `LoopGauge`. Each gauge has one word, which holds a signed integer.
    public static let gauge = tls + TLSVersion.allCases.count * 2
    /// The index of the first word of `LoopHistogram`. Each histogram has `LogLinearBuckets.wordCount` words.
    public static let histogram = gauge + LoopGauge.allCases.count
    /// The number of words of a whole block.
    public static let wordCount = histogram + LoopHistogram.allCases.count * LogLinearBuckets.wordCount
}

/// Log-linear buckets: 8 linear steps for each power of two, so a quantile is off by at most 12.5 %.
public enum LogLinearBuckets {
    /// 0…7 exactly, then 8 steps for each of the 61 octaves from 8 up.
    public static let bucketCount = 8 + 61 * 8
    /// The word after the buckets holds the sum of all values.
    public static let sumOffset = bucketCount
    /// The number of words of one histogram: its buckets and the sum.
    public static let wordCount = bucketCount + 1

    /// The index of the bucket that counts `value`, in `0..<bucketCount`.
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
