public import Primitives

/// The rules of a topic filter (§4.7.1, §4.8.2): at least one byte, UTF-8, no U+0000; `+` and `#` alone in
/// their level, `#` only in the last; `$share/<group>/<filter>` with both parts, no wildcard in the group.
public enum TopicFilter {
    /// - Returns: the number of levels; `$share` and the group count as two of them, as VerneMQ counts.
    public static func validate(_ bytes: RawSpan) throws(MalformedPacket) -> Int {
        try levelCount(bytes, ByteRange(offset: 0, count: bytes.byteCount), in: nil)
    }

    /// The levels of the filter in `range`, which is known to be inside `bytes`.
    static func levelCount(
        _ bytes: RawSpan, _ range: ByteRange, in type: PacketType?
    ) throws(MalformedPacket) -> Int {
        guard range.count > 0 else { throw MalformedPacket(.filterEmpty, at: range.offset, in: type) }
        let scan = try TextScan.scan(bytes, at: range.offset, count: range.count, in: type)
        var filter = range
        if isShared(bytes, range) {
            filter = try sharedPart(bytes, range, in: type)
        }
        if scan.hasWildcard {
            try checkWildcards(bytes, filter, in: type)
        }
        return scan.slashCount &+ 1
    }

    private static let sharePrefix = Array("$share".utf8)

    /// Whether the filter in `range` begins with a level `$share`.
    static func isShared(_ bytes: RawSpan, _ range: ByteRange) -> Bool {
        let name = sharePrefix
        guard range.count >= name.count else { return false }
        for index in name.indices where bytes.octet(at: range.offset &+ index) != name[index] { return false }
        return range.count == name.count || bytes.octet(at: range.offset &+ name.count) == UInt8(ascii: "/")
    }

    /// What stands behind `$share/<group>/`.
    private static func sharedPart(
        _ bytes: RawSpan, _ range: ByteRange, in type: PacketType?
    ) throws(MalformedPacket) -> ByteRange {
        let groupStart = range.offset &+ 7
        var index = groupStart
        while index < range.end {
            switch bytes.octet(at: index) {
            case UInt8(ascii: "/"):
                guard index > groupStart, index &+ 1 < range.end else {
                    throw MalformedPacket(.sharedFilterInvalid, at: index, in: type)
                }
                return ByteRange(offset: index &+ 1, count: range.end &- index &- 1)
            case UInt8(ascii: "+"), UInt8(ascii: "#"):
                throw MalformedPacket(.sharedFilterInvalid, at: index, in: type)
            default:
                index &+= 1
            }
        }
        throw MalformedPacket(.sharedFilterInvalid, at: range.end, in: type)
    }

    private static func checkWildcards(
        _ bytes: RawSpan, _ range: ByteRange, in type: PacketType?
    ) throws(MalformedPacket) {
        let slash = UInt8(ascii: "/")
        for index in range.offset..<range.end {
            let byte = bytes.octet(at: index)
            guard byte == UInt8(ascii: "+") || byte == UInt8(ascii: "#") else { continue }
            let next = index &+ 1
            let beginsLevel = index == range.offset || bytes.octet(at: index &- 1) == slash
            let endsLevel = next == range.end || (byte == UInt8(ascii: "+") && bytes.octet(at: next) == slash)
            guard beginsLevel, endsLevel else { throw MalformedPacket(.filterInvalid, at: index, in: type) }
        }
    }
}

/// A shared subscription's filter, taken apart: `$share/<group>/<filter>` (§4.8.2).
public struct SharedFilter: Hashable, Sendable {
    /// The ShareName: the text between `$share/` and the filter.
    public let shareName: UTF8Text
    /// What topics are matched with.
    public let filter: UTF8Text

    /// A filter that belongs to a group.
    public init(shareName: UTF8Text, filter: UTF8Text) {
        self.shareName = shareName
        self.filter = filter
    }

    /// nil when `filter` is not that of a shared subscription. A filter from a decoder is always well-formed;
    /// `$share` without both parts is nil too.
    public init?(_ filter: UTF8Text) {
        let bytes = filter.bytes
        guard unsafe TopicFilter.isShared(bytes.span.bytes, ByteRange(offset: 0, count: bytes.count)),
            bytes.count > 7,
            let slash = bytes[7...].firstIndex(of: UInt8(ascii: "/")), slash > 7, slash < bytes.count - 1
        else { return nil }
        shareName = UTF8Text(bytes: Array(bytes[7..<slash]))
        self.filter = UTF8Text(bytes: Array(bytes[(slash + 1)...]))
    }
}
