import MQTTCodec
import Primitives
import TestSupport

/// Reads an input as a connection's bytes: a byte that chooses version, sender and size limit, then packets back to
/// back.
///
///     bit   7 6 5 4 3   2        1 0
///           limit       sender   version
///
/// Whatever the bytes are, nothing traps; what decodes, encodes to a packet that decodes to the same; the decoders that
/// work in place agree with those that copy.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let choice = ConnectionChoice(data[0])
    let stream = UnsafeRawBufferPointer(start: data + 1, count: count - 1).bytes
    var offset = 0
    while offset < stream.byteCount {
        let rest = stream.extracting(offset...)
        guard let header = checkedHeader(rest, limit: choice.limit), header.packetByteCount <= rest.byteCount
        else {
            break
        }
        let body = rest.extracting(header.headerByteCount..<header.packetByteCount)
        checkPacket(header, body, choice)
        offset += header.packetByteCount
    }
    return 0
}

@_cdecl("LLVMFuzzerInitialize")
public func initializeFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
    Corpus.writeIfAsked(
        // Every row of the wire table; the one of 17 000 bytes says no more than a short one.
        wireFixtures.filter { $0.bytes.count < 1000 }.map { row in
            [ConnectionChoice.byte(row.version, row.sender)] + row.bytes
        })
    return 0
}

/// What the first byte of an input says.
struct ConnectionChoice {
    let version: ProtocolVersion
    let sender: PacketSender
    /// In bytes.
    let limit: Int

    private static let versions: [ProtocolVersion] = [.v311, .v5, .v31, .v5]
    private static let limits = [0, 1, 2, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]

    init(_ byte: UInt8) {
        version = Self.versions[Int(byte & 0b11)]
        sender = byte & 0b100 == 0 ? .server : .client
        let index = Int(byte >> 3)
        limit =
            index < Self.limits.count && index > 0 ? Self.limits[index] : FixedHeader.largestRemainingLength
    }

    static func byte(_ version: ProtocolVersion, _ sender: PacketSender) -> UInt8 {
        UInt8(versions.firstIndex(of: version) ?? 0) | (sender == .client ? 0b100 : 0)
    }
}
