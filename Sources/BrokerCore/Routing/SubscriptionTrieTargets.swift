/// One node's list of subscriptions: a run in the array of `TargetLists`.
struct TargetList: BitwiseCopyable {
    fileprivate var offset: UInt32 = 0
    fileprivate(set) var count: UInt32 = 0
    /// The size of the list's chunk, which has `1 << chunkSize` places; there is no chunk while `count` is 0.
    fileprivate var chunkSize: UInt8 = 0
    fileprivate var isIndexed = false
}

/// The lists of all nodes. Short lists are searched from the front. A long list gets a table from session to position,
/// so that the millionth subscriber of a topic is added and removed as fast as the first.
struct TargetLists {
    /// A list longer than this gets a table; one that shrinks below half of it loses its table.
    private static let indexedAbove = 64

    private var pool = ChunkPool(
        filler: SubscriptionTarget(session: SessionHandle(bits: 0), options: 0))
    /// By node: session → position in the node's list.
    private var positions: [UInt32: IntegerTable] = [:]

    /// Memory held, in bytes.
    var byteCount: Int { pool.byteCount + positions.values.reduce(0) { $0 + $1.byteCount } }

    /// Appends the whole list to `output`.
    @inline(__always)
    func append(_ list: TargetList, to output: inout ContiguousArray<SubscriptionTarget>) {
        guard list.count > 0 else { return }
        let first = Int(list.offset)
        guard list.count > 1 else {
            output.append(pool[first])
            return
        }
        unsafe pool.elements.withUnsafeBufferPointer { elements in
            unsafe output.append(
                contentsOf: UnsafeBufferPointer(rebasing: elements[first..<first + Int(list.count)]))
        }
    }

    /// Adds `target`, or replaces the one of the same session.
    ///
    /// - Returns: true when it was replaced.
    mutating func set(_ target: SubscriptionTarget, in list: inout TargetList, node: UInt32) -> Bool {
        if let position = position(of: target.session, in: list, node: node) {
            pool[position] = target
            return true
        }
        makeRoom(in: &list)
        pool[Int(list.offset) + Int(list.count)] = target
        list.count += 1
        if list.isIndexed {
            positions[node]?.set(target.session.bits, to: list.count - 1)
        } else if list.count > Self.indexedAbove {
            index(&list, node: node)
        }
        return false
    }

    /// The last target moves to the place of the one removed.
    ///
    /// - Returns: false when the session was not in the list.
    mutating func remove(_ session: SessionHandle, from list: inout TargetList, node: UInt32) -> Bool {
        guard let position = position(of: session, in: list, node: node) else { return false }
        let last = Int(list.offset) + Int(list.count) - 1
        if position != last {
            pool[position] = pool[last]
            if list.isIndexed {
                positions[node]?.set(pool[position].session.bits, to: UInt32(position - Int(list.offset)))
            }
        }
        list.count -= 1
        if list.isIndexed {
            positions[node]?.remove(session.bits)
            if list.count < Self.indexedAbove / 2 {
                positions[node] = nil
                list.isIndexed = false
            }
        }
        giveRoomBack(of: &list)
        return true
    }

    /// The place in the pool.
    private func position(of session: SessionHandle, in list: TargetList, node: UInt32) -> Int? {
        let first = Int(list.offset)
        if list.isIndexed, let table = positions[node] {
            let position = table.find(session.bits)
            return position == IntegerTable.none ? nil : first + Int(position)
        }
        return (first..<first + Int(list.count)).first { pool[$0].session == session }
    }

    private mutating func index(_ list: inout TargetList, node: UInt32) {
        var table = IntegerTable()
        for position in 0..<list.count {
            table.set(pool[Int(list.offset) + Int(position)].session.bits, to: position)
        }
        positions[node] = table
        list.isIndexed = true
    }

    /// Moves a full list to the next larger chunk.
    private mutating func makeRoom(in list: inout TargetList) {
        if list.count == 0 {
            list.chunkSize = 0
            list.offset = UInt32(pool.allocate(size: 0))
        } else if Int(list.count) == 1 << Int(list.chunkSize) {
            move(&list, toSize: list.chunkSize + 1)
        }
    }

    /// Moves a list that fills a quarter of its chunk to one of half the size.
    private mutating func giveRoomBack(of list: inout TargetList) {
        if list.count == 0 {
            pool.deallocate(Int(list.offset), size: list.chunkSize)
        } else if list.chunkSize >= 2, Int(list.count) <= 1 << (Int(list.chunkSize) - 2) {
            move(&list, toSize: list.chunkSize - 1)
        }
    }

    private mutating func move(_ list: inout TargetList, toSize size: UInt8) {
        let offset = pool.allocate(size: size)
        pool.move(Int(list.count), from: Int(list.offset), to: offset)
        pool.deallocate(Int(list.offset), size: list.chunkSize)
        list.offset = UInt32(offset)
        list.chunkSize = size
    }
}
