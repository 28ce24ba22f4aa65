/// Reads the lines of `WireFormat` from bytes in any pieces, and says them again to another output.
///
///     reading → ended   [the line `e`]
///     reading → failed  [a line that is none]
package struct WireReader {
    /// A line that no broker sends.
    package struct Malformed: Error, Equatable {
        package enum Problem: Sendable, Equatable {
            /// A line is longer than 16 MB, or has more cells than 1,048,576.
            case tooLong
            /// A line begins with an unknown letter, or has other cells than belong to it.
            case unknownEvent
            /// A row outside a table, or one with more or fewer cells than the table has columns.
            case misplacedRow
            /// Something came after the end.
            case afterEnd
        }

        package let problem: Problem
        /// The number of the line, from 1.
        package let line: Int
    }

    private let output: any AdminOutput
    private var buffer: [UInt8] = []
    private var lineNumber = 1
    private var columnCount: Int?
    private var failure: Malformed?
    /// The exit status, when the end was read.
    package private(set) var status: Int?

    package init(_ output: any AdminOutput) { self.output = output }

    /// Reads bytes as they come.
    ///
    /// - Throws: `Malformed`, and the same again each time after it.
    package mutating func receive(_ bytes: [UInt8]) throws(Malformed) {
        if let failure { throw failure }
        do throws(Malformed) {
            try read(bytes)
        } catch {
            failure = error
            buffer = []
            throw error
        }
    }

    private mutating func read(_ bytes: [UInt8]) throws(Malformed) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: WireFormat.lineFeed) {
            try checkRoom(rest[..<end].count)
            if buffer.isEmpty {
                try line(rest[..<end])
            } else {
                buffer.append(contentsOf: rest[..<end])
                let whole = buffer
                buffer.removeAll(keepingCapacity: whole.count < 1 << 20)
                try line(whole[...])
            }
            lineNumber += 1
            rest = rest[end...].dropFirst()
        }
        try checkRoom(rest.count)
        buffer.append(contentsOf: rest)
    }

    private func checkRoom(_ count: Int) throws(Malformed) {
        if buffer.count + count > WireFormat.longestLine { throw malformed(.tooLong) }
    }

    private func malformed(_ problem: Malformed.Problem) -> Malformed {
        Malformed(problem: problem, line: lineNumber)
    }

    private mutating func line(_ line: ArraySlice<UInt8>) throws(Malformed) {
        guard let kind = line.first else { return }
        if status != nil { throw malformed(.afterEnd) }
        let cells = try split(line.dropFirst())
        switch kind {
        case UInt8(ascii: "x"): output.text(try onlyText(cells))
        case UInt8(ascii: "a"): output.alert(try onlyText(cells))
        case UInt8(ascii: "n"): output.note(try onlyText(cells))
        case UInt8(ascii: "l"): try list(cells)
        case UInt8(ascii: "c"):
            columnCount = cells.count
            output.beginTable(try texts(cells))
        case UInt8(ascii: "r"): try row(cells)
        case UInt8(ascii: "z"):
            guard cells.isEmpty, columnCount != nil else { throw malformed(.misplacedRow) }
            columnCount = nil
            output.endTable()
        case UInt8(ascii: "p"): try progress(cells)
        case UInt8(ascii: "e"):
            guard let status = Int(try onlyText(cells)), (0...255).contains(status) else {
                throw malformed(.unknownEvent)
            }
            self.status = status
        default: throw malformed(.unknownEvent)
        }
    }

    /// The cells behind the letter: each has a tab before it.
    private func split(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> [ArraySlice<UInt8>] {
        guard let first = bytes.first else { return [] }
        guard first == WireFormat.tab else { throw malformed(.unknownEvent) }
        let cells = bytes.dropFirst().split(
            separator: WireFormat.tab, maxSplits: WireFormat.mostCells, omittingEmptySubsequences: false)
        if cells.count > WireFormat.mostCells { throw malformed(.tooLong) }
        return cells
    }

    private func onlyText(_ cells: [ArraySlice<UInt8>]) throws(Malformed) -> String {
        guard cells.count == 1, let text = WireFormat.text(cells[0]) else { throw malformed(.unknownEvent) }
        return text
    }

    private func texts(_ cells: some Sequence<ArraySlice<UInt8>>) throws(Malformed) -> [String] {
        var texts: [String] = []
        for cell in cells {
            guard let text = WireFormat.text(cell) else { throw malformed(.unknownEvent) }
            texts.append(text)
        }
        return texts
    }

    private func list(_ cells: [ArraySlice<UInt8>]) throws(Malformed) {
        guard let first = cells.first, let title = WireFormat.cell(first) else {
            throw malformed(.unknownEvent)
        }
        let items = try texts(cells.dropFirst())
        switch title {
        case .text(let title): output.list(title: title, items)
        case .null: output.list(title: nil, items)
        default: throw malformed(.unknownEvent)
        }
    }

    private func row(_ cells: [ArraySlice<UInt8>]) throws(Malformed) {
        guard cells.count == columnCount else { throw malformed(.misplacedRow) }
        var row: [Cell] = []
        row.reserveCapacity(cells.count)
        for cell in cells {
            guard let cell = WireFormat.cell(cell) else { throw malformed(.unknownEvent) }
            row.append(cell)
        }
        output.row(row)
    }

    private func progress(_ cells: [ArraySlice<UInt8>]) throws(Malformed) {
        let parts = try texts(cells)
        guard parts.count == 3, let done = Int(parts[1]) else { throw malformed(.unknownEvent) }
        let total = Int(parts[2])
        if total == nil, !parts[2].isEmpty { throw malformed(.unknownEvent) }
        output.progress(parts[0], done: done, total: total)
    }
}
