/// The JSON of VerneMQ's `--format=json` and of its HTTP API.
///
///     {"text":"Done","type":"text"}                  one element: the object, without a line feed
///     [{"table":[…],"type":"table"},{"alert":…}]     several: an array and a line feed
///     []                                             none: the same
///
/// Whether there is one element or several is known at the end only. So the first is held until a second one begins, or
/// the end comes. A table that has grown over 1 MB is not held any longer: it is written as a single object, and what
/// follows it stands in a member of that object, `"more":[…]`.
///
/// A command that goes on until it is stopped has no end to wait for: each of its elements is a line of its own.
///
/// Texts lose the blanks at their ends, as in VerneMQ. Cells do not: a client id may have them.
package final class JSONOutput: AdminRenderer {
    private enum Stage {
        /// Nothing, or a first element that may be the only one.
        case holding
        /// Within the array of elements.
        case array
        /// Each element has a line of its own.
        case lines
        /// A first table has been written as a single object, except its end. `hasMore`: its member `more` has begun.
        case object(hasMore: Bool)
        case finished
    }

    private let sink: ByteSink
    private var stage: Stage
    private var first: [UInt8] = []
    private var elementCount = 0
    /// The keys of the open table, each quoted and with its colon.
    private var keys: [String]?
    private var hasRows = false

    private static let mostHeldBytes = 1 << 20

    /// - Parameters:
    ///   - isStream: whether each element is a line, to be read as it comes.
    ///   - isGone: whether the reader has gone while there was nothing to say.
    ///   - sink: takes the bytes; false = the reader has gone.
    package init(
        isStream: Bool = false, isGone: @escaping () -> Bool = { false }, sink: @escaping ([UInt8]) -> Bool
    ) {
        stage = isStream ? .lines : .holding
        self.sink = ByteSink(isGone: isGone, sink)
    }

    /// Takes what is said beside the result; without it that is lost.
    package var remarks: (String) -> Void = { _ in }

    package var isCancelled: Bool { sink.isClosed }

    package func note(_ text: String) {
        flush()
        remarks(SafeText.make(text, isMultiline: true))
    }

    package func text(_ text: String) {
        element(Self.textElement(text))
    }

    package func alert(_ text: String) {
        element("{\"alert\":[\(Self.textElement(text))],\"type\":\"alert\"}")
    }

    package func list(title: String?, _ items: [String]) {
        let words = items.map { JSONText.quoted(JSONText.trimmed($0)) }.joined(separator: ",")
        let title = title.map { "\"title\":\(JSONText.quoted(JSONText.trimmed($0)))," } ?? ""
        element("{\"list\":[\(words)],\(title)\"type\":\"list\"}")
    }

    package func beginTable(_ columns: [String]) {
        if keys != nil { endTable() }
        beginElement()
        keys = columns.map { JSONText.quoted($0) + ":" }
        hasRows = false
        write("{\"table\":[")
    }

    package func row(_ cells: [Cell]) {
        guard let keys, !sink.isClosed else { return }
        var text = hasRows ? ",{" : "{"
        for (column, key) in keys.enumerated() {
            if column > 0 { text += "," }
            text += key
            text += column < cells.count ? JSONText.value(cells[column]) : "null"
        }
        text += "}"
        hasRows = true
        write(text)
        if case .holding = stage, first.count > Self.mostHeldBytes {
            stage = .object(hasMore: false)
            sink.append(first)
            first = []
        }
    }

    package func endTable() {
        guard keys != nil else { return }
        keys = nil
        // The end of a single object waits for what may still have to go into it.
        if case .object(hasMore: false) = stage { write("]") } else { write("],\"type\":\"table\"}") }
        endLine()
        sink.flush()
    }

    /// A program that reads results has no use for it.
    package func progress(_ what: String, done: Int, total: Int?) {}

    package func flush() { sink.flush() }

    package func finish() {
        if keys != nil { endTable() }
        switch stage {
        case .holding:
            sink.append(first)
            if elementCount == 0 { sink.append("[]\n") }
        case .array: sink.append("]\n")
        case .object(let hasMore): sink.append((hasMore ? "]" : "") + ",\"type\":\"table\"}")
        case .lines, .finished: break
        }
        first = []
        stage = .finished
        sink.flush()
    }

    private static func textElement(_ text: String) -> String {
        "{\"text\":\(JSONText.quoted(JSONText.trimmed(text))),\"type\":\"text\"}"
    }

    private func element(_ json: String) {
        if keys != nil { endTable() }
        beginElement()
        write(json)
        endLine()
        sink.flush()
    }

    private func endLine() {
        if case .lines = stage { sink.append("\n") }
    }

    /// Writes what stands before an element.
    private func beginElement() {
        elementCount += 1
        guard elementCount > 1 else { return }
        switch stage {
        case .holding:
            stage = .array
            sink.append("[")
            sink.append(first)
            sink.append(",")
            first = []
        case .array, .object(hasMore: true): sink.append(",")
        case .object(hasMore: false):
            sink.append(",\"more\":[")
            stage = .object(hasMore: true)
        case .lines, .finished: break
        }
    }

    private func write(_ json: String) {
        switch stage {
        case .holding: first.append(contentsOf: json.utf8)
        case .array, .object, .lines: sink.append(json)
        case .finished: break
        }
    }
}
