import Primitives

/// Limits how many log lines clients can cause: thousands of clients that do the same at the same time must not fill a
/// disk. Events without a line are still counted where they happen, and the next line says how many were left out.
struct LineRate {
    static let linesPerSecond = 20
    private var second = MonotonicTime(nanoseconds: 0)
    private var count = 0
    private var omitted = 0

    /// - Returns: how many lines were left out since the last one; nil when this one is left out too.
    mutating func admit(_ now: MonotonicTime) -> Int? {
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
