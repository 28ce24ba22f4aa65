/// Comma-separated values (RFC 4180): a table is a header and its rows, a text or a remark a record of one field, a list
/// a record of its words. Tables after the first have an empty line before them.
package final class CSVOutput: AdminRenderer {
    private let sink: ByteSink
    private let isTerminal: Bool
    private var columnCount: Int?
    private var hasTable = false

    /// - Parameters:
    ///   - isTerminal: whether control characters are made harmless; a program gets the bytes as they are.
    ///   - sink: takes the bytes; false = the reader has gone.
    package init(isTerminal: Bool = false, sink: @escaping ([UInt8]) -> Bool) {
        self.isTerminal = isTerminal
        self.sink = ByteSink(sink)
    }

    /// Takes what is said beside the result; without it that is lost.
    package var remarks: (String) -> Void = { _ in }

    package var isCancelled: Bool { sink.isClosed }

    package func note(_ text: String) {
        flush()
        remarks(SafeText.make(text, isMultiline: true))
    }

    package func text(_ text: String) {
        record([text])
        sink.flush()
    }

    package func alert(_ text: String) { self.text(text) }

    package func list(title: String?, _ items: [String]) {
        record(items)
        sink.flush()
    }

    package func beginTable(_ columns: [String]) {
        if hasTable { sink.append("\r\n") }
        hasTable = true
        columnCount = columns.count
        record(columns)
    }

    package func row(_ cells: [Cell]) {
        guard let columnCount, !sink.isClosed else { return }
        record((0..<columnCount).map { $0 < cells.count ? cells[$0].displayText : "" })
    }

    package func endTable() {
        columnCount = nil
        sink.flush()
    }

    /// A program that reads results has no use for it.
    package func progress(_ what: String, done: Int, total: Int?) {}

    package func flush() { sink.flush() }

    package func finish() { sink.flush() }

    private func record(_ fields: [String]) {
        sink.append(fields.map(field).joined(separator: ",") + "\r\n")
    }

    private func field(_ text: String) -> String {
        let text = isTerminal ? SafeText.make(text, isMultiline: true) : text
        let needsQuotes = text.utf8.contains {
            $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == 0x0a || $0 == 0x0d
        }
        guard needsQuotes else { return text }
        var quoted = String.UnicodeScalarView("\"".unicodeScalars)
        for scalar in text.unicodeScalars {
            if scalar == "\"" { quoted.append(scalar) }
            quoted.append(scalar)
        }
        quoted.append("\"")
        return String(quoted)
    }
}
