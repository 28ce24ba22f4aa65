/// A regular expression of an operator: `--client_id=~^sensor-[0-9]+$`. What PCRE means by it, without what needs
/// backtracking (back references, looking around, possessive repetition): the time for a text grows with its length times
/// that of the expression, whatever they are, so a hostile expression holds up nobody.
///
///     text of the expression ── TextPatternParser ──► Node ── compile ──► steps, all alternatives of which run at once
struct TextPattern: Sendable {
    indirect enum Node {
        case one(ScalarSet)
        case place(Place)
        case sequence([Node])
        case either([Node])
        case repeated(Node, least: Int, most: Int?)
    }

    /// What holds between two scalars.
    enum Place: Sendable {
        case start, end, endOrLastLine, lineStart, lineEnd, wordEdge, noWordEdge
    }

    private enum Step: Sendable {
        case one(ScalarSet)
        case place(Place)
        case fork(Int, Int)
        case found
    }

    private let steps: [Step]
    private static let longestPattern = 1000
    private static let mostSteps = 2000
    /// Scalars of a text that are looked at.
    private static let longestText = 1000

    /// nil where the text is no expression, or too long a one.
    init?(_ text: String) {
        guard text.utf8.count <= Self.longestPattern else { return nil }
        var parser = TextPatternParser(text)
        guard let node = parser.parse() else { return nil }
        var steps: [Step] = []
        guard Self.compile(node, into: &steps) else { return nil }
        self.steps = steps + [.found]
    }

    /// False when there would be too many steps.
    private static func compile(_ node: Node, into steps: inout [Step]) -> Bool {
        guard steps.count < mostSteps else { return false }
        switch node {
        case .one(let set): steps.append(.one(set))
        case .place(let place): steps.append(.place(place))
        case .sequence(let nodes): return nodes.allSatisfy { compile($0, into: &steps) }
        case .either(let nodes):
            var ends: [Int] = []
            for (index, node) in nodes.enumerated() {
                let fork = steps.count
                let isLast = index == nodes.count - 1
                if !isLast { steps.append(.found) }
                guard compile(node, into: &steps) else { return false }
                guard !isLast else { break }
                ends.append(steps.count)
                steps.append(.found)
                steps[fork] = .fork(fork + 1, steps.count)
            }
            for end in ends { steps[end] = .fork(steps.count, steps.count) }
        case .repeated(let node, let least, let most):
            for _ in 0..<least {
                let count = steps.count
                guard compile(node, into: &steps) else { return false }
                // Nothing any number of times is nothing.
                if steps.count == count { break }
            }
            guard let most else {
                let fork = steps.count
                steps.append(.found)
                guard compile(node, into: &steps) else { return false }
                steps.append(.fork(fork, fork))
                steps[fork] = .fork(fork + 1, steps.count)
                return true
            }
            var forks: [Int] = []
            for _ in least..<most {
                forks.append(steps.count)
                steps.append(.found)
                guard compile(node, into: &steps) else { return false }
            }
            for fork in forks { steps[fork] = .fork(fork + 1, steps.count) }
        }
        return steps.count < mostSteps
    }

    /// Whether it matches anywhere in the text.
    func matches(_ text: String) -> Bool {
        let scalars = text.unicodeScalars.prefix(Self.longestText).map(\.value)
        // The steps at which the alternatives are; `seen` keeps each from being there twice.
        var now: [Int] = []
        var next: [Int] = []
        var seen = [Int](repeating: -1, count: steps.count)
        for index in 0...scalars.count {
            if follow(0, index, scalars, &seen, &now) { return true }
            guard index < scalars.count else { return false }
            next.removeAll(keepingCapacity: true)
            for step in now {
                guard case .one(let set) = steps[step], set.contains(scalars[index]) else { continue }
                if follow(step + 1, index + 1, scalars, &seen, &next) { return true }
            }
            swap(&now, &next)
        }
        return false
    }

    /// Adds the steps that wait for a scalar and are reached from `start` without one. - Returns: whether the end is.
    private func follow(
        _ start: Int, _ index: Int, _ text: [UInt32], _ seen: inout [Int], _ reached: inout [Int]
    ) -> Bool {
        var waiting = [start]
        while let step = waiting.popLast() {
            guard seen[step] != index else { continue }
            seen[step] = index
            switch steps[step] {
            case .found: return true
            case .one: reached.append(step)
            case .place(let place): if place.holds(index, text) { waiting.append(step + 1) }
            case .fork(let first, let second): waiting += [second, first]
            }
        }
        return false
    }
}

extension TextPattern.Place {
    fileprivate func holds(_ index: Int, _ text: [UInt32]) -> Bool {
        func isWord(_ index: Int) -> Bool {
            text.indices.contains(index) && ScalarSet.word.contains(text[index])
        }
        func isLineFeed(_ index: Int) -> Bool { text.indices.contains(index) && text[index] == 0x0A }
        switch self {
        case .start: return index == 0
        case .end: return index == text.count
        case .endOrLastLine: return index == text.count || (index == text.count - 1 && isLineFeed(index))
        case .lineStart: return index == 0 || isLineFeed(index - 1)
        case .lineEnd: return index == text.count || isLineFeed(index)
        case .wordEdge: return isWord(index - 1) != isWord(index)
        case .noWordEdge: return isWord(index - 1) == isWord(index)
        }
    }
}

/// Some Unicode scalars, by ranges.
struct ScalarSet: Sendable {
    var ranges: [ClosedRange<UInt32>]
    var isInverted = false
    var ignoresCase = false

    static let digit = ScalarSet(ranges: [0x30...0x39])
    static let word = ScalarSet(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let blank = ScalarSet(ranges: [0x09...0x0D, 0x20...0x20])
    static let lineFeed = ScalarSet(ranges: [0x0A...0x0A])

    var inverted: ScalarSet { ScalarSet(ranges: ranges, isInverted: !isInverted, ignoresCase: ignoresCase) }

    /// The ranges without an inversion.
    var plainRanges: [ClosedRange<UInt32>] {
        guard isInverted else { return ranges }
        var found: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { found.append(next...(range.lowerBound - 1)) }
            next = max(next, range.upperBound + 1)
        }
        return found + [next...0x110000]
    }

    func contains(_ scalar: UInt32) -> Bool {
        func has(_ scalar: UInt32) -> Bool { ranges.contains { $0.contains(scalar) } }
        var isIn = has(scalar)
        if !isIn, ignoresCase, let properties = Unicode.Scalar(scalar)?.properties {
            isIn = [properties.lowercaseMapping, properties.uppercaseMapping].contains { other in
                other.unicodeScalars.count == 1 && other.unicodeScalars.first.map { has($0.value) } == true
            }
        }
        return isIn != isInverted
    }
}
