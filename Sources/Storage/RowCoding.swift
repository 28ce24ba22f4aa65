import CSystem

/// Writes the value of a row. Integers are little endian, lengths stand before what they count.
///
///     [ format 1 | fields … | CRC-32C of key and all before it 4 ]
///
/// The sum covers the key, so a value that stands under another key is found out.
struct RowWriter {
    private(set) var bytes: [UInt8] = []

    /// Begins a value of this format.
    mutating func begin(format: UInt8) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(format)
    }

    mutating func write(_ value: UInt8) { bytes.append(value) }
    mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }
    mutating func write(_ value: UInt16) { append(UInt64(value), 2) }
    mutating func write(_ value: UInt32) { append(UInt64(value), 4) }
    mutating func write(_ value: UInt64) { append(value, 8) }

    /// With its length in front, in 4 bytes.
    mutating func write(_ block: [UInt8]) {
        write(UInt32(truncatingIfNeeded: block.count))
        bytes += block
    }

    mutating func write(_ span: RawSpan) {
        write(UInt32(truncatingIfNeeded: span.byteCount))
        span.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    private mutating func append(_ value: UInt64, _ count: Int) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }

    /// Ends the value of the row under `key`.
    mutating func end(_ key: StoreKey) {
        write(rowSum(key.bytes, bytes[...]))
    }
}

/// The sum over a key and the value under it.
func rowSum(_ key: [UInt8], _ value: ArraySlice<UInt8>) -> UInt32 {
    let sum = key.withUnsafeBytes { csystem_crc32c(0, $0.baseAddress, $0.count) }
    return value.withUnsafeBytes { csystem_crc32c(sum, $0.baseAddress, $0.count) }
}

/// What is wrong with a row.
enum RowProblem: Error, Equatable {
    case tooShort
    case wrongSum
    case unknownFormat(UInt8)
    case badField(String)
    case badKey

    var text: String {
        switch self {
        case .tooShort: "its value ends early"
        case .wrongSum: "its checksum does not fit"
        case .unknownFormat(let format): "its format \(format) is not known to this broker"
        case .badField(let name): "its field \(name) makes no sense"
        case .badKey: "its key makes no sense"
        }
    }
}

/// Reads the value of a row, front to back. Takes nothing on trust.
struct RowReader {
    private let bytes: [UInt8]
    private(set) var offset = 1
    private let end: Int

    /// - Parameter format: the only one that is known.
    init(_ value: [UInt8], key: [UInt8], format: UInt8) throws(RowProblem) {
        guard value.count >= 5 else { throw .tooShort }
        end = value.count - 4
        let sum = value[end...].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard rowSum(key, value[..<end]) == sum else { throw .wrongSum }
        guard value[0] == format else { throw .unknownFormat(value[0]) }
        bytes = value
    }

    mutating func readUInt8() throws(RowProblem) -> UInt8 { UInt8(truncatingIfNeeded: try read(1)) }
    mutating func readBool() throws(RowProblem) -> Bool { try read(1) != 0 }
    mutating func readUInt16() throws(RowProblem) -> UInt16 { UInt16(truncatingIfNeeded: try read(2)) }
    mutating func readUInt32() throws(RowProblem) -> UInt32 { UInt32(truncatingIfNeeded: try read(4)) }
    mutating func readUInt64() throws(RowProblem) -> UInt64 { try read(8) }

    mutating func readBlock() throws(RowProblem) -> [UInt8] { Array(bytes[try readRange()]) }

    /// Where a block lies.
    mutating func readRange() throws(RowProblem) -> Range<Int> {
        let count = Int(try readUInt32())
        guard end - offset >= count else { throw .tooShort }
        defer { offset += count }
        return offset..<offset + count
    }

    var isAtEnd: Bool { offset == end }

    private mutating func read(_ count: Int) throws(RowProblem) -> UInt64 {
        guard end - offset >= count else { throw .tooShort }
        var value: UInt64 = 0
        for index in (0..<count).reversed() { value = value << 8 | UInt64(bytes[offset + index]) }
        offset += count
        return value
    }
}
