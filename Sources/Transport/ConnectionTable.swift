/// The connections of one loop by slot. A slot's generation changes whenever its connection goes, so that an
/// event that was reported for it earlier finds nobody.
struct ConnectionTable {
    private var connections: ContiguousArray<Connection?> = []
    private var generations: ContiguousArray<UInt32> = []
    private var freeSlots: ContiguousArray<Int> = []
    private(set) var count = 0

    /// A slot that nobody has; `fill` or `free` it.
    mutating func take() -> Int {
        if let slot = freeSlots.popLast() { return slot }
        connections.append(nil)
        generations.append(0)
        return connections.count - 1
    }

    mutating func fill(_ slot: Int, with connection: Connection) {
        connections[slot] = connection
        count += 1
    }

    func token(_ slot: Int) -> Poller.Token { Poller.Token(slot: slot, generation: generations[slot]) }

    subscript(slot: Int) -> Connection? {
        slot < connections.count ? connections[slot] : nil
    }

    subscript(token: Poller.Token) -> Connection? {
        let slot = token.slot
        return slot < connections.count && generations[slot] == token.generation ? connections[slot] : nil
    }

    mutating func free(_ slot: Int) {
        if connections[slot] != nil { count -= 1 }
        connections[slot] = nil
        generations[slot] &+= 1
        freeSlots.append(slot)
    }

    /// `body` may close connections and add others.
    func forEach(_ body: (Connection) -> Void) {
        for index in connections.indices {
            if let connection = connections[index] { body(connection) }
        }
    }
}
