import Primitives

/// What the bytes so far are.
package enum ProxyParse: Equatable, Sendable {
    /// The beginning of a header: more bytes are needed.
    case incomplete
    /// A header of `byteCount` bytes. What comes after them is the client's.
    case header(ProxyFacts, byteCount: Int)
    /// No header, whatever comes after these bytes.
    case malformed(ProxyProblem)
}

/// Reads the PROXY protocol's header, versions 1 and 2, which a proxy sends before the first byte of its
/// client (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). Which version it is shows in the
/// first bytes.
package enum ProxyHeader {
    /// The longest header of version 1, with its line end.
    package static let maximumLineByteCount = 107
    /// The longest header of version 2 that is read here. Its length field would allow 65,551 bytes.
    package static let maximumByteCount = 4096

    /// Reads all bytes that have come so far, from the first byte of the connection on.
    ///
    /// Keeps nothing, so it is called again with the old bytes and the new ones while it says `incomplete`.
    /// The caller needs room for at most `maximumByteCount` bytes: with as many the answer is never
    /// `incomplete`.
    package static func parse(_ bytes: RawSpan) -> ProxyParse {
        guard bytes.byteCount > 0 else { return .incomplete }
        // The two begin with different bytes.
        return bytes.byte(at: 0) == ProxyHeaderV2.signature[0]
            ? ProxyHeaderV2.parse(bytes) : ProxyHeaderV1.parse(bytes)
    }

    /// Whether the bytes are `expected`, or the beginning of it.
    static func begins(_ bytes: RawSpan, with expected: [UInt8]) -> Bool {
        (0..<min(bytes.byteCount, expected.count)).allSatisfy { bytes.byte(at: $0) == expected[$0] }
    }
}
