/// Reads the text of a regular expression. What it does not know is no expression.
struct TextPatternParser {
    private let text: [UInt32]
    private var index = 0
    private var depth = 0
    private var ignoresCase = false
    private var dotIsAll = false
    private var hasLines = false
    private static let deepest = 50

    init(_ text: String) { self.text = text.unicodeScalars.map(\.value) }

    mutating func parse() -> TextPattern.Node? {
        guard let node = alternatives(), index == text.count else { return nil }
        return node
    }

    // MARK: Scalars

    private var next: UInt32? { index < text.count ? text[index] : nil }

    private mutating func take(_ wanted: String) -> Bool {
        let scalars = wanted.unicodeScalars.map(\.value)
        guard text[index...].starts(with: scalars) else { return false }
        index += scalars.count
        return true
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next, (0x30...0x39).contains(digit), (value ?? 0) <= 1000 {
            value = (value ?? 0) * 10 + Int(digit - 0x30)
            index += 1
        }
        return value
    }

    // MARK: Structure

    private mutating func alternatives() -> TextPattern.Node? {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { return nil }
        var nodes: [TextPattern.Node] = []
        repeat {
            guard let node = sequence() else { return nil }
            nodes.append(node)
        } while take("|")
        return nodes.count == 1 ? nodes[0] : .either(nodes)
    }

    private mutating func sequence() -> TextPattern.Node? {
        var nodes: [TextPattern.Node] = []
        while let scalar = next, scalar != 0x7C, scalar != 0x29 {
            guard let atom = atom(), let node = repetition(of: atom) else { return nil }
            nodes.append(node)
        }
        return .sequence(nodes)
    }

    private mutating func repetition(of atom: TextPattern.Node) -> TextPattern.Node? {
        let least: Int
        var most: Int?
        if take("*") {
            least = 0
        } else if take("+") {
            least = 1
        } else if take("?") {
            (least, most) = (0, 1)
        } else if let counts = counts() {
            (least, most) = counts
        } else {
            return atom
        }
        guard least <= most ?? least, least <= 1000, most ?? 0 <= 1000 else { return nil }
        // Whether it takes many or few first does not change whether it matches.
        _ = take("?")
        // Possessive, or repeated again.
        if let scalar = next, scalar == 0x2B || scalar == 0x2A || scalar == 0x3F { return nil }
        return .repeated(atom, least: least, most: most)
    }

    /// `{2}`, `{2,}`, `{2,3}`; any other brace is a brace.
    private mutating func counts() -> (Int, Int?)? {
        let start = index
        if take("{"), let least = number() {
            if take("}") { return (least, least) }
            if take(",") {
                let most = number()
                if take("}") { return (least, most) }
            }
        }
        index = start
        return nil
    }

    // MARK: Atoms

    private mutating func atom() -> TextPattern.Node? {
        if take("(") { return group() }
        if take("[") { return set().map { one($0) } }
        if take(".") {
            return .one(dotIsAll ? ScalarSet(ranges: []).inverted : ScalarSet.lineFeed.inverted)
        }
        if take("^") { return .place(hasLines ? .lineStart : .start) }
        if take("$") { return .place(hasLines ? .lineEnd : .endOrLastLine) }
        if take("\\") { return escape() }
        guard let scalar = next, !"*+?".unicodeScalars.contains(where: { $0.value == scalar }) else {
            return nil
        }
        index += 1
        return one(ScalarSet(ranges: [scalar...scalar]))
    }

    private func one(_ set: ScalarSet) -> TextPattern.Node {
        var set = set
        set.ignoresCase = ignoresCase
        return .one(set)
    }

    private mutating func group() -> TextPattern.Node? {
        let before = (ignoresCase, dotIsAll, hasLines)
        if take("?") {
            if take("P<") || take("<") {
                // A name; (?<= and (?<! look around.
                while let scalar = next, ScalarSet.word.contains(scalar) { index += 1 }
                guard take(">") else { return nil }
            } else {
                var isOn = true
                while let scalar = next, scalar != 0x3A, scalar != 0x29 {
                    index += 1
                    switch scalar {
                    case 0x2D: isOn = false
                    case 0x69: ignoresCase = isOn
                    case 0x73: dotIsAll = isOn
                    case 0x6D: hasLines = isOn
                    default: return nil
                    }
                }
                // `(?i)` holds until the end of the group that it stands in.
                if take(")") { return .sequence([]) }
                guard take(":") else { return nil }
            }
        }
        guard let node = alternatives(), take(")") else { return nil }
        (ignoresCase, dotIsAll, hasLines) = before
        return node
    }

