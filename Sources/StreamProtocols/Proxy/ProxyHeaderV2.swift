import Primitives

/// Version 2, in binary:
///
///     0        12        13          14       16            16 + addresses        16 + length
///     |signature|ver|cmd |family|trans| length |addresses    |extensions: type 1, length 2, value …|
enum ProxyHeaderV2 {
    static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    private static let fixedByteCount = 16
    private static let unixPathByteCount = 108

    static func parse(_ bytes: RawSpan) -> ProxyParse {
        do throws(ProxyProblem) {
            return try read(bytes)
        } catch {
            return .malformed(error)
        }
    }

    private static func read(_ bytes: RawSpan) throws(ProxyProblem) -> ProxyParse {
        guard ProxyHeader.begins(bytes, with: signature) else { throw .missing }
        guard bytes.byteCount > 12 else { return .incomplete }
        let versionAndCommand = bytes.byte(at: 12)
        guard versionAndCommand >> 4 == 2 else { throw .unsupportedVersion }
        guard versionAndCommand & 0x0F <= 1 else { throw .unsupportedCommand }
        let isLocal = versionAndCommand & 0x0F == 0
        guard bytes.byteCount > 13 else { return .incomplete }
        let family = bytes.byte(at: 13)
        let addressByteCount: Int
        switch family {
        case _ where isLocal: addressByteCount = 0
        case 0x00: addressByteCount = 0
        case 0x11, 0x12: addressByteCount = 12
        case 0x21, 0x22: addressByteCount = 36
        case 0x31, 0x32: addressByteCount = 2 * unixPathByteCount
        default: throw .unsupportedFamily
        }
        guard bytes.byteCount >= fixedByteCount else { return .incomplete }
        let length = bytes.bigEndian16(at: 14)
        let byteCount = fixedByteCount + length
        guard byteCount <= ProxyHeader.maximumByteCount else { throw .tooLarge }
        guard length >= addressByteCount else { throw .addressesTruncated }
        guard bytes.byteCount >= byteCount else { return .incomplete }

        var facts = ProxyFacts(version: 2)
        // The rest of a LOCAL header is to be discarded, its extensions too.
        if !isLocal {
            let header = bytes.extracting(0..<byteCount)
            try readAddresses(header, family: family >> 4, into: &facts)
            try ProxyExtensions.read(header, from: fixedByteCount + addressByteCount, into: &facts)
        }
        return .header(facts, byteCount: byteCount)
    }

    private static func readAddresses(
        _ header: RawSpan, family: UInt8, into facts: inout ProxyFacts
    ) throws(ProxyProblem) {
        let start = fixedByteCount
        switch family {
        case 1:
            let source = IPAddress.ipv4(UInt32(truncatingIfNeeded: header.bigEndian(at: start, count: 4)))
            let destination = IPAddress.ipv4(
                UInt32(truncatingIfNeeded: header.bigEndian(at: start + 4, count: 4)))
            facts.source = .ip(source, port: UInt16(header.bigEndian16(at: start + 8)))
            facts.destination = .ip(destination, port: UInt16(header.bigEndian16(at: start + 10)))
        case 2:
            let source = IPAddress.ipv6(
                high: header.bigEndian(at: start, count: 8), low: header.bigEndian(at: start + 8, count: 8))
            let destination = IPAddress.ipv6(
                high: header.bigEndian(at: start + 16, count: 8),
                low: header.bigEndian(at: start + 24, count: 8))
            facts.source = .ip(source, port: UInt16(header.bigEndian16(at: start + 32)))
            facts.destination = .ip(destination, port: UInt16(header.bigEndian16(at: start + 34)))
        case 3:
            facts.source = .unix(path: try path(header, at: start))
            facts.destination = .unix(path: try path(header, at: start + unixPathByteCount))
        default: break
        }
    }

    /// The path up to its first 0. A name that begins with 0 (Linux' abstract sockets) is no path.
    private static func path(_ header: RawSpan, at offset: Int) throws(ProxyProblem) -> UTF8Text? {
        var count = 0
        while count < unixPathByteCount, header.byte(at: offset + count) != 0 { count += 1 }
        guard count > 0 else { return nil }
        let path = header.extracting(offset..<offset + count)
        guard path.isWellFormedUTF8 else { throw .invalidText }
        return UTF8Text(copying: path)
    }
}

extension RawSpan {
    /// Two bytes, the first in the upper half. The caller knows that they are inside.
    func bigEndian16(at index: Int) -> Int {
        Int(byte(at: index)) << 8 | Int(byte(at: index + 1))
    }

    /// Up to eight bytes, the first the most significant.
    func bigEndian(at index: Int, count: Int) -> UInt64 {
        (index..<index + count).reduce(0) { $0 << 8 | UInt64(byte(at: $1)) }
    }
}
