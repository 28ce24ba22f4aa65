/// One property, still in the body.
struct ScannedProperty: BitwiseCopyable {
    let identifier: PropertyIdentifier
    /// Identifier and value.
    let range: ByteRange
    /// The value of a numeric property.
    var number: UInt32 = 0
    /// The value of a text or binary property, the name of a pair.
    var content = ByteRange(offset: 0, count: 0)
    /// The value of a pair.
    var second = ByteRange(offset: 0, count: 0)
}

/// Walks over a block of properties and checks each: known, in its place, once, with a value in its range.
/// Allocates nothing.
struct PropertyScanner: ~Copyable, ~Escapable {
    private var reader: PacketReader
    private let place: PropertyPlace
    /// A bit for each identifier; the largest is 42.
    private var seen: UInt64 = 0

    /// - Parameter range: the properties without their length; known to be inside `body`.
    @_lifetime(copy body)
    init(_ body: RawSpan, _ range: ByteRange, of place: PropertyPlace, in type: PacketType) {
        reader = PacketReader(body.extracting(..<range.end), of: type)
        reader.skip(to: range.offset)
        self.place = place
    }

    /// - Returns: nil behind the last one.
    mutating func next() throws(MalformedPacket) -> ScannedProperty? {
        guard reader.remaining > 0 else { return try finish() }
        let start = reader.offset
        guard let identifier = PropertyIdentifier(rawValue: try reader.readUInt8()) else {
            throw reader.problem(.unknownProperty, at: start)
        }
        let rule = identifier.rule
        guard rule.places.contains(place) else { throw reader.problem(.misplacedProperty, at: start) }
        let bit: UInt64 = 1 << UInt64(identifier.rawValue)
        guard seen & bit == 0 || identifier.isRepeatable(in: place) else {
            throw reader.problem(.duplicateProperty, at: start)
        }
        seen |= bit
        return try readValue(identifier, rule.form, from: start)
    }

    private mutating func readValue(
        _ identifier: PropertyIdentifier, _ form: PropertyForm, from start: Int
    ) throws(MalformedPacket) -> ScannedProperty {
        var number: UInt32 = 0
        var content = ByteRange(offset: 0, count: 0)
        var second = content
        switch form {
        case .boolean:
            number = UInt32(try reader.readUInt8())
            guard number <= 1 else { throw reader.problem(.propertyValueInvalid, at: start) }
        case .twoByte:
            number = UInt32(try reader.readUInt16())
        case .fourByte:
            number = UInt32(try reader.readUInt16()) << 16
            number |= UInt32(try reader.readUInt16())
        case .variableByte:
            number = UInt32(truncatingIfNeeded: try reader.readVariableByteInteger())
        case .text:
            content = try readTextRange(isTopic: identifier == .responseTopic)
        case .binary:
            content = try reader.readBinaryRange()
        case .textPair:
            content = try readTextRange()
            second = try readTextRange()
        }
        if number == 0, let problem = identifier.zeroProblem { throw reader.problem(problem, at: start) }
        return ScannedProperty(
            identifier: identifier, range: ByteRange(offset: start, count: reader.offset &- start),
            number: number,
            content: content, second: second)
    }

    private mutating func readTextRange(isTopic: Bool = false) throws(MalformedPacket) -> ByteRange {
        let range = try reader.readBinaryRange()
        let scan = try TextScan.scan(reader.bytes, at: range.offset, count: range.count, in: reader.type)
        guard isTopic else { return range }
        guard range.count > 0 else { throw reader.problem(.topicEmpty, at: range.offset) }
        guard !scan.hasWildcard else {
            throw TopicName.wildcard(.responseTopicWildcard, reader.bytes, range, in: reader.type)
        }
        return range
    }

    /// Rules over several properties.
    private func finish() throws(MalformedPacket) -> ScannedProperty? {
        let method: UInt64 = 1 << UInt64(PropertyIdentifier.authenticationMethod.rawValue)
        let data: UInt64 = 1 << UInt64(PropertyIdentifier.authenticationData.rawValue)
        if seen & data != 0, seen & method == 0 {
            throw reader.problem(.authenticationDataWithoutMethod, at: reader.offset)
        }
        return nil
    }
}
