/// Breaks text into lines.
enum TextWrap {
    /// The lines of `text`, each with `indent` blanks before it and no longer than `width` columns, unless one word is.
    /// Line feeds stay, and so does the indentation of a line that begins with blanks.
    static func lines(_ text: String, indent: Int = 0, width: Int = 100) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { paragraph -> [String] in
            let own = paragraph.prefix { $0 == " " }.count
            let margin = String(repeating: " ", count: indent + own)
            var lines: [String] = []
            var line = ""
            for word in paragraph.split(separator: " ") {
                if !line.isEmpty, margin.count + line.count + 1 + word.count > width {
                    lines.append(margin + line)
                    line = ""
                }
                line += line.isEmpty ? String(word) : " " + word
            }
            if !line.isEmpty { lines.append(margin + line) }
            return lines.isEmpty ? [""] : lines
        }
    }

    /// `term` padded to `column`, and `text` beside it; its further lines stand below. A term that is too long has a line
    /// of its own.
    static func entry(_ term: String, _ text: String, indent: Int, column: Int, width: Int = 100) -> [String]
    {
        let margin = String(repeating: " ", count: indent)
        if text.isEmpty { return [margin + term] }
        let lines = lines(text, indent: column, width: width)
        let beside = indent + term.count + 2 <= column
        guard beside, let first = lines.first else { return [margin + term] + lines }
        let padding = String(repeating: " ", count: column - indent - term.count)
        return [margin + term + padding + first.dropFirst(column)] + lines.dropFirst()
    }
}
