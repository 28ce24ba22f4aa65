import Primitives

/// A term whose parts are written and counted, before it is decided where its lines break.
///
/// Here everything is cut that is longer than a trace shows, so all that comes after works with little.
struct ErlangNode {
    indirect enum Shape {
        /// What is written in one piece: names, numbers, texts, and what is empty.
        case piece([UInt8])
        /// The numbers of `<<1,2>>`, which may break after each comma.
        case numbers([[UInt8]])
        case list([ErlangNode])
        /// Tagged: its first part is a name, as in `{error,Reason}`.
        case tuple([ErlangNode], isTagged: Bool)
        /// All of them are pairs.
        case map([ErlangNode])
        case pair(key: [UInt8], ErlangNode)
        /// What was cut off a list: `|...`
        case rest
    }

    let shape: Shape
    /// In characters, when it is written on one line.
    let length: Int

    private init(_ shape: Shape, length: Int) {
        self.shape = shape
        self.length = length
    }

    private init(piece: [UInt8]) { self.init(.piece(piece), length: SafeText.columnCount(piece)) }

    /// Whether something may follow it on its line: after what has parts the line always breaks.
    var isAtomic: Bool {
        switch shape {
        case .piece, .rest: true
        case .pair(_, let value): value.isAtomic
        case .numbers, .list, .tuple, .map: false
        }
    }

    /// - Parameter style: says how many bytes of a text and how many elements of a list are shown.
    init(_ term: ErlangTerm, style: TraceStyle) {
        switch term {
        case .atom(let name): self.init(piece: Self.atom(name))
        case .integer(let number): self.init(piece: Array(String(number).utf8))
        case .binary(let bytes): self = Self.binary(bytes, limit: style.textByteCount)
        case .string(let bytes):
            self.init(
                piece: bytes.isEmpty ? Array("[]".utf8) : Self.string(bytes, limit: style.textByteCount))
        case .list(let terms):
            guard !terms.isEmpty else {
                self.init(piece: Array("[]".utf8))
                return
            }
            var nodes = terms.prefix(style.listCount).map { ErlangNode($0, style: style) }
            if terms.count > style.listCount { nodes.append(ErlangNode(.rest, length: 3)) }
            self.init(.list(nodes), length: Self.length(nodes, brackets: 2))
        case .tuple(let terms):
            let nodes = terms.map { ErlangNode($0, style: style) }
            guard !nodes.isEmpty else {
                self.init(piece: Array("{}".utf8))
                return
            }
            var isTagged = false
            if case .atom? = terms.first, terms.count > 1 { isTagged = true }
            self.init(.tuple(nodes, isTagged: isTagged), length: Self.length(nodes, brackets: 2))
        case .map(let entries):
            let nodes = entries.map { entry in
                let (key, value) = (Self.atom(entry.key), ErlangNode(entry.value, style: style))
                return ErlangNode(
                    .pair(key: key, value), length: SafeText.columnCount(key) + 4 + value.length)
            }
            guard !nodes.isEmpty else {
                self.init(piece: Array("#{}".utf8))
                return
            }
            self.init(.map(nodes), length: Self.length(nodes, brackets: 3))
        }
    }

    private static func length(_ nodes: [ErlangNode], brackets: Int) -> Int {
        nodes.reduce(brackets + nodes.count - 1) { $0 + $1.length }
    }

    /// Words of the language, which are names only in quotes.
    private static let reservedWords: Set<String> = [
        "after", "and", "andalso", "band", "begin", "bnot", "bor", "bsl", "bsr", "bxor", "case", "catch",
        "cond", "div",
        "end", "fun", "if", "let", "not", "of", "or", "orelse", "receive", "rem", "try", "when", "xor",
    ]

    private static func atom(_ name: String) -> [UInt8] {
        let bytes = Array(name.utf8)
        let isPlain = bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "@"):
                true
            default: false
            }
        }
        if isPlain, let first = bytes.first, UInt8(ascii: "a")...UInt8(ascii: "z") ~= first,
            !reservedWords.contains(name)
        {
            return bytes
        }
        return quoted(bytes[...], UInt8(ascii: "'"))
    }

    private static func string(_ bytes: [UInt8], limit: Int) -> [UInt8] {
        let shown = SafeText.prefix(bytes, limit: limit)
        return quoted(shown, UInt8(ascii: "\"")) + (shown.count < bytes.count ? Array("...".utf8) : [])
    }

    private static func binary(_ bytes: [UInt8], limit: Int) -> ErlangNode {
        guard !bytes.isEmpty else { return ErlangNode(piece: Array("<<>>".utf8)) }
        let shown = SafeText.prefix(bytes, limit: limit)
        let isCut = shown.count < bytes.count
        guard let isASCII = isText(shown) else {
            var numbers = bytes.prefix(limit).map { Array(String($0).utf8) }
            if isCut { numbers.append(Array("...".utf8)) }
            return ErlangNode(.numbers(numbers), length: numbers.reduce(3 + numbers.count) { $0 + $1.count })
        }
        var piece = Array("<<".utf8)
        piece += quoted(shown, UInt8(ascii: "\""))
        if !isASCII { piece += "/utf8".utf8 }
        piece += (isCut ? "...>>" : ">>").utf8
        return ErlangNode(piece: piece)
    }

    /// - Returns: nil when it has to be shown as numbers; else whether all of it is ASCII.
    private static func isText(_ bytes: ArraySlice<UInt8>) -> Bool? {
        var isASCII = true
        let span = unsafe bytes.span.bytes
        var index = 0
        while index < span.byteCount {
            let byte = span.byte(at: index)
            if byte < 0x80 {
                guard 0x20..<0x7F ~= byte || escapeLetter(byte) != nil else { return nil }
                index += 1
            } else {
                guard let scalar = SafeText.scalar(in: span, at: index), !SafeText.isHidden(scalar.value)
                else {
                    return nil
                }
                isASCII = false
                index += scalar.length
            }
        }
        return isASCII
    }

    private static func quoted(_ bytes: ArraySlice<UInt8>, _ quote: UInt8) -> [UInt8] {
        var output = [quote]
        let backslash = UInt8(ascii: "\\")
        var rest: [UInt8] = []
        for byte in bytes {
            if byte == quote || byte == backslash {
                rest += [backslash, byte]
            } else if let letter = escapeLetter(byte) {
                rest += [backslash, letter]
            } else {
                rest.append(byte)
            }
        }
        unsafe SafeText.append(rest.span.bytes, to: &output)
        output.append(quote)
        return output
    }

    /// Erlang's letters: `\n`, `\e` and so on.
    private static func escapeLetter(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x08: UInt8(ascii: "b")
        case 0x09: UInt8(ascii: "t")
        case 0x0A: UInt8(ascii: "n")
        case 0x0B: UInt8(ascii: "v")
        case 0x0C: UInt8(ascii: "f")
        case 0x0D: UInt8(ascii: "r")
        case 0x1B: UInt8(ascii: "e")
        default: nil
        }
    }
}
