import Admin
import BrokerCore
import MQTTCodec
import Primitives

/// A condition of `session show` on one column: equal to a value, or matching a regular expression (`--col=~regex`).
struct SessionFilter: Sendable {
    enum Condition: Sendable {
        case equals(Cell)
        /// Unanchored. Only text matches; nil where the expression is not one, which matches nothing, as in VerneMQ.
        case matches(TextPattern?)
    }

    let column: SessionColumn
    let condition: Condition

    /// - Parameter text: the value of the flag.
    init(_ column: SessionColumn, _ text: String) {
        self.column = column
        if text.hasPrefix("~") {
            condition = .matches(TextPattern(String(text.dropFirst())))
        } else {
            condition = .equals(Self.value(text, column.name))
        }
    }

    /// Columns that are always text, also where it looks like a number.
    private static let texts: Set = [
        "client_id", "user", "topic", "mountpoint", "routing_key", "payload", "msg_ref",
    ]

    /// `true` and `false` are truth values, digits numbers, all else text.
    private static func value(_ text: String, _ column: String) -> Cell {
        if texts.contains(column) {
            return text == "undefined" ? .undefined : .text(text)
        }
        if text == "true" || text == "false" { return .boolean(text == "true") }
        return Int(text).map { .integer($0) } ?? .text(text)
    }

    func passes(_ row: SessionRow, _ clock: SessionClock) -> Bool {
        let cell = column.cell(row, clock)
        switch condition {
        case .equals(let wanted): return cell == wanted
        case .matches(let pattern):
            guard case .text(let text) = cell, let pattern else { return false }
            return pattern.matches(text)
        }
    }
}
