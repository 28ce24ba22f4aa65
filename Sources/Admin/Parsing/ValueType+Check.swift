extension ValueType {
    /// Whether `value` may be given.
    package func accepts(_ value: String) -> Bool {
        switch self {
        case .text: return true
        case .integer(let range, let words):
            if words.contains(value) { return true }
            guard value.utf8.first != UInt8(ascii: "+"), let number = Int(value) else { return false }
            return range.contains(number)
        case .boolean: return ["true", "false", "on", "off"].contains(value)
        case .choice(let words): return words.contains(value)
        case .file: return !value.isEmpty
        case .list(let element):
            guard let items = Self.items(of: value) else { return false }
            return items.allSatisfy { !$0.isEmpty && element.accepts($0) }
        }
    }

    /// The values of a list, `a,b` or `[a, b]`; nil = it is none.
    package static func items(of value: String) -> [String]? {
        var body = value[...]
        if body.hasPrefix("[") {
            guard body.hasSuffix("]"), body.utf8.count > 1 else { return nil }
            body = body.dropFirst().dropLast()
            if body.allSatisfy({ $0 == " " }) { return [] }
        }
        if body.isEmpty { return nil }
        return body.split(separator: ",", omittingEmptySubsequences: false).map { item in
            var item = item
            while item.first == " " { item.removeFirst() }
            while item.last == " " { item.removeLast() }
            return String(item)
        }
    }

    /// What is allowed, as the end of a sentence.
    package var expectation: String {
        switch self {
        case .text: return "a text."
        case .integer(let range, let words):
            let numbers: String
            switch (range.lowerBound, range.upperBound) {
            case (.min, .max): numbers = "a whole number"
            case (let low, .max): numbers = "a whole number from \(low)"
            case (let low, let high): numbers = "a whole number from \(low) to \(high)"
            }
            return numbers + words.map { " or \($0)" }.joined() + "."
        case .boolean: return "true or false."
        case .choice(let words): return "one of \(words.joined(separator: ", "))."
        case .file: return "the path of a file where the broker runs."
        case .list(let element):
            switch element {
            case .choice(let words):
                return "a list of \(words.joined(separator: ", ")), such as a,b or [a,b]."
            case .integer: return "a list of numbers: 3,4 or [3,4]."
            default: return "a list: a,b or [a,b]."
            }
        }
    }
}

extension Invocation {
    /// The values of a flag that takes a list; empty where it was not given.
    package func list(_ flag: String) -> [String] { value(flag).flatMap(ValueType.items) ?? [] }

    /// The values of an argument that takes a list; empty where it was not given.
    package func argumentList(_ name: String) -> [String] { argument(name).flatMap(ValueType.items) ?? [] }
}
