/// The few colours of `vmq-admin` on a terminal. What they say stands in words as well, so that nothing is lost to who sees
/// none, and elsewhere than on a terminal, or with NO_COLOR, there are none.
package enum TextColor: String, Sendable {
    /// Headings.
    case bold = "1"
    /// What went wrong, and what does not run.
    case red = "31"
    /// What runs.
    case green = "32"
    /// Warnings and remarks.
    case yellow = "33"

    /// The text between the sequences that switch the colour on and off; nothing is around no text.
    package func paint(_ text: String) -> String {
        text.isEmpty ? text : "\u{1b}[\(rawValue)m\(text)\u{1b}[0m"
    }

    /// The colour of the first line of a text of several.
    package func paintFirstLine(_ text: String) -> String {
        guard let end = text.firstIndex(of: "\n") else { return paint(text) }
        return paint(String(text[..<end])) + text[end...]
    }

    /// The headings of help.
    package static func paintHelp(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            if line.hasPrefix("Usage: ") { return bold.paint("Usage:") + line.dropFirst(6) }
            let isHeading = line.hasSuffix(":") && line.hasPrefix("  ") && !line.hasPrefix("   ")
            return isHeading ? "  " + bold.paint(String(line.dropFirst(2))) : String(line)
        }.joined(separator: "\n")
    }

    /// The colour of a state in a table; nil = the cell says none.
    ///
    /// - Parameter name: of the column, or of the row where a table has items and values.
    static func ofState(_ cell: Cell, _ name: String) -> TextColor? {
        switch (name, cell) {
        case ("status", .text("running")), ("state", .text("online")), ("statename", .text("online")): .green
        case ("status", .text("suspended")), ("state", .text), ("statename", .text): .yellow
        case ("is_online", .boolean(let isGood)), ("Running", .boolean(let isGood)): isGood ? .green : .yellow
        case ("is_offline", .boolean(let isBad)): isBad ? .yellow : .green
        case ("has expired", .boolean(true)), ("output_blocked", .boolean(true)): .red
        case ("last_error", .text): .red
        default: nil
        }
    }
}
