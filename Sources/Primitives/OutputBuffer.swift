public import Glibc

/// The outputs a loop must flush at the end of its turn: each connection once, however many packets it got.
public final class FlushList {
    /// Slots of the connections with fresh output, in the order of their first byte.
    public private(set) var slots: ContiguousArray<Int> = []
    /// Bytes that wait in all the outputs together.
    public internal(set) var waitingByteCount = 0
    /// What became of counted packets since somebody asked.
    private var settledPackets = SettledPackets()
    /// Marks that have passed since somebody asked.
    private var passedMarks: ContiguousArray<OutputMark> = []
    /// Measures the packet at the front of some bytes, which hold its fixed header at least. Set by whoever knows what
    /// is written; nil: no packets are counted.
    public var measure: ((RawSpan) -> OutputPacket)?

    /// A list without connections and without a measure of packets.
    public init() {
        slots.reserveCapacity(1024)
    }

    fileprivate func add(_ slot: Int) { slots.append(slot) }

    func settle(_ packets: SettledPackets) {
        settledPackets.written += packets.written
        settledPackets.discarded += packets.discarded
    }

    /// What became of counted packets since this was last called.
    public func takeSettledPackets() -> SettledPackets {
        defer { settledPackets = SettledPackets() }
        return settledPackets
    }

    func pass(_ mark: OutputMark) { passedMarks.append(mark) }

    /// The marks whose bytes the kernel has taken since this was last called.
    public func takePassedMarks() -> ContiguousArray<OutputMark> {
        guard !passedMarks.isEmpty else { return [] }
        defer { passedMarks = [] }
        return passedMarks
    }

    /// Swaps the listed slots into `batch`, which must be empty.
    public func drain(into batch: inout ContiguousArray<Int>) { swap(&slots, &batch) }
}

/// What a connection has still to write. Owned by one loop.
///
/// Bytes lie in one block that is borrowed from the loop's `BufferPool` with the first byte and given back with
/// the last, so a silent connection keeps none. Large payloads are not copied: they are pieces by reference,
/// cut in at their place, and leave with `writev`.
///
///     block   |··sent··|■■■■■■■■■■■■|■■■■■■■|        |
///                      ^head        ^cut    ^tail    ^capacity
///     shared                        [payload held by reference, goes out at the cut]
///
/// Some packets are counted, because it matters whether they left the process: see `OutputPackets.swift`.
@safe public final class OutputBuffer {
    // Strong, though the loop outlives its connections: `unowned` cost an atomic check with each packet.
    let flushList: FlushList
    private let pool: BufferPool
    private let slot: Int
    var block: UnsafeMutableRawBufferPointer?
    var head = 0
    var tail = 0
    var shared: ContiguousArray<SharedPiece> = []
    var sharedByteCount = 0
    private var isListed = false
    /// Counted packets that are not written to their last byte.
    public internal(set) var packetCount = 0
    /// Where in the stream of packets the kernel stopped taking bytes.
    var cut = PacketCut()
    /// Where copies end that were appended while the output was stuck; see `OutputMark`.
    var marks = OutputMarks()

    /// Set while the kernel takes nothing: it has refused bytes, and some of them still wait.
    public private(set) var isStuck = false
    /// Set while the peer does not take what it is sent: more than `highWater` bytes wait.
    public private(set) var isBlocked = false
    /// After this no byte is taken any more: the connection is closing.
    public var isClosed = false

    /// Above this many waiting bytes the owner should stop adding; below the low mark it may go on.
    public static let highWater = 256 * 1024
    /// `wrote` ends the blocking when this many bytes or fewer wait.
    public static let lowWater = 64 * 1024
    /// Payloads from this size on are kept by reference rather than copied.
    public static let sharingThreshold = 16 * 1024

    struct SharedPiece {
        /// Offset in the block before which the piece goes out.
        var cut: Int
        var bytes: SharedBytes
        var offset: Int
    }

    /// The empty output of one connection.
    ///
    /// - Parameters:
    ///   - slot: the connection's place in its loop's table. The output puts it on `flushList` when there is something
    ///     to flush.
    ///   - flushList: the list of the loop.
    ///   - pool: the pool of the loop, from which the output borrows its block.
    public init(slot: Int, flushList: FlushList, pool: BufferPool) {
        self.slot = slot
        self.flushList = flushList
        self.pool = pool
    }

    deinit {
        flushList.waitingByteCount -= byteCount
        flushList.settle(SettledPackets(discarded: packetCount))
        if let block = unsafe block { unsafe pool.give(block) }
    }

