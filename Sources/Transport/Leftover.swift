import CSystem
import Glibc

/// The unconsumed end of what a connection received: the head of a packet that is not complete, or packets
/// that wait while reading is paused. Holds no memory when empty.
///
///     block  |··consumed··|■■■■■■■■■■|        |
///                         ^head      ^tail    ^capacity
///
/// Not safe to copy: the owner frees it with `removeAll`.
struct Leftover {
    private var block: UnsafeMutableRawPointer?
    private(set) var capacity = 0
    private var head = 0
    private var tail = 0

    var count: Int { tail - head }
    var isEmpty: Bool { tail == head }

    /// The bytes. Good until this is next changed.
    var bytes: UnsafeRawBufferPointer {
        guard let block else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: block + head, count: count)
    }

    /// Makes room for at least `more` bytes. Grows to twice what is held but not past `limit` in all, so
    /// memory follows what has really come and not what a packet's head claims, as long as the caller does not ask for
    /// more room than that.
    mutating func reserve(_ more: Int, limit: Int) {
        guard capacity - tail < more else { return }
        let wanted = count + more
        guard capacity < wanted || head < capacity / 2 else {
            if let block { memmove(block, block + head, count) }
            tail -= head
            head = 0
            return
        }
        resize(to: max(wanted, min(2 * count, limit)))
    }

    /// - Complexity: O(1) for a block that is large already: one of 60 MB would be copied for tens of milliseconds. It has few
    ///   bytes before its head.
    private mutating func resize(to size: Int) {
        let kept = count
        if let block, head > 0 { memmove(block, block + head, kept) }
        block = csystem_block_resize(block, capacity, size, kept)
        capacity = size
        head = 0
        tail = kept
    }

    /// The room after the bytes; a reader fills its start and says so with `added`.
    var freeSpace: UnsafeMutableRawBufferPointer {
        guard let block else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        return UnsafeMutableRawBufferPointer(start: block + tail, count: capacity - tail)
    }

    mutating func added(_ count: Int) { tail += count }

    mutating func append(_ new: UnsafeRawBufferPointer, limit: Int) {
        guard let source = new.baseAddress else { return }
        reserve(new.count, limit: limit)
        guard let block else { return }
        memcpy(block + tail, source, new.count)
        tail += new.count
    }

    /// Holds `new` instead of what was held; `new` lies elsewhere.
    mutating func replace(with new: UnsafeRawBufferPointer) {
        guard let source = new.baseAddress, new.count > 0 else { return removeAll() }
        head = 0
        tail = 0
        // A block that is far too large is not kept: many connections may hold one.
        if capacity < new.count || capacity > 4 * new.count + 256 {
            block = csystem_block_resize(block, capacity, new.count, 0)
            capacity = new.count
        }
        guard let block else { return }
        memcpy(block, source, new.count)
        tail = new.count
    }

    mutating func removeFirst(_ consumed: Int) {
        head += min(consumed, count)
        if isEmpty { removeAll() }
    }

    mutating func removeAll() {
        csystem_block_free(block, capacity)
        block = nil
        capacity = 0
        head = 0
        tail = 0
    }
}
