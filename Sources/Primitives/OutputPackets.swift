/// Which packets of an output have left the process.
///
/// Nobody acknowledges a message of QoS 0, so the write itself is its delivery. A packet is counted when it is appended
/// and settled when the kernel has taken its last byte, or when it is thrown away with its connection. As long as each
/// write takes all there is, that costs an addition for each packet. A write that leaves something behind goes through
/// the packets it took, to see which are complete; each packet is looked at once, so a slow client costs some
/// nanoseconds more for each of its packets.
///
///     |····packet····|····packet····|····packet····|····packet····|
///          written already ┤◄─ rest ─►│
///                          head       where the next packet begins

/// One packet in an output.
public struct OutputPacket {
    /// Header and body, with a payload that is held by reference.
    public var byteCount: Int
    /// `countPacket()` was called for it.
    public var isCounted: Bool

    /// A packet as `FlushList.measure` finds it at the front of some bytes.
    public init(byteCount: Int, isCounted: Bool) {
        self.byteCount = byteCount
        self.isCounted = isCounted
    }
}

/// What became of counted packets.
public struct SettledPackets: Equatable {
    /// The kernel has taken the last byte.
    public var written: Int
    /// Thrown away with the connection before that. A part of one of them may have been written.
    public var discarded: Int

    /// What became of some packets; none unless stated.
    public init(written: Int = 0, discarded: Int = 0) {
        self.written = written
        self.discarded = discarded
    }
}

/// Where in the stream of packets the kernel stopped taking bytes.
public struct PacketCut: Sendable {
    /// Bytes of the packet that has begun and is not written to its end; 0 between two packets.
    var rest = 0
    /// That packet is counted.
    var isCounted = false

    /// A place between two packets.
    public init() {}
}

/// What an output still had to write when its connection moved to another loop.
public struct OutputRemainder: Sendable {
    /// What was still to be written, with the pieces that were held by reference, in the order of the wire.
    public let bytes: [UInt8]
    /// Counted packets in it. They stay in the numbers of the loop that counted them until they are settled.
    let packetCount: Int
    let cut: PacketCut

    /// Nothing was left to write.
    public init() { self.init(bytes: [], packetCount: 0, cut: PacketCut()) }

    init(bytes: [UInt8], packetCount: Int, cut: PacketCut) {
        self.bytes = bytes
        self.packetCount = packetCount
        self.cut = cut
    }
}

extension OutputBuffer {
    /// Counts the packet that was appended last. A closed output did not take it and has lost it.
    @inline(__always)
    public func countPacket() {
        if isClosed { flushList.settle(SettledPackets(discarded: 1)) } else { packetCount += 1 }
    }

    /// Settles the packets that are complete with the next `count` bytes, which are not all there are.
    func passPackets(_ count: Int) {
        guard let measure = flushList.measure else { return }
        guard count >= cut.rest else {
            cut.rest -= count
            return
        }
        var written = cut.rest > 0 && cut.isCounted ? 1 : 0
        var isCounted = false
        var position = cut.rest
        // Packets begin in the block; what is held by reference before `position` is not there.
        var piece = 0
        var sharedBefore = 0
        while position < count, let block = unsafe block {
            while piece < shared.count, shared[piece].cut - head + sharedBefore < position {
                sharedBefore += shared[piece].bytes.count - shared[piece].offset
                piece += 1
            }
            let start = head + position - sharedBefore
            guard start >= head, start < tail else { break }
            let packet = measure(unsafe UnsafeRawBufferPointer(rebasing: block[start..<tail]).bytes)
            isCounted = packet.isCounted
            position += max(packet.byteCount, 1)
            if position <= count, isCounted { written += 1 }
        }
        cut.rest = max(position - count, 0)
        cut.isCounted = isCounted && cut.rest > 0
        packetCount -= written
        flushList.settle(SettledPackets(written: written))
    }

    /// Takes out all that waits, for a connection that goes on elsewhere.
    public func takeRemainder() -> OutputRemainder {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        var position = head
        func copyBlock(to end: Int) {
            guard end > position, let block = unsafe block else { return }
            unsafe bytes.append(contentsOf: block[position..<end])
            position = end
        }
        for piece in shared {
            copyBlock(to: piece.cut)
            let rest = piece.bytes.span.extracting(piece.offset..<piece.bytes.count)
            unsafe rest.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        }
        copyBlock(to: tail)
        let remainder = OutputRemainder(bytes: bytes, packetCount: packetCount, cut: cut)
        clear()
        return remainder
    }

    /// Puts what another connection of the same socket had still to write in front of all else. Call it first.
    public func restore(_ remainder: OutputRemainder) {
        guard !remainder.bytes.isEmpty else { return }
        append(remainder.bytes)
        packetCount = remainder.packetCount
        cut = remainder.cut
    }
}