    /// Bytes waiting to be written.
    public var byteCount: Int { tail - head + sharedByteCount }

    /// Whether answers to the peer's own packets have piled up so far that it should not be read for a while.
    /// Payloads held by reference do not count: they are others' messages, and bounded by `highWater` and one more.
    public var isOverfull: Bool { tail - head > 4 * Self.highWater }

    /// Whether nothing waits, neither in the block nor by reference.
    public var isEmpty: Bool { tail == head && sharedByteCount == 0 }

    /// Appends `count` bytes that `fill` writes; `fill` must write all of them.
    @inline(__always)
    public func append(count: Int, _ fill: (UnsafeMutableRawPointer) -> Void) {
        guard !isClosed else { return }
        makeRoom(for: count)
        guard let block = unsafe block, let base = block.baseAddress else { return }
        unsafe fill(base + tail)
        tail += count
        flushList.waitingByteCount += count
        if byteCount > Self.highWater { isBlocked = true }
        list()
    }

    /// Copies `bytes` behind what waits. A closed output takes nothing.
    @inline(__always)
    public func append(_ bytes: RawSpan) {
        let count = bytes.byteCount
        unsafe append(count: count) { target in
            unsafe bytes.withUnsafeBytes { source in
                if let base = source.baseAddress { unsafe target.copyMemory(from: base, byteCount: count) }
            }
        }
    }

    /// Copies `bytes` behind what waits. A closed output takes nothing.
    public func append(_ bytes: [UInt8]) {
        unsafe append(bytes.span.bytes)
    }

    /// Appends `bytes` from `offset` on by reference; they are written at this place without being copied.
    public func append(shared bytes: SharedBytes, from offset: Int) {
        guard !isClosed, offset < bytes.count else { return }
        shared.append(SharedPiece(cut: tail, bytes: bytes, offset: offset))
        sharedByteCount += bytes.count - offset
        flushList.waitingByteCount += bytes.count - offset
        if byteCount > Self.highWater { isBlocked = true }
        list()
    }

    private func list() {
        guard !isListed else { return }
        isListed = true
        flushList.add(slot)
    }

    @inline(__always)
    private func makeRoom(for count: Int) {
        if let block = unsafe block, block.count - tail >= count { return }
        growBlock(for: count)
    }

    private func growBlock(for count: Int) {
        guard let old = unsafe block else {
            unsafe block = pool.take(atLeast: count)
            return
        }
        let waiting = tail - head
        if head >= old.count / 2, old.count - waiting >= count, let base = old.baseAddress {
            unsafe memmove(base, base + head, waiting)
        } else {
            let new = unsafe pool.take(atLeast: max(waiting + count, 2 * waiting))
            if let from = old.baseAddress, let to = new.baseAddress {
                unsafe memcpy(to, from + head, waiting)
            }
            unsafe pool.give(old)
            unsafe block = new
        }
        for index in shared.indices { shared[index].cut -= head }
        head = 0
        tail = waiting
    }

    /// Fills `vectors` with what is to be written next, in order.
    ///
    /// - Returns: how many of `vectors` are in use. The pointers are good until this buffer is next changed.
    public func gather(into vectors: UnsafeMutableBufferPointer<iovec>) -> Int {
        guard vectors.count > 0 else { return 0 }
        var used = 0
        var position = head
        func add(_ base: UnsafeRawPointer, _ count: Int) {
            unsafe vectors[used] = unsafe iovec(
                iov_base: UnsafeMutableRawPointer(mutating: base), iov_len: count)
            used += 1
        }
        let base = unsafe block?.baseAddress
        for piece in shared {
            if piece.cut > position, let base = unsafe base {
                if used == vectors.count { return used }
                unsafe add(base + position, piece.cut - position)
                position = piece.cut
            }
            if used == vectors.count { return used }
            unsafe add(piece.bytes.base + piece.offset, piece.bytes.count - piece.offset)
        }
        if tail > position, used < vectors.count, let base = unsafe base {
            unsafe add(base + position, tail - position)
        }
        return used
    }

