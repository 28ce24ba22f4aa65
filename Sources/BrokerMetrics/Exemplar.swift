/// One observation of a histogram with where to read more about it: it stands for the others of its bucket.
///
/// OpenMetrics shows it as the labels `trace_id` and `span_id`, in lower-case hexadecimal as W3C's Trace Context writes them
/// (https://www.w3.org/TR/trace-context/). It never names a client or a topic: a trace does.
public struct Exemplar: Hashable, Sendable {
    /// The 128 bits of the trace's id; 0 in both leaves the label out.
    public var traceHigh, traceLow: UInt64
    /// The span's id; 0 leaves the label out.
    public var spanID: UInt64
    /// What was observed, in the unit of its histogram: nanoseconds or a number of things.
    public var value: UInt64
    /// When, since 1970-01-01 UTC.
    public var wallMilliseconds: Int64

    /// An observation of `value` that the trace and span tell more about.
    public init(
        value: UInt64, traceHigh: UInt64 = 0, traceLow: UInt64 = 0, spanID: UInt64 = 0,
        wallMilliseconds: Int64
    ) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.spanID = spanID
        self.value = value
        self.wallMilliseconds = wallMilliseconds
    }
}

extension Exemplar {
    /// An observation within a trace that its caller has begun.
    ///
    /// - Parameter traceparent: a header of W3C's Trace Context, `00-<32 digits>-<16 digits>-<2 digits>`.
    /// - Returns: nil when it is no such header, or the trace is not kept (its flag `sampled` is not set): there would be
    ///   nothing to read.
    public init?(value: UInt64, traceparent: String, wallMilliseconds: Int64) {
        let text = Array(traceparent.utf8)
        guard text.count == 55, text[2] == UInt8(ascii: "-"), text[35] == UInt8(ascii: "-"),
            text[52] == UInt8(ascii: "-"), text[0] == UInt8(ascii: "0"), text[1] == UInt8(ascii: "0"),
            let high = Self.word(text[3..<19]), let low = Self.word(text[19..<35]),
            let span = Self.word(text[36..<52]), let flags = Self.word(text[53..<55]),
            high | low != 0, span != 0, flags & 1 == 1
        else { return nil }
        self.init(
            value: value, traceHigh: high, traceLow: low, spanID: span, wallMilliseconds: wallMilliseconds)
    }

    /// Hexadecimal digits in lower case, sixteen at most.
    private static func word(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var word: UInt64 = 0
        for digit in digits {
            switch digit {
            case 0x30...0x39: word = word << 4 | UInt64(digit - 0x30)
            case 0x61...0x66: word = word << 4 | UInt64(digit - 0x61 + 10)
            default: return nil
            }
        }
        return word
    }
}

/// The last exemplar of each power of two of a histogram's values: 65 slots at most, whatever is observed.
///
///     slot   0   1   2     3     …  64
///     value  0   1   2–3   4–7   …  2⁶³ and more
///
/// The slots know nothing of the bounds that a histogram is exported with; `latest(of:)` looks which of them fit. Memory for
/// them (about 3 KB) is taken with the first exemplar.
public struct ExemplarSlots: Sendable {
    private var slots: ContiguousArray<Exemplar?> = []

    /// No exemplars.
    public init() {}

    /// Whether there is none.
    public var isEmpty: Bool { slots.isEmpty }

    /// Keeps `exemplar` in place of the one that had its slot.
    public mutating func keep(_ exemplar: Exemplar) {
        if slots.isEmpty { slots = ContiguousArray(repeating: nil, count: 65) }
        slots[64 - exemplar.value.leadingZeroBitCount] = exemplar
    }

    /// Takes over those of `others` that are newer, slot by slot.
    public mutating func merge(_ others: ExemplarSlots) {
        guard !slots.isEmpty else { return self = others }
        for case let exemplar? in others.slots {
            let slot = 64 - exemplar.value.leadingZeroBitCount
            if let mine = slots[slot], mine.wallMilliseconds >= exemplar.wallMilliseconds { continue }
            slots[slot] = exemplar
        }
    }

    /// The newest exemplar of each exported bucket: one entry for each bound and one for +Inf.
    ///
    /// One is shown only where its bucket counts it and its value lies within the bucket's bounds. At a bound that is no edge
    /// of the log-linear buckets the two may differ, see `HistogramBounds`.
    public func latest(of bounds: HistogramBounds) -> [Exemplar?] {
        var latest = [Exemplar?](repeating: nil, count: bounds.values.count + 1)
        for case let exemplar? in slots {
            let index = bounds.values.firstIndex { exemplar.value <= $0 } ?? bounds.values.count
            let bucket = LogLinearBuckets.index(of: exemplar.value)
            let counted = bounds.bucketEnds.firstIndex { bucket < $0 } ?? bounds.values.count
            guard index == counted else { continue }
            if let other = latest[index], other.wallMilliseconds > exemplar.wallMilliseconds { continue }
            latest[index] = exemplar
        }
        return latest
    }
}
