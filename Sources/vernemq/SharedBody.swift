import Primitives
import Synchronization

/// The body of a page that many may ask for: it is made once, and shown to all who come while it is made or shortly after.
final class SharedBody: Sendable {
    private struct Made {
        let body: [UInt8]
        let at: MonotonicTime
    }

    private let freshness: UInt64
    /// Held while the body is made, so that who comes meanwhile waits for it.
    private let last = Mutex<Made?>(nil)

    /// - Parameter freshness: nanoseconds for which a body is shown.
    init(freshness: UInt64) { self.freshness = freshness }

    /// - Parameter make: makes the body; it may block, but takes no other lock that is held while a page is asked for.
    func get(_ make: () -> [UInt8]) -> [UInt8] {
        last.withLock { last in
            if let last, SystemClock().now.nanoseconds(since: last.at) < freshness { return last.body }
            let body = make()
            last = Made(body: body, at: SystemClock().now)
            return body
        }
    }
}
