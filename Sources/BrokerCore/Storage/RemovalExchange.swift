import DequeModule

/// Copies of other loops' batches that this loop does not need any more, and how far those loops have got with them.
///
///     waiting ─ end of the turn: a letter → sent ─ committed by the other loop → forgotten
struct RemovalExchange {
    /// By loop: copies stored there that are not needed any more.
    private(set) var waiting: ContiguousArray<ContiguousArray<StoreRemoval>>
    /// By loop: letters with removals that were sent there and are not known to be committed, in their order.
    private(set) var sent: ContiguousArray<Deque<Sent>>
    /// By loop: whether it must hand its batch over at the end of its turn, because clients that are away get copies
    /// from it, or somebody waits for what it stores.
    var hurries: ContiguousArray<Bool>
    private var lastSerial: UInt64 = 0
    /// Letters with removals from other loops, in their order. Their removals are committed with `batch`.
    var marks: Deque<(loop: Int, serial: UInt64, batch: UInt64)> = []
    /// Removals that must not be written before a batch is committed, because a copy in that batch replaces the one
    /// that they remove.
    var late: Deque<(batch: UInt64, removal: StoreRemoval)> = []
    /// Bytes of those that other loops have to commit.
    private(set) var byteCount = 0

    /// One letter.
    struct Sent {
        let serial: UInt64
        let removals: ContiguousArray<StoreRemoval>
    }

    init(loopCount: Int) {
        waiting = ContiguousArray(repeating: [], count: loopCount)
        sent = ContiguousArray(repeating: [], count: loopCount)
        hurries = ContiguousArray(repeating: false, count: loopCount)
    }

    /// A copy that `loop` has stored is not needed any more.
    mutating func append(_ removal: StoreRemoval, for loop: Int) {
        waiting[loop].append(removal)
        byteCount += MemoryLayout<StoreRemoval>.stride
    }

    /// Takes all that wait out, when the loops end.
    mutating func takeAll() -> ContiguousArray<StoreRemoval> {
        var all: ContiguousArray<StoreRemoval> = []
        for loop in waiting.indices {
            all += waiting[loop]
            waiting[loop] = []
        }
        byteCount -= all.count * MemoryLayout<StoreRemoval>.stride
        return all
    }

    /// Takes the removals for `loop` out, to be posted.
    mutating func take(for loop: Int) -> Sent {
        lastSerial += 1
        let letter = Sent(serial: lastSerial, removals: waiting[loop])
        waiting[loop] = []
        if !letter.removals.isEmpty { sent[loop].append(letter) }
        return letter
    }

    /// Loop `loop` has committed the letters up to this number.
    mutating func forget(_ loop: Int, through serial: UInt64) {
        while let first = sent[loop].first, first.serial <= serial {
            sent[loop].removeFirst()
            byteCount -= first.removals.count * MemoryLayout<StoreRemoval>.stride
        }
    }

    /// Calls `body` with session and number of each copy whose removal may not be committed by the loop that stored it.
    func forEach(_ body: (UInt64, UInt64) -> Void) {
        for late in late { body(late.removal.session, late.removal.ticket.number) }
        for loop in sent.indices {
            for letter in sent[loop] {
                for removal in letter.removals { body(removal.session, removal.ticket.number) }
            }
            for removal in waiting[loop] { body(removal.session, removal.ticket.number) }
        }
    }
}
