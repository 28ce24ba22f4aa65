/// One cell of a table.
package enum Cell: Sendable, Equatable {
    case text(String)
    case integer(Int)
    case real(Double)
    case boolean(Bool)
    /// A value that is not there: `null`.
    case null
    /// VerneMQ's word for a user name that is not there: `undefined` in a table, `null` in JSON.
    case undefined
}

extension Cell {
    /// The text, or `.null`.
    package init(_ text: String?) { self = text.map { .text($0) } ?? .null }
    /// The number, or `.null`.
    package init(_ number: Int?) { self = number.map { .integer($0) } ?? .null }
    /// The truth value, or `.null`.
    package init(_ flag: Bool?) { self = flag.map { .boolean($0) } ?? .null }
}

/// What a command says, piece by piece, so that a million rows need no memory of their own. A renderer makes a table,
/// JSON, CSV, or the lines that go from the broker to `vmq-admin` of it.
///
///     text | list | alert | beginTable row… endTable     in any number and order
///
/// Not shared between threads: the one that runs the command calls it.
package protocol AdminOutput: AnyObject {
    /// A sentence or a block of lines, without the last line feed.
    func text(_ text: String)
    /// A table begins. It may have no rows.
    func beginTable(_ columns: [String])
    /// One row: as many cells as the table has columns.
    func row(_ cells: [Cell])
    func endTable()
    /// Words under a title.
    func list(title: String?, _ items: [String])
    /// A complaint or a remark that is no result; VerneMQ prints it as it is.
    func alert(_ text: String)
    /// A remark for a person beside the result, such as that there is more: VerneMQ says nothing of the kind, so it
    /// goes where results do not. The HTTP API leaves it out.
    func note(_ text: String)
    /// How far a long command has come.
    ///
    /// - Parameter total: nil = not known.
    func progress(_ what: String, done: Int, total: Int?)
    /// Called now and then by a command that waits for something to happen: tells the reader that it goes on.
    func heartbeat()
    /// Whether nobody reads what is said: the command may end.
    var isCancelled: Bool { get }
}

extension AdminOutput {
    package func heartbeat() {}
    package func note(_ text: String) {}

    /// A whole table.
    package func table(_ columns: [String], _ rows: [[Cell]]) {
        beginTable(columns)
        for cells in rows { row(cells) }
        endTable()
    }
}

/// Why a command did not do what it was asked.
package struct AdminFailure: Error, Equatable {
    package enum Kind: Sendable, Equatable {
        /// The command was not understood: exit status 2, HTTP 400.
        case usage
        /// It was understood and failed: exit status 1, HTTP 200 with the alert, as VerneMQ answers.
        case failed
    }

    package let kind: Kind
    /// What is wrong, where, the value seen and what is allowed.
    package let text: String
    /// How the command is called, where nothing is wrong but that arguments are missing: the HTTP API answers 200 with it,
    /// as VerneMQ's does.
    package let usage: String?

    package init(_ kind: Kind, _ text: String, usage: String? = nil) {
        self.kind = kind
        self.text = text
        self.usage = usage
    }

    /// What was understood and failed.
    package init(_ text: String) { self.init(.failed, text) }
}
