import Primitives

/// Where a copy of a message lies in the store, as its subscriber's loop knows it.
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
    /// What is stored beside the copy as its packet identifier; 0 = nothing.
    package var identifier: UInt16 = 0

    /// Not in the store.
    package static let none = StoreTicket()

    package var isStored: Bool { number != 0 }
}

/// A copy that its subscriber needs no more, on its way to the loop that stored it.
package struct StoreRemoval: Sendable {
    var ticket: StoreTicket
    /// The session's number in the store.
    var session: UInt64
    /// Its message's, for the index by deadline.
    var expiryDeadline: MonotonicTime?
    var flight: FlightNote
}

/// What the store knows of the sending of a copy. A QoS 1 copy has its identifier beside it from the beginning; the rest has
/// a row of its own.
package enum FlightNote: Sendable, BitwiseCopyable {
    case none
    /// It stands in the copy's batch, and is written if the copy is.
    case noted
    /// It was given to the store on its own.
    case written
}

extension StoreTicket {
    /// A copy that is committed, and that loop `loop` will remove.
    init(number: UInt64, loop: UInt16, identifier: UInt16 = 0) {
        self.init(number: number, batch: 0, index: .max, loop: loop, identifier: identifier)
    }
}
