import Glibc
import Synchronization

/// The time each open connection has left. The library's own timeout begins anew with each byte, so a client
/// that sends one byte now and then would hold its connection for ever; here it is cut.
///
///     opened, answered → idle + request   (the next request must be complete by then)
///     request complete → request          (the answer must have left by then)
///
/// A thread looks at the table some times in each timeout and shuts sockets down; the library then closes
/// them. The lock makes sure that a descriptor is still the connection's own: it leaves the table before it
/// is closed.
final class ConnectionDeadlines: Sendable {
    private struct Entry {
        let descriptor: Int32
        var deadline: UInt64
    }

    private let entries = Mutex<[Int: Entry]>([:])
    private let idle: UInt64
    private let request: UInt64
    private let onTimeout: @Sendable () -> Void

    /// - Parameter onTimeout: called for each connection that is cut.
    init(_ limits: HTTPLimits, onTimeout: @escaping @Sendable () -> Void) {
        request = limits.requestTimeout.wholeNanoseconds
        idle = limits.idleTimeout.wholeNanoseconds
        self.onTimeout = onTimeout
    }

    /// Milliseconds between two looks.
    var interval: Int32 { Int32(min(1_000, max(10, request / 4_000_000))) }

    func opened(_ connection: Int, descriptor: Int32) {
        let deadline = Self.now + idle + request
        entries.withLock { $0[connection] = Entry(descriptor: descriptor, deadline: deadline) }
    }

    func requestIsComplete(_ connection: Int) { set(connection, Self.now + request) }

    func isAnswered(_ connection: Int) { set(connection, Self.now + idle + request) }

    func closed(_ connection: Int) { entries.withLock { _ = $0.removeValue(forKey: connection) } }

    private func set(_ connection: Int, _ deadline: UInt64) {
        entries.withLock { $0[connection]?.deadline = deadline }
    }

    /// Shuts down what is over its time.
    func cutOverdue() {
        let now = Self.now
        entries.withLock { table in
            for (key, entry) in table where entry.deadline <= now {
                // Counted first: whoever sees the connection end finds it counted.
                onTimeout()
                shutdown(entry.descriptor, Int32(SHUT_RDWR))
                table[key]?.deadline = .max
            }
        }
    }

    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
