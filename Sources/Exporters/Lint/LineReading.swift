/// One sample line of a text format: `name{label="value"} 12 # {trace_id="…"} 0.5 1764478399.25`.
struct SampleLine {
    var name = ""
    var labels: [(name: String, value: String)] = []
    /// As it stands there.
    var value = ""
    var timestamp: String?
    /// What stands after `#`; nil when there is none.
    var exemplar: (labels: [(name: String, value: String)], value: String, timestamp: String?)?

    /// What a line is not.
    struct Malformed: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// - Parameter line: without its line feed.
    init(_ line: Substring.UTF8View) throws(Malformed) {
        var reader = LineReader(line)
        name = reader.word { $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: " ") }
        if reader.take(UInt8(ascii: "{")) { labels = try reader.labels() }
        guard reader.take(UInt8(ascii: " ")) else { throw Malformed("no blank before the value") }
        value = reader.word { $0 != UInt8(ascii: " ") }
        guard reader.take(UInt8(ascii: " ")) else {
            try Self.end(&reader)
            return
        }
        if reader.next != UInt8(ascii: "#") {
            timestamp = reader.word { $0 != UInt8(ascii: " ") }
            guard reader.take(UInt8(ascii: " ")) else {
                try Self.end(&reader)
                return
            }
        }
        guard reader.take(UInt8(ascii: "#")), reader.take(UInt8(ascii: " ")), reader.take(UInt8(ascii: "{"))
        else {
            throw Malformed("what stands after the value is no exemplar")
        }
        let exemplarLabels = try reader.labels()
        guard reader.take(UInt8(ascii: " ")) else { throw Malformed("no blank before the exemplar's value") }
        let exemplarValue = reader.word { $0 != UInt8(ascii: " ") }
        var exemplarTime: String?
        if reader.take(UInt8(ascii: " ")) { exemplarTime = reader.word { _ in true } }
        exemplar = (exemplarLabels, exemplarValue, exemplarTime)
        try Self.end(&reader)
    }

    private static func end(_ reader: inout LineReader) throws(Malformed) {
        if reader.next != nil { throw Malformed("the line goes on where it should end") }
    }
}

/// Reads a line front to back.
private struct LineReader {
    private var rest: Substring.UTF8View

    init(_ line: Substring.UTF8View) { rest = line }

    var next: UInt8? { rest.first }

    mutating func take(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest = rest.dropFirst()
        return true
    }

    mutating func word(_ isPart: (UInt8) -> Bool) -> String {
        let end = rest.firstIndex { !isPart($0) } ?? rest.endIndex
        defer { rest = rest[end...] }
        return String(Substring(rest[..<end]))
    }

    /// After `{`, up to and with `}`.
    mutating func labels() throws(SampleLine.Malformed) -> [(name: String, value: String)] {
        var labels: [(name: String, value: String)] = []
        if take(UInt8(ascii: "}")) { return labels }
        repeat {
            let name = word { $0 != UInt8(ascii: "=") }
            guard take(UInt8(ascii: "=")), take(UInt8(ascii: "\"")) else {
                throw SampleLine.Malformed("a label without =\"")
            }
            labels.append((name, try quoted()))
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw SampleLine.Malformed("the labels do not end") }
        return labels
    }

    /// After the first quote, up to and with the last.
    private mutating func quoted() throws(SampleLine.Malformed) -> String {
        var bytes: [UInt8] = []
        while let byte = rest.first {
            rest = rest.dropFirst()
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                switch rest.first {
                case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
                case UInt8(ascii: "\""): bytes.append(UInt8(ascii: "\""))
                case UInt8(ascii: "n"): bytes.append(UInt8(ascii: "\n"))
                default: throw SampleLine.Malformed("an escape that there is not")
                }
                rest = rest.dropFirst()
            default: bytes.append(byte)
            }
        }
        throw SampleLine.Malformed("a label's value does not end")
    }
}
