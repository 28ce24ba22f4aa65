import MQTTCodec

/// `FixedHeader.decode`, held against a plain reading of §2.1 and against itself with other limits.
///
/// - Returns: the header; nil when it is refused or not complete.
func checkedHeader(_ bytes: RawSpan, limit: Int) -> FixedHeader? {
    let expected = expectedHeader(bytes, limit: limit)
    let found = outcome(bytes, limit: limit)
    require(found == expected, "a fixed header is \(expected), decoded as \(found)")
    guard case .header(let header) = found else { return nil }
    let length = header.remainingLength
    require(outcome(bytes, limit: length) == found, "a packet as long as the limit is accepted")
    require(
        outcome(bytes, limit: length - 1) == .refused(.packetTooLarge), "a packet over the limit is refused")
    for byteCount in 0..<header.headerByteCount {
        require(
            outcome(bytes.extracting(..<byteCount), limit: limit) == .incomplete,
            "\(byteCount) bytes of a good header ask for more")
    }
    return header
}

private enum HeaderOutcome: Equatable {
    case header(FixedHeader)
    case incomplete
    case refused(MalformedPacket.Problem)
}

private func outcome(_ bytes: RawSpan, limit: Int) -> HeaderOutcome {
    do {
        guard let header = try FixedHeader.decode(bytes, maximumRemainingLength: limit) else {
            return .incomplete
        }
        return .header(header)
    } catch {
        require(error.offset < bytes.byteCount, "an error in a header names a byte that is there")
        return .refused(error.problem)
    }
}

/// As the standard has it, with no care for speed.
private func expectedHeader(_ bytes: RawSpan, limit: Int) -> HeaderOutcome {
    let octets = bytes.extracting(first: 5).copied()
    guard let first = octets.first else { return .incomplete }
    guard let type = PacketType(rawValue: first / 16) else { return .refused(.reservedPacketType) }
    let flags = first % 16
    switch type {
    case .publish: if flags & 6 == 6 { return .refused(.qos3) }
    case .pubrel, .subscribe, .unsubscribe: if flags != 2 { return .refused(.reservedFlags) }
    default: if flags != 0 { return .refused(.reservedFlags) }
    }
    var length = 0
    var multiplier = 1
    for (index, octet) in octets.enumerated().dropFirst() {
        length += Int(octet % 128) * multiplier
        multiplier *= 128
        guard octet < 128 else { continue }
        if octet == 0, index > 1 { return .refused(.overlongVariableByteInteger) }
        if length > limit { return .refused(.packetTooLarge) }
        return .header(
            FixedHeader(type: type, flags: flags, headerByteCount: index + 1, remainingLength: length))
    }
    return octets.count == 5 ? .refused(.remainingLengthOverflow) : .incomplete
}
