/// How far the copies that one loop stores have got, as that loop knows it; see `StoreHorizon`. The floor for a loop is
/// the lowest number of a copy for its sessions.
struct StoreFloors {
    /// Of the open batch, and of the resting one, by loop; `.max` = none.
    private(set) var open: ContiguousArray<UInt64>
    private(set) var resting: ContiguousArray<UInt64>
    /// What the other loops know.
    var published: ContiguousArray<UInt64>
    /// Whether they may know less than is true.
    var haveChanged = false
    /// Numbers have been taken in this turn.
    var isTaking = false

    init(loopCount: Int) {
        open = ContiguousArray(repeating: .max, count: loopCount)
        resting = open
        published = open
    }

    /// The open batch has a copy with this number for a session of loop `loop`.
    @inline(__always)
    mutating func noteCopy(_ number: UInt64, for loop: Int) {
        if number < open[loop] {
            open[loop] = number
            haveChanged = true
        }
    }

    /// The open batch rests now.
    mutating func rest() {
        let earlier = resting
        resting = open
        open = earlier
        forgetOpen()
    }

    mutating func forgetOpen() {
        for loop in open.indices { open[loop] = .max }
        haveChanged = true
    }
}
