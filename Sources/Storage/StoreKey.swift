/// The key of a row: its kind, then what it is about.
///
///     c | session 8 | message 8
struct StoreKey: Equatable {
    private(set) var bytes: [UInt8]

    init(_ kind: RowKind) { bytes = [kind.rawValue] }

    /// A key that was read.
    init(bytes: [UInt8]) { self.bytes = bytes }

    init(_ kind: RowKind, _ first: UInt64) {
        self.init(kind)
        append(first)
    }

    init(_ kind: RowKind, _ first: UInt64, _ second: UInt64) {
        self.init(kind, first)
        append(second)
    }

    /// When a copy expires; `deadline` is an instant of the time line.
    init(due deadline: UInt64, _ session: UInt64, _ message: UInt64) {
        self.init(.due, deadline, session)
        append(message)
    }

    init(received session: UInt64, _ identifier: UInt16) {
        self.init(.received, session)
        bytes.append(UInt8(truncatingIfNeeded: identifier >> 8))
        bytes.append(UInt8(truncatingIfNeeded: identifier))
    }

    init(subscription session: UInt64, _ filter: [UInt8]) {
        self.init(.subscription, session)
        bytes += filter
    }

    init(retained mountpoint: [UInt8], _ topic: [UInt8]) {
        self.init(.retained)
        bytes.append(UInt8(truncatingIfNeeded: mountpoint.count >> 8))
        bytes.append(UInt8(truncatingIfNeeded: mountpoint.count))
        bytes += mountpoint
        bytes += topic
    }

    private mutating func append(_ number: UInt64) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    static let checkpoint = StoreKey(.checkpoint)
    static let layout = StoreKey(layoutBytes: ())
    private init(layoutBytes: Void) { bytes = [RowKind.layout.rawValue] + Array("layout".utf8) }
}

/// The parts of a key that was read.
extension [UInt8] {
    /// The number at `offset`; nil when the key is too short.
    func keyNumber(at offset: Int) -> UInt64? {
        guard count >= offset + 8 else { return nil }
        return self[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// As a person may see it: printable bytes as they are, others in hexadecimal.
    var shownAsKey: String {
        map { byte in
            (0x21...0x7E).contains(byte)
                ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
