/// A page of the system's manual, written in roff (the `man` macros).
package struct ManualPage: Sendable {
    /// What stands in a section.
    package enum Block: Sendable {
        case heading(String)
        case paragraph(String)
        /// A term with its explanation beside or below it.
        case term(String, String)
        /// Lines that are kept as they are.
        case lines([String])
    }

    /// A part under a heading in capitals.
    package struct Section: Sendable {
        package let title: String
        package let blocks: [Block]

        package init(_ title: String, _ blocks: [Block]) {
            self.title = title
            self.blocks = blocks
        }
    }

    package let name: String
    /// The number behind the name: 1 for programs, 8 for servers.
    package let number: Int
    /// One line without a full stop.
    package let summary: String
    package let sections: [Section]

    package init(_ name: String, _ number: Int, _ summary: String, _ sections: [Section]) {
        self.name = name
        self.number = number
        self.summary = summary
        self.sections = sections
    }

    /// `vmq-admin.1`
    package var fileName: String { "\(name).\(number)" }

    /// The page, as the source that `man` reads.
    package func roff() -> String {
        var lines = [
            ".\\\" Written from the tables in Sources/Admin; do not edit by hand.",
            ".TH \"\(Self.escaped(name.uppercased()))\" \"\(number)\" \"\" \"VerneMQ\" \"VerneMQ\"",
            ".SH NAME", "\(Self.escaped(name)) \\- \(Self.escaped(summary))",
        ]
        for section in sections {
            lines.append(".SH \"\(Self.escaped(section.title))\"")
            for block in section.blocks { lines += Self.lines(of: block) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(of block: Block) -> [String] {
        switch block {
        case .heading(let text): [".SS \"\(escaped(text))\""]
        case .paragraph(let text):
            text.split(separator: "\n").flatMap { [".PP", escaped(String($0))] }
        case .term(let term, let text):
            [".TP", "\\fB\(escaped(term))\\fR"] + text.split(separator: "\n").map { escaped(String($0)) }
        case .lines(let lines): [".PP", ".nf", ".RS 4"] + lines.map(escaped) + [".RE", ".fi"]
        }
    }

    /// Text that roff takes for text.
    static func escaped(_ text: String) -> String {
        var safe = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": safe += "\\e"
            case "-": safe += "\\-"
            case "\"": safe += "\\(dq"
            case "'": safe += "\\(aq"
            case "~": safe += "\\(ti"
            case "^": safe += "\\(ha"
            case ".": safe += safe.isEmpty ? "\\&." : "."
            default: safe.unicodeScalars.append(scalar)
            }
        }
        return safe
    }
}
