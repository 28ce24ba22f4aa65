/// The rules of a topic name: at least one byte, UTF-8, no U+0000, no wildcard. A leading `$` is allowed
/// here.
public enum TopicName {
    /// Checks a topic that does not come from a packet: one that a hook or a bridge made.
    ///
    /// - Returns: its number of levels.
    public static func validate(_ bytes: RawSpan) throws(MalformedPacket) -> Int {
        try levelCount(bytes, ByteRange(offset: 0, count: bytes.byteCount), in: nil)
    }

    /// The levels of the topic in `range`, which is known to be inside `bytes`.
    @inline(__always)
    static func levelCount(
        _ bytes: RawSpan, _ range: ByteRange, in type: PacketType?
    ) throws(MalformedPacket) -> Int {
        guard range.count > 0 else { throw MalformedPacket(.topicEmpty, at: range.offset, in: type) }
        let scan = try TextScan.scan(bytes, at: range.offset, count: range.count, in: type)
        guard !scan.hasWildcard else { throw wildcard(.topicWildcard, bytes, range, in: type) }
        return scan.slashCount &+ 1
    }

    /// The error for the first wildcard in `range`.
    static func wildcard(
        _ problem: MalformedPacket.Problem, _ bytes: RawSpan, _ range: ByteRange, in type: PacketType?
    ) -> MalformedPacket {
        var index = range.offset
        while index < range.end, bytes.octet(at: index) != UInt8(ascii: "+"),
            bytes.octet(at: index) != UInt8(ascii: "#")
        {
            index &+= 1
        }
        return MalformedPacket(problem, at: index, in: type)
    }
}
