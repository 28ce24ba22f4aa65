import Primitives

/// Where a copy of a message is in the store, as its subscriber's loop knows it.
///
///     number   the message's number, ascending over all loops and restarts; bit 0: its body is shared by several copies
///     loop     whose batch took it, and who must therefore take its removal too: one loop's batches are written in order
///     batch, index   its place there, for as long as that batch has not been handed over
package struct StoreTicket: Sendable, Equatable, BitwiseCopyable {
    /// 0 = not stored.
    package var number: UInt64 = 0
    /// The low 32 bits of the batch's number.
    var batch: UInt32 = 0
    var index: UInt32 = 0
    var loop: UInt16 = 0
    /// The packet identifier that is stored with the copy; 0 = none.
    package var identifier: UInt16 = 0

    /// Not in the store.
    package static let none = StoreTicket()

    /// Whether the copy is in the store, or on its way there.
    package var isStored: Bool { number != 0 }
}

/// A copy that its subscriber does not need any more. It is posted to the loop that stored the copy, which removes it.
package struct StoreRemoval: Sendable {
    var ticket: StoreTicket
    /// The session's number in the store.
    var session: UInt64
    /// The message's deadline, under which the store has an index row; nil = it does not expire.
    var expiryDeadline: MonotonicTime?
    var flight: FlightNote
}

/// What the store has about the sending of a copy (its flight). A QoS 1 copy is stored with its packet identifier;
/// everything else is in a row of its own.
package enum FlightNote: Sendable, BitwiseCopyable {
    case none
    /// It is noted with the copy in its batch, and is written if the copy is written.
    case noted
    /// It was given to the store as a change of its own.
    case written
}

extension StoreTicket {
    /// A copy that is committed. Loop `loop` is to remove it.
    init(number: UInt64, loop: UInt16, identifier: UInt16 = 0) {
        self.init(number: number, batch: 0, index: .max, loop: loop, identifier: identifier)
    }
}
