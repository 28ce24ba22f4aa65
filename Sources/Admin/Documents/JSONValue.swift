/// A JSON value whose objects keep the order of their keys.
package indirect enum JSONValue: Sendable, Equatable {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case array([JSONValue])
    case object([Member])

    /// A key and its value.
    package struct Member: Sendable, Equatable {
        package let key: String
        package let value: JSONValue

        package init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// The text, indented by two blanks a level.
    package func text(indent: Int = 0) -> String {
        let margin = String(repeating: " ", count: indent)
        switch self {
        case .string(let text): return JSONText.quoted(text)
        case .integer(let number): return String(number)
        case .boolean(let flag): return flag ? "true" : "false"
        case .array(let values):
            if values.isEmpty { return "[]" }
            let lines = values.map { margin + "  " + $0.text(indent: indent + 2) }
            return "[\n" + lines.joined(separator: ",\n") + "\n\(margin)]"
        case .object(let members):
            if members.isEmpty { return "{}" }
            let lines = members.map {
                "\(margin)  \(JSONText.quoted($0.key)): \($0.value.text(indent: indent + 2))"
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(margin)}"
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}
