import Synchronization

/// The one door between event loops: any thread posts, one loop drains.
public final class Mailbox<Letter: Sendable>: Sendable {
    private let letters = Mutex<ContiguousArray<Letter>>([])
    private let wake: @Sendable () -> Void

    /// - Parameter wake: called by the posting thread when the box stops being empty; must not block.
    public init(wake: @escaping @Sendable () -> Void) {
        self.wake = wake
    }

    /// Adds a letter behind those that wait. Any thread may call it; it wakes the loop when the box was empty.
    public func post(_ letter: Letter) {
        let wasEmpty = letters.withLock { box in
            box.append(letter)
            return box.count == 1
        }
        if wasEmpty { wake() }  // one wake-up for each batch: the loop drains everything it finds
    }

    /// Swaps the waiting letters into `batch`, which must be empty, so neither array is reallocated.
    public func drain(into batch: inout ContiguousArray<Letter>) {
        letters.withLock { swap(&$0, &batch) }
    }

    /// Letters waiting now.
    public var depth: Int { letters.withLock { $0.count } }
}
