/// Copies that were appended to an output which the kernel did not take. When it takes their last byte the mark says how
/// long they lay there. Copies that are written in the turn that appended them need no mark.
public struct OutputMark: Sendable, BitwiseCopyable {
    /// When the broker got the message.
    public var received: MonotonicTime
    /// When the copy was put into the output.
    public var appended: MonotonicTime
    /// What sort of copy it is; the output does not look at it.
    public var kind: UInt8
    /// How many copies the mark stands for.
    public var count: UInt64
}

/// The marks of one output, in the order of its bytes.
///
///     written ┤■■■■■■■■■■■■■■■■■■■■■■■■├ tail
///                     ▲ mark   ▲ mark  ▲ mark        each at the last byte of its copies
///
/// There are never more than 64: then copies join the last mark and count as if they had come when its first did.
struct OutputMarks {
    private struct Place {
        /// In bytes since the first mark was set.
        var end: Int
        var mark: OutputMark
    }

    private static let limit = 64
    private var places: ContiguousArray<Place> = []
    /// Bytes that were written since the first mark was set.
    private var written = 0

    /// - Parameter byteCount: bytes that wait, the marked copy with them.
    mutating func add(_ mark: OutputMark, behind byteCount: Int) {
        let end = written + byteCount
        if let last = places.last?.mark,
            places.count == Self.limit
                || last.received == mark.received && last.appended == mark.appended && last.kind == mark.kind
        {
            places[places.count - 1].end = end
            places[places.count - 1].mark.count += 1
        } else {
            places.append(Place(end: end, mark: mark))
        }
    }

    /// `count` bytes more were written.
    mutating func pass(_ count: Int, to list: FlushList) {
        guard !places.isEmpty else { return }
        written += count
        let passed = places.prefix { $0.end <= written }.count
        for place in places.prefix(passed) { list.pass(place.mark) }
        places.removeFirst(passed)
        if places.isEmpty { written = 0 }
    }
}
