/// Draws the lines of a table, as VerneMQ does:
///
///     +--------+------+
///     | topic  | qos  |
///     +--------+------+
///     | a/b    | 1    |
///     +--------+------+
///
/// A cell with line breaks, or one that is longer than its column, takes several lines. With `cuts` it is cut instead.
struct TableLayout {
    /// The lines of each cell of a row, and the colours of those that have one.
    struct Row {
        var cells: [[String]]
        /// As many as cells, or none.
        var colors: [TextColor?] = []
    }

    private let widths: [Int]
    /// Whether a line that is too long is cut with `…`; else it goes on below.
    private let cuts: Bool
    private let border: String

    /// No column is wider, so that one huge cell does not make every row as long.
    private static let widestColumn = 10_000
    /// A cell that would take more lines than this in its column stands out instead.
    private static let mostLines = 10_000
    private static let leastWidth = 3

    /// Where the terminal is too narrow, the names of the columns are cut first, then the widest texts, and numbers,
    /// addresses and other short values last.
    ///
    /// - Parameters:
    ///   - natural: for each column the width of its widest cell, its name included.
    ///   - values: for each column the width of its widest value.
    ///   - width: how many columns the terminal has; nil = as many as it takes.
    init(natural: [Int], values: [Int], width: Int?, cuts: Bool) {
        var widths = natural.map { min($0, Self.widestColumn) }
        if let width {
            let room = max(0, width - 3 * natural.count - 1)
            let least = values.map { max($0, Self.leastWidth) }
            if least.reduce(0, +) <= room {
                // The names take what the values leave.
                var spare = room - least.reduce(0, +)
                for column in widths.indices {
                    let more = min(max(0, widths[column] - least[column]), spare)
                    widths[column] = min(widths[column], least[column] + more)
                    spare -= more
                }
            } else {
                let most = Self.widest(least, room: room)
                widths = zip(widths, least).map { min($0, $1, most) }
            }
        }
        self.widths = widths
        self.cuts = cuts
        border = "+" + widths.map { String(repeating: "-", count: $0 + 2) + "+" }.joined() + "\n"
    }

    /// The header with its borders.
    func header(_ columns: [String], isColored: Bool) -> String {
        var text = border
        let names = Row(
            cells: columns.map { Self.lines(of: $0) },
            colors: isColored ? columns.map { _ in TextColor.bold } : [])
        lines(names) { text += $0 }
        return text + border
    }

    /// A row and the border below it, line by line.
    func row(_ row: Row, _ write: (String) -> Void) {
        lines(row, write)
        write(border)
    }

    /// The lines of a cell: harmless, with tabs expanded.
    static func lines(of text: String) -> [String] {
        if text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) { return [text] }
        var lines: [String] = []
        var line = ""
        /// Columns of `line`.
        var column = 0
        /// What came behind the last tab.
        var piece = String.UnicodeScalarView()
        var previous: Unicode.Scalar = " "
        func endPiece() {
            let safe = SafeText.make(String(piece), isMultiline: false)
            line += safe
            column += DisplayWidth.of(safe)
            piece.removeAll(keepingCapacity: true)
        }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n":
                // CR LF is one line break.
                if previous == "\r" { piece.removeLast() }
                endPiece()
                lines.append(line)
                (line, column) = ("", 0)
            case "\t":
                endPiece()
                let spaces = 8 - column % 8
                line += String(repeating: " ", count: spaces)
                column += spaces
            default:
                piece.append(scalar)
            }
            previous = scalar
        }
        endPiece()
        lines.append(line)
        return lines
    }

    /// The columns that a cell takes.
    static func width(of lines: [String]) -> Int { lines.reduce(0) { max($0, DisplayWidth.of($1)) } }

    /// The largest width that, when no column is wider, makes all of them fit `room`.
    private static func widest(_ natural: [Int], room: Int) -> Int {
        let least = leastWidth
        var low = least
        var high = max(least, natural.max() ?? least)
        while low < high {
            let middle = (low + high + 1) / 2
            if natural.reduce(0, { $0 + min($1, middle) }) <= room { low = middle } else { high = middle - 1 }
        }
        return low
    }

    private func lines(_ row: Row, _ write: (String) -> Void) {
        let fitted = widths.indices.map { column in
            column < row.cells.count ? fit(row.cells[column], widths[column]) : [""]
        }
        let height = fitted.reduce(1) { max($0, $1.count) }
        for line in 0..<height {
            var text = "|"
            for (column, lines) in fitted.enumerated() {
                let part = line < lines.count ? lines[line] : ""
                let color = column < row.colors.count ? row.colors[column] : nil
                text += " " + (color?.paint(part) ?? part)
                text +=
                    String(repeating: " ", count: max(0, widths[column] - DisplayWidth.of(part)) + 1) + "|"
            }
            write(text + "\n")
        }
    }

    /// The lines of a cell, none of them wider than its column.
    private func fit(_ lines: [String], _ width: Int) -> [String] {
        if lines.allSatisfy({ $0.utf8.count <= width || DisplayWidth.of($0) <= width }) { return lines }
        var fitted: [String] = []
        for line in lines {
            if DisplayWidth.of(line) <= width {
                fitted.append(line)
            } else if !cuts, line.utf8.count / max(1, width) > Self.mostLines {
                fitted.append(line)
            } else if cuts {
                fitted.append(DisplayWidth.prefix(line[...], columns: max(0, width - 1)) + "…")
            } else {
                var rest = line[...]
                while !rest.isEmpty {
                    var piece = DisplayWidth.prefix(rest, columns: width)
                    // A letter that is wider than its column stands out rather than be lost.
                    if piece.isEmpty { piece = rest.prefix(1) }
                    fitted.append(String(piece))
                    rest = rest[piece.endIndex...]
                }
            }
        }
        return fitted
    }
}
