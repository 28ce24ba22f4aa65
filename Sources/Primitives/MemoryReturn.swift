import CSystem
import Glibc
import Synchronization

/// When free memory is given back to the system.
///
/// glibc keeps what is freed in the midst of a heap for itself, and with a heap for each loop that is most of it: after
/// 1,500 connections that had sent half a CONNECT of a megabyte 145 MB stayed, whatever the thresholds of its allocator. So the
/// resident memory is looked at now and then:
///
///     resident   floor ────▁▂▄▆█████  ← grew by much, and grows no more: give back
///                                   ▁ ← the new floor
public struct MemoryReturn {
    /// What was resident after memory was last given back, or less since; in bytes.
    private var floor: Int?
    private var last = 0

    /// Growth that is worth a look through all heaps, during which loops may have to wait for their own: bytes, or a
    /// quarter of the floor if that is more.
    static let worthwhile = 32 << 20

    /// Nothing is known of the memory yet: the first call of `isDue` only takes note.
    public init() {}

    /// - Parameter resident: bytes resident now.
    /// - Returns: whether memory should be given back; tell `returned` then.
    public mutating func isDue(resident: Int) -> Bool {
        defer { last = resident }
        guard let floor, resident > floor else {
            floor = resident
            return false
        }
        // While it grows, what is free will be used in a moment.
        return resident <= last + last / 64 && resident - floor > max(Self.worthwhile, floor / 4)
    }

    /// - Parameter resident: bytes resident after it was given back.
    public mutating func returned(resident: Int) {
        floor = resident
        last = resident
    }
}

/// The thread that gives memory back, and what it has done so far.
public final class MemoryReturner: Sendable {
    /// What was given back.
    public struct Counts: Sendable {
        /// How often memory was given back.
        public var times = 0
        /// By how many bytes the resident memory shrank, all times together.
        public var byteCount = 0
    }

    private let state = Mutex(Counts())

    /// Nothing happens before `start`.
    public init() {}

    /// What was given back so far. Any thread may ask.
    public var counts: Counts { state.withLock { $0 } }

    /// Looks every `seconds` seconds until the process ends.
    ///
    /// - Parameter resident: bytes resident now.
    public func start(every seconds: UInt32 = 5, resident: @escaping @Sendable () -> Int) throws(ThreadError)
    {
        _ = try WorkerThread(name: "memory") { [self] in
            var policy = MemoryReturn()
            while true {
                _ = sleep(seconds)
                let before = resident()
                guard policy.isDue(resident: before) else { continue }
                csystem_trim_memory()
                let after = resident()
                policy.returned(resident: after)
                state.withLock {
                    $0.times += 1
                    $0.byteCount += max(0, before - after)
                }
            }
        }
    }
}
