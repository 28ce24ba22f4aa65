/// The lines that wait for Graphite to take them, bounded in bytes.
///
///     removed │ line ↵ line ↵ li|ne ↵ line ↵ …
///             lineStart ─────┘  └─ head: what the kernel has taken
///
/// A line that was taken in part is kept from its beginning: on the next connection it goes once more as a whole.
struct GraphiteBuffer {
    private var bytes: [UInt8] = []
    private var lineStart = 0
    private var head = 0
    /// Bytes that stood before those in `bytes`.
    private var removed = 0
    /// Where complete reports end, counted from the first byte that ever was.
    private var reportEnds: [Int] = []

    /// Bytes that were not taken yet.
    var waiting: Int { bytes.count - head }

    /// Adds a report, as far as whole lines of it fit.
    ///
    /// - Parameter limit: bytes that may wait.
    /// - Returns: how many lines did not fit.
    mutating func append(_ report: [UInt8], limit: Int) -> Int {
        let room = max(0, limit - waiting)
        guard report.count > room else {
            bytes += report
            reportEnds.append(removed + bytes.count)
            return 0
        }
        let fitting = report[..<room].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        bytes += report[..<fitting]
        return Self.lineCount(report[fitting...])
    }

    /// Calls `body` with what waits.
    func withWaiting<Value>(_ body: (ArraySlice<UInt8>) -> Value) -> Value { body(bytes[head...]) }

    /// The kernel has taken `count` bytes.
    ///
    /// - Returns: how many reports are complete with them.
    mutating func taken(_ count: Int) -> Int {
        if let end = bytes[head..<(head + count)].lastIndex(of: UInt8(ascii: "\n")) { lineStart = end + 1 }
        head += count
        let complete = reportEnds.prefix { $0 <= removed + head }.count
        reportEnds.removeFirst(complete)
        if lineStart == bytes.count || lineStart > 64 * 1024 { dropTaken() }
        return complete
    }

    /// The connection is gone, and with it the beginning of a line.
    mutating func rewind() { head = lineStart }

    /// Forgets everything.
    ///
    /// - Returns: how many lines were not taken as a whole.
    mutating func removeAll() -> Int {
        let lost = Self.lineCount(bytes[lineStart...])
        self = GraphiteBuffer()
        return lost
    }

    private mutating func dropTaken() {
        bytes.removeFirst(lineStart)
        // After a server that was slow: what it filled need not stay.
        if bytes.isEmpty, bytes.capacity > 1 << 20 { bytes = [] }
        removed += lineStart
        head -= lineStart
        lineStart = 0
    }

    private static func lineCount(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.reduce(0) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
    }
}