    /// Forgets `count` bytes that the socket took. Gives the block back when nothing is left.
    ///
    /// - Returns: true when the buffer was blocked and has now room again.
    public func wrote(_ count: Int) -> Bool {
        var left = count
        if count < byteCount { passPackets(count) }
        if isStuck { marks.pass(count, to: flushList) }
        flushList.waitingByteCount -= count
        while left > 0 {
            if let first = shared.first, first.cut <= head {
                let size = first.bytes.count - first.offset
                if left < size {
                    shared[0].offset += left
                    sharedByteCount -= left
                    left = 0
                } else {
                    shared.removeFirst()
                    sharedByteCount -= size
                    left -= size
                }
                continue
            }
            let step = min(left, (shared.first?.cut ?? tail) - head)
            guard step > 0 else { break }
            head += step
            left -= step
        }
        if isEmpty {
            flushList.settle(SettledPackets(written: packetCount))
            reset()
        }
        guard isBlocked, byteCount <= Self.lowWater else { return false }
        isBlocked = false
        return true
    }

    /// The kernel has refused bytes; the next are written when it tells.
    public func getStuck() { isStuck = true }

    /// Notes when copies came that were appended last, while the output is stuck.
    ///
    /// - Parameter kind: the same in all copies that may share a mark.
    public func mark(received: MonotonicTime, appended: MonotonicTime, kind: UInt8) {
        marks.add(
            OutputMark(received: received, appended: appended, kind: kind, count: 1), behind: byteCount)
    }

    /// The loop calls this when it takes the connection off the flush list.
    public func unlist() { isListed = false }

    /// Throws away what waits. - Returns: the bytes thrown away.
    @discardableResult
    public func discard() -> Int {
        flushList.settle(SettledPackets(discarded: packetCount))
        return clear()
    }

    /// Forgets all that waits. - Returns: its bytes.
    @discardableResult
    func clear() -> Int {
        let count = byteCount
        flushList.waitingByteCount -= count
        shared.removeAll()
        sharedByteCount = 0
        reset()
        isBlocked = false
        return count
    }

    private func reset() {
        head = 0
        tail = 0
        packetCount = 0
        cut = PacketCut()
        if isStuck {
            isStuck = false
            marks = OutputMarks()
        }
        if let block = unsafe block { unsafe pool.give(block) }
        unsafe block = nil
    }
}

/// Immutable bytes that several connections write from at once.
@safe public final class SharedBytes: @unchecked Sendable {
    // Immutable after init; freed by the last owner.
    /// The first byte. The pointer is good as long as somebody holds this object.
    public let base: UnsafeRawPointer
    /// In bytes; may be 0.
    public let count: Int

    /// Copies the bytes of `span` into memory of its own.
    public init(copying span: RawSpan) {
        count = span.byteCount
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 8)
        unsafe span.withUnsafeBytes { bytes in
            if let source = bytes.baseAddress {
                unsafe memory.copyMemory(from: source, byteCount: bytes.count)
            }
        }
        unsafe base = UnsafeRawPointer(memory)
    }

    deinit { unsafe base.deallocate() }

    /// All the bytes, without a copy.
    public var span: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            let span = unsafe RawSpan(_unsafeStart: base, byteCount: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }
}

/// Memory blocks of one loop, lent to the connections that have something to write.
@safe public final class BufferPool {
    private var free: ContiguousArray<UnsafeMutableRawBufferPointer> = unsafe []
    private let keptCount: Int

    /// The size of the blocks that are kept; a larger one is freed when it comes back.
    public static let blockSize = 16 * 1024

    /// A pool without blocks.
    ///
    /// - Parameter keptCount: the most free blocks that are kept; what comes back beyond is freed.
    public init(keptCount: Int = 256) {
        self.keptCount = keptCount
    }

    deinit {
        for index in unsafe free.indices { unsafe free[index].deallocate() }
    }

    /// Lends a block with room for `count` bytes; the memory is not initialised. Whoever takes it gives it back
    /// with `give`.
    ///
    /// - Returns: a block of `blockSize`, or for more bytes one whose size is the next power of two.
    public func take(atLeast count: Int) -> UnsafeMutableRawBufferPointer {
        if count <= Self.blockSize {
            if let block = unsafe free.popLast() { return unsafe block }
            return UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockSize, alignment: 16)
        }
        // Powers of two, so that a growing buffer is copied O(log n) times.
        let size = 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
        return UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    }

    /// Takes a block back that `take` has lent. It is kept for the next one, or freed when it is larger than
    /// `blockSize` or enough are kept.
    public func give(_ block: UnsafeMutableRawBufferPointer) {
        if block.count == Self.blockSize, unsafe free.count < keptCount {
            unsafe free.append(block)
        } else {
            unsafe block.deallocate()
        }
    }
}
