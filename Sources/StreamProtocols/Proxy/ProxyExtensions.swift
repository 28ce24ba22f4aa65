import CSystem
import Primitives

/// The extensions of a header of version 2 (its TLVs): type, length in two bytes, value.
enum ProxyExtensions {
    private enum Kind {
        static let alpn: UInt8 = 0x01
        static let authority: UInt8 = 0x02
        static let checksum: UInt8 = 0x03
        static let nothing: UInt8 = 0x04
        static let uniqueID: UInt8 = 0x05
        static let tls: UInt8 = 0x20
        static let networkNamespace: UInt8 = 0x30
    }

    /// Inside of the one of TLS.
    private enum TLSKind {
        static let version: UInt8 = 0x21
        static let commonName: UInt8 = 0x22
        static let cipher: UInt8 = 0x23
        static let signatureAlgorithm: UInt8 = 0x24
        static let keyAlgorithm: UInt8 = 0x25
    }

    private static let maximumUniqueIDByteCount = 128
    private static let maximumAuthorityByteCount = 255

    /// Reads all extensions from `start` to the end of the header. Unknown ones are passed over, known ones
    /// may be there once: of two names of one client a reader would have to guess which is meant.
    static func read(_ header: RawSpan, from start: Int, into facts: inout ProxyFacts) throws(ProxyProblem) {
        var seen = KindSet()
        var offset = start
        while let (kind, range) = try next(header, at: &offset) {
            let value = header.extracting(range)
            switch kind {
            case Kind.alpn:
                try seen.insert(kind)
                guard value.byteCount > 0 else { throw .extensionLength }
                facts.alpn = value.copiedBytes()
            case Kind.authority:
                try seen.insert(kind)
                guard 1...maximumAuthorityByteCount ~= value.byteCount else { throw .extensionLength }
                facts.authority = try text(value)
            case Kind.checksum:
                try seen.insert(kind)
                guard value.byteCount == 4 else { throw .extensionLength }
                guard hasChecksum(header, at: range.lowerBound) else { throw .checksumMismatch }
            case Kind.uniqueID:
                try seen.insert(kind)
                guard value.byteCount <= maximumUniqueIDByteCount else { throw .extensionLength }
                facts.uniqueID = value.copiedBytes()
            case Kind.tls:
                try seen.insert(kind)
                facts.tls = try tls(value)
            case Kind.networkNamespace:
                try seen.insert(kind)
                facts.networkNamespace = try text(value)
            default: break
            }
        }
    }

    private static func tls(_ bytes: RawSpan) throws(ProxyProblem) -> ProxyTLS {
        guard bytes.byteCount >= 5 else { throw .extensionLength }
        var tls = ProxyTLS(
            clientFlags: bytes.byte(at: 0),
            verify: UInt32(truncatingIfNeeded: bytes.bigEndian(at: 1, count: 4)))
        var seen = KindSet()
        var offset = 5
        while let (kind, range) = try next(bytes, at: &offset) {
            let value = bytes.extracting(range)
            guard TLSKind.version...TLSKind.keyAlgorithm ~= kind else { continue }
            try seen.insert(kind)
            let text = try text(value)
            switch kind {
            case TLSKind.version: tls.version = text
            case TLSKind.commonName: tls.commonName = text.isEmpty ? nil : text
            case TLSKind.cipher: tls.cipher = text
            case TLSKind.signatureAlgorithm: tls.signatureAlgorithm = text
            default: tls.keyAlgorithm = text
            }
        }
        return tls
    }

    /// The next extension at `offset`, which is moved behind it; nil at the end.
    private static func next(
        _ bytes: RawSpan, at offset: inout Int
    ) throws(ProxyProblem) -> (kind: UInt8, value: Range<Int>)? {
        guard offset < bytes.byteCount else { return nil }
        guard bytes.byteCount - offset >= 3 else { throw .extensionTruncated }
        let start = offset + 3
        let end = start + bytes.bigEndian16(at: offset + 1)
        guard end <= bytes.byteCount else { throw .extensionTruncated }
        defer { offset = end }
        return (bytes.byte(at: offset), start..<end)
    }

    /// Whether the header's CRC-32C, computed with zeros in its own place, is what stands in that place.
    private static func hasChecksum(_ header: RawSpan, at place: Int) -> Bool {
        let zeros: [UInt8] = [0, 0, 0, 0]
        var sum = unsafe header.extracting(0..<place).withUnsafeBytes {
            unsafe csystem_crc32c(0, $0.baseAddress, $0.count)
        }
        sum = unsafe csystem_crc32c(sum, zeros, zeros.count)
        sum = unsafe header.extracting(place + 4..<header.byteCount).withUnsafeBytes {
            unsafe csystem_crc32c(sum, $0.baseAddress, $0.count)
        }
        return UInt64(sum) == header.bigEndian(at: place, count: 4)
    }

    /// Without U+0000, which no text of MQTT may contain: the common name becomes a user name.
    private static func text(_ bytes: RawSpan) throws(ProxyProblem) -> UTF8Text {
        guard bytes.isWellFormedUTF8 else { throw .invalidText }
        let text = UTF8Text(copying: bytes)
        guard !text.bytes.contains(0) else { throw .invalidText }
        return text
    }

    /// The types that were there, as bits.
    private struct KindSet {
        private var bits: UInt64 = 0

        mutating func insert(_ kind: UInt8) throws(ProxyProblem) {
            let bit = UInt64(1) << UInt64(kind)
            guard bits & bit == 0 else { throw .extensionRepeated }
            bits |= bit
        }
    }
}
