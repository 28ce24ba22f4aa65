/// The history as the bytes of a file:
///
///     "VMQHIST1" · names of the series, by lines · tiers: interval, length, newest row, values · checksum
///
/// Series are found by name, so a broker that has more of them reads the file of one that has fewer.
extension KeyHistory {
    /// Why bytes are no history.
    package enum FileError: Error, Equatable, CustomStringConvertible {
        case notAHistory, cutShort, checksum, otherTiers

        package var description: String {
            switch self {
            case .notAHistory: "it is no history of metrics"
            case .cutShort: "it is shorter or longer than it says"
            case .checksum: "its checksum is wrong: it was damaged"
            case .otherTiers: "its values have other intervals"
            }
        }
    }

    private static let magic = Array("VMQHIST1".utf8)
    /// No file is larger; nobody reads more into memory.
    package static let maximumFileSize = 10_000_000

    /// The bytes to be kept.
    package var fileBytes: [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(700_000)
        let names = Array(KeySeries.all.map(\.name).joined(separator: "\n").utf8)
        bytes.append(word: UInt64(names.count))
        bytes += names
        bytes.append(word: UInt64(tiers.count))
        for tier in tiers {
            bytes.append(word: UInt64(tier.interval))
            bytes.append(word: UInt64(tier.length))
            bytes.append(word: UInt64(bitPattern: tier.newest ?? -1))
            for value in tier.rows {
                for shift in [0, 8, 16, 24] as [UInt32] {
                    bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
                }
            }
        }
        bytes.append(word: Self.checksum(bytes[...]))
        return bytes
    }

    /// Reads what `fileBytes` wrote.
    package init(fileBytes bytes: [UInt8]) throws(FileError) {
        self.init()
        guard bytes.starts(with: Self.magic) else { throw .notAHistory }
        guard bytes.count >= Self.magic.count + 24, bytes.count <= Self.maximumFileSize else {
            throw .cutShort
        }
        let body = bytes[..<(bytes.count - 8)]
        var end = FileReader(bytes[(bytes.count - 8)...])
        guard try end.word() == Self.checksum(body) else { throw .checksum }
        var reader = FileReader(body.dropFirst(Self.magic.count))
        let names = String(decoding: try reader.bytes(try reader.count()), as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let places = names.map { KeySeries.index(named: $0) }
        guard try reader.count() == tiers.count else { throw .otherTiers }
        for index in tiers.indices {
            guard try reader.count() == Int(tiers[index].interval), try reader.count() == tiers[index].length
            else { throw .otherTiers }
            let newest = Int64(bitPattern: try reader.word())
            guard newest >= -1, newest < .max / 120 else { throw .otherTiers }
            let width = KeySeries.all.count
            var rows = ContiguousArray<Float>(repeating: .nan, count: tiers[index].length * width)
            for row in 0..<tiers[index].length {
                for place in places {
                    let value = try reader.float()
                    if let place, value.isFinite { rows[row * width + place] = value }
                }
            }
            tiers[index].restore(newest: newest < 0 ? nil : newest, rows: rows)
        }
        guard reader.isAtEnd else { throw .cutShort }
    }

    /// FNV-1a: it finds a torn or damaged file, which is all it is for.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}

/// Reads the parts of the file, front to back.
private struct FileReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func bytes(_ count: Int) throws(KeyHistory.FileError) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw .cutShort }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func word() throws(KeyHistory.FileError) -> UInt64 {
        try bytes(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// A number of bytes or things, which no file of ours has more of.
    mutating func count() throws(KeyHistory.FileError) -> Int {
        let word = try word()
        guard word <= UInt64(KeyHistory.maximumFileSize) else { throw .cutShort }
        return Int(word)
    }

    mutating func float() throws(KeyHistory.FileError) -> Float {
        guard rest.count >= 4 else { throw .cutShort }
        let start = rest.startIndex
        let pattern =
            UInt32(rest[start]) | UInt32(rest[start + 1]) << 8 | UInt32(rest[start + 2]) << 16
            | UInt32(rest[start + 3]) << 24
        rest = rest[(start + 4)...]
        return Float(bitPattern: pattern)
    }
}

extension [UInt8] {
    /// Little-endian.
    fileprivate mutating func append(word: UInt64) {
        for shift in stride(from: 0 as UInt64, to: 64, by: 8) {
            append(UInt8(truncatingIfNeeded: word >> shift))
        }
    }
}
