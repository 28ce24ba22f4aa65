import CSystem
import Glibc
import Primitives

/// Wakes a thread that waits for descriptors: one more descriptor, which becomes readable.
final class Wakeup: Sendable {
    /// To be waited for; becomes readable by `signal` and stays so until `clear`.
    let descriptor: Int32

    /// - Returns: nil when there is no descriptor to be had.
    init?() {
        descriptor = csystem_eventfd_create()
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// Any thread may call it.
    func signal() { csystem_eventfd_signal(descriptor) }

    /// Waits for it, until `deadline` at the longest; at most an hour.
    func wait(until deadline: MonotonicTime, now: MonotonicTime) {
        var descriptors = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        poll(&descriptors, 1, Self.milliseconds(until: deadline, now: now))
    }

    /// For `poll`: rounded up, because who wakes too early does nothing and waits again; at most an hour.
    static func milliseconds(until deadline: MonotonicTime, now: MonotonicTime) -> Int32 {
        let left = deadline.nanoseconds(since: now)
        return Int32(min(left / 1_000_000 + (left % 1_000_000 > 0 ? 1 : 0), 3_600_000))
    }

    func clear() {
        var count: UInt64 = 0
        _ = csystem_read(descriptor, &count, MemoryLayout<UInt64>.size)
    }
}
