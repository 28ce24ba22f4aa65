/// Writes what a command says in the lines of `WireFormat`, for the `vmq-admin` program to draw.
package final class WireOutput: AdminRenderer {
    private let sink: ByteSink
    private let now: () -> Duration
    private var columnCount: Int?
    private var progressSent: Duration?
    private var progressOf: String?
    private var hasEnded = false

    /// - Parameters:
    ///   - now: the time since any moment in the past: progress is sent ten times a second at most.
    ///   - isGone: whether the reader has gone while there was nothing to say.
    ///   - sink: takes the bytes; false = the reader has gone.
    package init(
        now: @escaping () -> Duration, isGone: @escaping () -> Bool = { false },
        sink: @escaping ([UInt8]) -> Bool
    ) {
        self.now = now
        self.sink = ByteSink(isGone: isGone, sink)
    }

    package var isCancelled: Bool { sink.isClosed }

    package func text(_ text: String) {
        event("x", [text])
        sink.flush()
    }

    package func alert(_ text: String) {
        event("a", [text])
        sink.flush()
    }

    package func note(_ text: String) {
        event("n", [text])
        sink.flush()
    }

    package func list(title: String?, _ items: [String]) {
        var line: [UInt8] = [UInt8(ascii: "l"), WireFormat.tab]
        WireFormat.append(Cell(title), to: &line)
        for item in items.prefix(WireFormat.mostCells - 2) {
            line.append(WireFormat.tab)
            WireFormat.append(item, to: &line)
        }
        send(line)
        sink.flush()
    }

    package func beginTable(_ columns: [String]) {
        if columnCount != nil { endTable() }
        columnCount = columns.count
        event("c", columns)
    }

    package func row(_ cells: [Cell]) {
        guard let columnCount, !sink.isClosed else { return }
        var line: [UInt8] = [UInt8(ascii: "r")]
        for column in 0..<columnCount {
            line.append(WireFormat.tab)
            WireFormat.append(column < cells.count ? cells[column] : .null, to: &line)
        }
        send(line)
    }

    package func endTable() {
        guard columnCount != nil else { return }
        columnCount = nil
        event("z", [])
        sink.flush()
    }

    package func progress(_ what: String, done: Int, total: Int?) {
        let time = now()
        let isLast = total.map { done >= $0 } ?? false
        if progressOf == what, let progressSent, time - progressSent < .milliseconds(100), !isLast { return }
        progressOf = what
        progressSent = time
        event("p", [what, String(done), total.map(String.init) ?? ""])
        sink.flush()
    }

    /// Tells the reader that the broker is still at work: it may take a silent connection for a lost one. And tells the
    /// broker whether there is a reader: see `isCancelled`.
    package func heartbeat() {
        send([])
        sink.flush()
    }

    package func flush() { sink.flush() }

    /// Everything is said.
    ///
    /// - Parameter status: the exit status of `vmq-admin`.
    package func end(status: Int) {
        guard !hasEnded else { return }
        hasEnded = true
        if columnCount != nil { endTable() }
        event("e", [String(status)])
        sink.flush()
    }

    /// Ends with status 0, unless `end(status:)` was called.
    package func finish() { end(status: 0) }

    private func event(_ kind: Unicode.Scalar, _ texts: [String]) {
        var line = [UInt8(ascii: kind)]
        for text in texts {
            line.append(WireFormat.tab)
            WireFormat.append(text, to: &line)
        }
        send(line)
    }

    private func send(_ line: [UInt8]) {
        var line = line
        if line.count > WireFormat.longestLine - 1 {
            // No reader would take it. What is lost is said.
            line = [UInt8(ascii: "a"), WireFormat.tab]
            WireFormat.append("A line of over 16 MB was left out.", to: &line)
        }
        line.append(WireFormat.lineFeed)
        sink.append(line)
    }
}
