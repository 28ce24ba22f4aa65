/// VerneMQ's tables and plain text.
///
/// The rows of a table are held until there are 1,000, or 4 MB of them, or it ends. The widths of the columns are those
/// of the held rows; rows that come later are written at once, so that a table of any length needs no more memory.
///
/// Nothing that a client chose reaches a terminal as a control character (`SafeText`).
package final class HumanOutput: AdminRenderer {
    private let sink: ByteSink
    private let isTerminal: Bool
    private let isColored: Bool
    private let width: Int?
    private let isFull: Bool
    private let now: () -> Duration

    private var columns: [String]?
    private var held: [TableLayout.Row] = []
    private var heldBytes = 0
    /// Set when the header is written.
    private var layout: TableLayout?

    private var progressLine: ProgressLine?
    private var progressShown: Duration?
    /// The cursor stands behind a progress line, which the next output takes away.
    private var isOnProgressLine = false

    private static let mostHeldRows = 1000
    private static let mostHeldBytes = 4 << 20

    /// - Parameters:
    ///   - isTerminal: whether progress is written in place.
    ///   - isColored: whether headings, errors and states have colours; nil = on a terminal they have.
    ///   - width: how many columns the terminal has: tables are cut to it. nil = they are as wide as they need.
    ///   - isFull: nothing is cut (`--full`).
    ///   - now: the time since any moment in the past.
    ///   - sink: takes the bytes; false = the reader has gone.
    package init(
        isTerminal: Bool = false, isColored: Bool? = nil, width: Int? = nil, isFull: Bool = false,
        now: @escaping () -> Duration, sink: @escaping ([UInt8]) -> Bool
    ) {
        self.isTerminal = isTerminal
        self.isColored = isColored ?? isTerminal
        self.width = width
        self.isFull = isFull
        self.now = now
        self.sink = ByteSink(sink)
    }

    /// Takes what is said beside the result; without it that is lost.
    package var remarks: (String) -> Void = { _ in }

    package var isCancelled: Bool { sink.isClosed }

    package func note(_ text: String) {
        flush()
        remarks(SafeText.make(text, isMultiline: true))
    }

    package func text(_ text: String) { line(text) }

    package func alert(_ text: String) {
        // The end of a trace is an alert in VerneMQ, and nothing that went wrong.
        line(text, isColored && text != "Done." ? .red : nil)
    }

    package func list(title: String?, _ items: [String]) {
        let words = items.joined(separator: " ")
        line(title.map { "\($0): \(words)" } ?? words)
    }

    private func line(_ text: String, _ color: TextColor? = nil) {
        removeProgress()
        let safe = SafeText.make(text, isMultiline: true)
        sink.append((color?.paintFirstLine(safe) ?? safe) + "\n")
        sink.flush()
    }

    package func beginTable(_ columns: [String]) {
        if self.columns != nil { endTable() }
        self.columns = columns
    }

    package func row(_ cells: [Cell]) {
        guard let columns, !sink.isClosed else { return }
        var row = TableLayout.Row(
            cells: columns.indices.map { column in
                column < cells.count ? lines(of: cells[column].displayText) : [""]
            })
        if isColored { row.colors = colors(of: cells, columns) }
        if let layout {
            removeProgress()
            layout.row(row, sink.append)
            return
        }
        held.append(row)
        heldBytes += row.cells.reduce(0) { $1.reduce($0) { $0 + $1.utf8.count } }
        if held.count >= Self.mostHeldRows || heldBytes >= Self.mostHeldBytes { writeHeldRows() }
    }

    private func colors(of cells: [Cell], _ columns: [String]) -> [TextColor?] {
        if columns == ["Item", "Value"], cells.count == 2, case .text(let item) = cells[0] {
            return [nil, TextColor.ofState(cells[1], item)]
        }
        return zip(cells, columns).map(TextColor.ofState)
    }

    /// A cell may have as many lines as a payload has line feeds. On a terminal those that nobody can read are left out;
    /// elsewhere so many that one row cannot become a gigabyte.
    private func lines(of text: String) -> [String] {
        let lines = TableLayout.lines(of: text)
        let most = width == nil ? Self.mostCellLines : Self.mostCellLinesOnScreen
        guard !isFull, lines.count > most else { return lines }
        return lines.prefix(most - 1) + ["… and \(lines.count - most + 1) more lines: --full"]
    }

    private static let mostCellLines = 1000
    private static let mostCellLinesOnScreen = 20

    package func endTable() {
        writeHeldRows()
        columns = nil
        layout = nil
        sink.flush()
    }

    private func writeHeldRows() {
        guard let columns, layout == nil, !held.isEmpty else { return }
        var widths = columns.map { TableLayout.width(of: TableLayout.lines(of: $0)) }
        var values = widths.map { _ in 0 }
        for row in held {
            for column in widths.indices {
                values[column] = max(values[column], TableLayout.width(of: row.cells[column]))
            }
        }
        for column in widths.indices { widths[column] = max(widths[column], values[column]) }
        let layout = TableLayout(
            natural: widths, values: values, width: isFull ? nil : width, cuts: !isFull && width != nil)
        removeProgress()
        sink.append(layout.header(columns, isColored: isColored))
        for row in held { layout.row(row, sink.append) }
        held = []
        heldBytes = 0
        self.layout = layout
        sink.flush()
    }

    package func progress(_ what: String, done: Int, total: Int?) {
        // A line between the rows of a table that goes to a program would spoil it.
        if columns != nil, !isTerminal { return }
        let time = now()
        if progressLine?.isAbout(what) != true {
            progressLine = ProgressLine(what, began: time, done: done)
            progressShown = nil
        }
        let isLast = total.map { done >= $0 } ?? false
        let pause: Duration = isTerminal ? .milliseconds(100) : .seconds(1)
        if let progressShown, time - progressShown < pause, !isLast { return }
        progressShown = time
        guard let line = progressLine?.text(done: done, total: total, now: time) else { return }
        if isTerminal {
            let room = max(10, (width ?? 80) - 1)
            sink.append(
                "\r" + DisplayWidth.prefix(line[...], columns: room) + "\u{1b}[K" + (isLast ? "\n" : ""))
            isOnProgressLine = !isLast
        } else {
            sink.append(line + "\n")
        }
        if isLast { progressLine = nil }
        sink.flush()
    }

    private func removeProgress() {
        guard isOnProgressLine else { return }
        sink.append("\r\u{1b}[K")
        isOnProgressLine = false
    }

    package func flush() { sink.flush() }

    package func finish() {
        if columns != nil { endTable() }
        removeProgress()
        sink.flush()
    }
}
