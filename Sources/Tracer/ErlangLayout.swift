/// Breaks a term into lines where Erlang's `~p` does, so that traces look as VerneMQ's.
///
///     #{p_user_property => [{<<"k">>,<<"v">>}],      after a value that has parts the line breaks
///       p_receive_max => 50,p_topic_alias_max => 5}  others stand side by side while there is room
///
/// A term that has room on the rest of its line is written there as it is. Otherwise its parts stand below each other,
/// each beginning under the first one. A line may have 80 columns, and what is still to be closed at its end counts.
/// Columns count from 1.
struct ErlangLayout {
    private static let lineLength = 80

    private(set) var output: [UInt8] = []
    /// As many characters as the whole term has: no line gets more of them, wherever it begins.
    private let most: Int
    /// How far the parts of a tagged tuple stand behind its begin, where that is less than behind its tag; 0: always
    /// behind its tag.
    private let tagIndent: Int
    /// The parts of a tagged tuple began too far to the right.
    private var isTooFarRight = false

    /// - Parameter column: where the term begins.
    static func write(_ node: ErlangNode, column: Int) -> [UInt8] {
        var layout = ErlangLayout(most: node.length, tagIndent: 0)
        if node.length < lineLength - column {
            layout.flat(node)
            return layout.output
        }
        for tagIndent in [0, 4, 1] {
            layout = ErlangLayout(most: node.length, tagIndent: tagIndent)
            layout.write(node, column: column, closing: 0, used: 0)
            if !layout.isTooFarRight { break }
        }
        return layout.output
    }

    private init(most: Int, tagIndent: Int) {
        self.most = most
        self.tagIndent = tagIndent
    }

    // MARK: Lines

    /// - Parameters:
    ///   - column: where it begins.
    ///   - closing: how many brackets follow it on its last line.
    ///   - used: characters of the term that are already on this line.
    private mutating func write(_ node: ErlangNode, column: Int, closing: Int, used: Int) {
        if fits(node.length, column: column, closing: closing, used: used) { return flat(node) }
        switch node.shape {
        case .piece, .rest: flat(node)
        case .numbers(let numbers): write(numbers, column: column + 2, closing: closing, used: used)
        case .list(let parts):
            put("[")
            write(parts, column: column + 1, closing: closing, used: used + 1)
            put("]")
        case .tuple(let parts, isTagged: false):
            put("{")
            write(parts, column: column + 1, closing: closing, used: used + 1)
            put("}")
        case .tuple(let parts, isTagged: true):
            put("{")
            write(tagged: parts, column: column, closing: closing, used: used + 1)
            put("}")
        case .map(let pairs):
            put("#{")
            write(pairs, column: column + 2, closing: closing, used: used + 1, isMap: true)
            put("}")
        case .pair(let key, let value):
            output += key
            put(" =>")
            let indent = tagIndent > 0 ? tagIndent : 4
            newLine(column: column + indent)
            write(value, column: column + indent, closing: closing, used: 0)
        }
    }

    private func fits(_ length: Int, column: Int, closing: Int, used: Int) -> Bool {
        length < Self.lineLength - column - closing && length + used + closing <= most
    }

    /// The parts of a list, tuple or map, all from `column` on.
    ///
    /// - Parameter start: where on the line the first part would follow with its comma; nil: it begins at `column`.
    private mutating func write(
        _ parts: some Collection<ErlangNode>, column: Int, closing: Int, used: Int, isMap: Bool = false,
        after start: Int? = nil
    ) {
        var position = start ?? column
        var used = used
        var isFirst = start == nil
        var left = parts.count
        for part in parts {
            left -= 1
            let below = left == 0 ? closing + 1 : 0
            if isFirst {
                isFirst = false
                let advance = write(part: part, column: column, closing: below, used: used)
                position = column + advance
                // In a map Erlang forgets what stood on the line before its first pair.
                used = isMap ? advance : used + advance
                continue
            }
            put(part.separator)
            if case .rest = part.shape {
                flat(part)
                continue
            }
            let (length, reserve) = (part.length + 1, max(below, 1))
            if part.isAtomic, length + reserve < Self.lineLength - position, used + length + reserve <= most {
                flat(part)
                position += length
                used += length
            } else {
                newLine(column: column)
                used = write(part: part, column: column, closing: below, used: 0)
                position = column + used
            }
        }
    }

    /// - Returns: how far the line has advanced; as much as there is when it must break behind the part.
    private mutating func write(part: ErlangNode, column: Int, closing: Int, used: Int) -> Int {
        let staysOpen = part.isAtomic && fits(part.length, column: column, closing: closing, used: used)
        write(part, column: column, closing: closing, used: used)
        return staysOpen ? part.length : Self.lineLength
    }

    private mutating func write(tagged parts: [ErlangNode], column: Int, closing: Int, used: Int) {
        guard let tag = parts.first else { return }
        flat(tag)
        let behindTag = column + tag.length + 2
        if tagIndent > 0, tag.length + 2 > tagIndent {
            let begin = column + tagIndent
            if most + begin > Self.lineLength, begin > Self.lineLength / 2 { isTooFarRight = true }
            write(
                parts.dropFirst(), column: column + tagIndent, closing: closing, used: used + tag.length,
                after: behindTag)
        } else {
            if most + behindTag >= Self.lineLength, behindTag >= Self.lineLength / 2 { isTooFarRight = true }
            put(",")
            write(parts.dropFirst(), column: behindTag, closing: closing, used: used + tag.length + 1)
        }
    }

    private mutating func write(_ numbers: [[UInt8]], column: Int, closing: Int, used: Int) {
        let room = max(8, min(Self.lineLength - column, most - 4 - used) - closing)
        var left = room
        put("<<")
        for (index, number) in numbers.enumerated() {
            let isLast = index == numbers.count - 1
            let count = number.count + (isLast ? 0 : 1)
            if count > left {
                newLine(column: column)
                left = room
            }
            left -= count
            output += number
            if !isLast { put(",") }
        }
        put(">>")
    }

    // MARK: One line

    private mutating func flat(_ node: ErlangNode) {
        switch node.shape {
        case .piece(let piece): output += piece
        case .numbers(let numbers):
            put("<<")
            for (index, number) in numbers.enumerated() {
                if index > 0 { put(",") }
                output += number
            }
            put(">>")
        case .list(let parts): flat("[", parts, "]")
        case .tuple(let parts, _): flat("{", parts, "}")
        case .map(let pairs): flat("#{", pairs, "}")
        case .pair(let key, let value):
            output += key
            put(" => ")
            flat(value)
        case .rest: put("...")
        }
    }

    private mutating func flat(_ opening: String, _ parts: [ErlangNode], _ closing: String) {
        put(opening)
        for (index, part) in parts.enumerated() {
            if index > 0 { put(part.separator) }
            flat(part)
        }
        put(closing)
    }

    private mutating func newLine(column: Int) {
        put("\n")
        output += repeatElement(UInt8(ascii: " "), count: column - 1)
    }

    private mutating func put(_ text: String) { output += text.utf8 }
}

extension ErlangNode {
    /// What stands between it and what comes before it.
    fileprivate var separator: String {
        if case .rest = shape { "|" } else { "," }
    }
}
