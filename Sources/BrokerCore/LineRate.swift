import Primitives

/// How many log lines clients may cause: thousands of them that do the same in a moment must not fill a disk. Who was left out is
/// still counted where it happened, and the next line says how many there were.
struct LineRate {
    static let linesPerSecond = 20
    private var second = MonotonicTime(nanoseconds: 0)
    private var count = 0
    private var omitted = 0

    /// - Returns: how many lines were left out since the last one; nil when this one is left out too.
    mutating func take(_ now: MonotonicTime) -> Int? {
        if now.nanoseconds(since: second) >= 1_000_000_000 {
            second = now
            count = 0
        }
        guard count < Self.linesPerSecond else {
            omitted += 1
            return nil
        }
        count += 1
        defer { omitted = 0 }
        return omitted
    }
}