    private mutating func escape() -> TextPattern.Node? {
        let places: [(String, TextPattern.Place)] = [
            ("b", .wordEdge), ("B", .noWordEdge), ("A", .start), ("z", .end), ("Z", .endOrLastLine),
        ]
        for (letter, place) in places where take(letter) { return .place(place) }
        return escapedSet().map { one($0) }
    }

    /// What stands behind a backslash, within a set too.
    private mutating func escapedSet() -> ScalarSet? {
        guard let scalar = next else { return nil }
        index += 1
        func single(_ value: UInt32) -> ScalarSet { ScalarSet(ranges: [value...value]) }
        switch scalar {
        case 0x64: return .digit
        case 0x44: return ScalarSet.digit.inverted
        case 0x77: return .word
        case 0x57: return ScalarSet.word.inverted
        case 0x73: return .blank
        case 0x53: return ScalarSet.blank.inverted
        case 0x6E: return single(0x0A)
        case 0x72: return single(0x0D)
        case 0x74: return single(0x09)
        case 0x66: return single(0x0C)
        case 0x65: return single(0x1B)
        case 0x78: return hexadecimal().map(single)
        // Other letters and digits have meanings that are not known here.
        case let other where ScalarSet.word.contains(other) && other != 0x5F: return nil
        default: return single(scalar)
        }
    }

    /// `\x41` or `\x{1F600}`, behind the x.
    private mutating func hexadecimal() -> UInt32? {
        let hasBraces = take("{")
        var digits = ""
        while let scalar = next, let digit = Unicode.Scalar(scalar), digit.properties.isASCIIHexDigit,
            digits.utf8.count < (hasBraces ? 6 : 2)
        {
            digits.unicodeScalars.append(digit)
            index += 1
        }
        guard !hasBraces || take("}") else { return nil }
        return UInt32(digits, radix: 16)
    }

    // MARK: Sets

    /// Behind `[`.
    private mutating func set() -> ScalarSet? {
        let isInverted = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while isFirst || next != 0x5D {
            guard let item = setItem(isFirst: isFirst) else { return nil }
            isFirst = false
            guard next == 0x2D, index + 1 < text.count, text[index + 1] != 0x5D,
                item.count == 1, item[0].lowerBound == item[0].upperBound
            else {
                ranges += item
                continue
            }
            index += 1
            guard let end = setItem(isFirst: false), end.count == 1, end[0].lowerBound == end[0].upperBound,
                end[0].lowerBound >= item[0].lowerBound
            else { return nil }
            ranges.append(item[0].lowerBound...end[0].lowerBound)
        }
        index += 1
        return ScalarSet(ranges: ranges, isInverted: isInverted)
    }

    private mutating func setItem(isFirst: Bool) -> [ClosedRange<UInt32>]? {
        if take("\\") {
            if take("b") { return [0x08...0x08] }
            return escapedSet()?.plainRanges
        }
        let classes: [(String, [ClosedRange<UInt32>])] = [
            ("[:alpha:]", [0x41...0x5A, 0x61...0x7A]), ("[:digit:]", [0x30...0x39]),
            ("[:alnum:]", [0x30...0x39, 0x41...0x5A, 0x61...0x7A]), ("[:upper:]", [0x41...0x5A]),
            ("[:lower:]", [0x61...0x7A]), ("[:space:]", [0x09...0x0D, 0x20...0x20]),
            ("[:xdigit:]", [0x30...0x39, 0x41...0x46, 0x61...0x66]), ("[:word:]", ScalarSet.word.ranges),
            ("[:punct:]", [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E]),
        ]
        for (name, ranges) in classes where take(name) { return ranges }
        guard let scalar = next else { return nil }
        index += 1
        return [scalar...scalar]
    }
}
