import Admin

/// Keeps what was said to it.
final class RecordedOutput: AdminOutput {
    enum Event: Equatable {
        case text(String)
        case alert(String)
        case list(String?, [String])
        case begin([String])
        case row([Cell])
        case end
        case progress(String, Int, Int?)
    }

    var events: [Event] = []
    var isCancelled = false

    func text(_ text: String) { events.append(.text(text)) }
    func alert(_ text: String) { events.append(.alert(text)) }
    func list(title: String?, _ items: [String]) { events.append(.list(title, items)) }
    func beginTable(_ columns: [String]) { events.append(.begin(columns)) }
    func row(_ cells: [Cell]) { events.append(.row(cells)) }
    func endTable() { events.append(.end) }
    func progress(_ what: String, done: Int, total: Int?) { events.append(.progress(what, done, total)) }

    /// Says the same to another output.
    func replay(to output: any AdminOutput) {
        for event in events {
            switch event {
            case .text(let text): output.text(text)
            case .alert(let text): output.alert(text)
            case .list(let title, let items): output.list(title: title, items)
            case .begin(let columns): output.beginTable(columns)
            case .row(let cells): output.row(cells)
            case .end: output.endTable()
            case .progress(let what, let done, let total): output.progress(what, done: done, total: total)
            }
        }
    }
}

/// Collects bytes, and hangs up after some of them.
final class CollectedBytes {
    var bytes: [UInt8] = []
    var pieces = 0
    var hangsUpAfter = Int.max

    func take(_ piece: [UInt8]) -> Bool {
        bytes += piece
        pieces += 1
        return pieces < hangsUpAfter
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A clock that stands still until it is set.
final class StandingClock {
    var time = Duration.zero
}

/// Random numbers that are the same in every run (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A text of what terminals, escapes and tables stumble over.
    mutating func text(_ most: Int = 12) -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "b", " ", "=", "-", "\t", "\n", "\r", "\\", "\"", ",", "\u{1b}", "\u{0}", "\u{301}", "漢",
            "😀", "é",
            "\u{202e}", "\u{9b}", "|", "'", "\u{7f}", "\u{200d}",
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...most, using: &self) {
            text.append(scalars.randomElement(using: &self) ?? "a")
        }
        return String(text)
    }

    mutating func cell() -> Cell {
        switch Int.random(in: 0..<6, using: &self) {
        case 0: .integer(Int.random(in: .min ... .max, using: &self))
        case 1: .real(Double.random(in: -1e9...1e9, using: &self))
        case 2: .boolean(Bool.random(using: &self))
        case 3: .null
        case 4: .undefined
        default: .text(text())
        }
    }

    /// What some command might say.
    mutating func output(_ most: Int = 8) -> RecordedOutput {
        let output = RecordedOutput()
        for _ in 0..<Int.random(in: 0...most, using: &self) {
            switch Int.random(in: 0..<5, using: &self) {
            case 0: output.text(text())
            case 1: output.alert(text())
            case 2:
                let count = Int.random(in: 0...3, using: &self)
                let title = Bool.random(using: &self) ? text() : nil
                output.list(title: title, (0..<count).map { _ in text() })
            case 3: output.progress(text(), done: Int.random(in: 0...9, using: &self), total: nil)
            default:
                let columns = (0..<Int.random(in: 1...4, using: &self)).map { _ in text() }
                output.beginTable(columns)
                for _ in 0..<Int.random(in: 0...4, using: &self) { output.row(columns.map { _ in cell() }) }
                output.endTable()
            }
        }
        return output
    }
}
