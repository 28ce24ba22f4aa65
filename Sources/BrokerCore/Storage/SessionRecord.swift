/// What the store has of one session, as its loop knows it.
struct SessionRecord {
    /// The session's number in the store; 0 = nothing of it is kept. Never used twice.
    private(set) var number: UInt64 = 0
    /// The will's number in the store, where it lies while the session is not kept; 0 = it does not.
    private(set) var willNumber: UInt64 = 0
    /// The batch that its state was last noted in, and where among its changes.
    private var notedBatch: UInt64 = 0
    private var notedChange = 0
    /// The last batch that the session asked to be told of.
    private var awaitedBatch: UInt64 = 0

    /// Whether the session is stored, so that it outlives the process.
    @inline(__always)
    var isKept: Bool { number != 0 }

    /// The session has this number from now on.
    mutating func keep(as number: UInt64) { self.number = number }

    /// Nothing of the session is in the store any more.
    mutating func forget() { number = 0 }

    /// The will lies in the store under this number.
    mutating func keepWill(as number: UInt64) { willNumber = number }

    /// The will is not needed any more.
    ///
    /// - Returns: its number, if it lay in the store by itself.
    mutating func takeWillNumber() -> UInt64? {
        guard willNumber != 0 else { return nil }
        defer { willNumber = 0 }
        return willNumber
    }

    /// Where in the open batch the session's state is, if it is there.
    func change(in batch: UInt64) -> Int? { notedBatch == batch ? notedChange : nil }

    /// The session's state is in the open batch.
    mutating func noted(in batch: UInt64, at change: Int) {
        notedBatch = batch
        notedChange = change
    }

    /// The session waits for a batch.
    ///
    /// - Returns: false when it waits for a later one already, and is not told of this one by itself.
    mutating func beginWait(for batch: UInt64) -> Bool {
        guard awaitedBatch < batch else { return false }
        awaitedBatch = batch
        return true
    }
}
