import Admin
import Glibc

/// Shows a command's answer anew every few seconds, until Ctrl-C: `--watch`.
///
///     on a terminal   each answer is drawn over the one before, cut to the screen, without flicker
///     elsewhere       one answer after the other
///
/// The first answer decides: where it fails, the program ends with its status. Later ones may fail, as a broker that is
/// started anew lets them; what was the matter is on the screen then.
struct LiveView {
    private let seconds: Int
    private let title: String
    private let environment: [String: String]
    private let interrupts = Interrupts()
    private let output: StandardOutput
    private var isBegun = false

    /// Where one answer goes.
    final class Frame {
        /// Ends the question.
        let interrupts: Interrupts?
        /// Takes the answer as it comes; nil = it is held, to be drawn at once.
        let output: StandardOutput?
        private(set) var bytes: [UInt8] = []
        /// Whether there is more than any screen has room for: the rest was not asked for.
        var isFull: Bool { bytes.count >= Self.byteLimit }
        private static let byteLimit = 1 << 20

        init(interrupts: Interrupts?, output: StandardOutput?) {
            self.interrupts = interrupts
            self.output = output
        }

        /// - Returns: false = no more is wanted.
        func write(_ more: [UInt8]) -> Bool {
            if let output { return output.write(more) }
            bytes += more
            return !isFull
        }

        /// What is said beside the answer.
        func remark(_ text: String) {
            if output != nil { StandardError.write(text + "\n") } else { bytes += Array((text + "\n").utf8) }
        }
    }

    /// - Parameters:
    ///   - seconds: between two answers.
    ///   - title: what is shown, for the first line.
    init(seconds: Int, title: String, environment: [String: String]) {
        self.seconds = seconds
        self.title = title
        self.environment = environment
        output = StandardOutput(interrupts: interrupts)
    }

    /// - Parameter ask: carries out the command into a frame.
    mutating func run(_ ask: (Frame) -> BrokerCommand.Result) -> BrokerCommand.Result {
        defer { output.endLine() }
        while true {
            let canMove = Terminal.current(environment).canMove
            let frame = Frame(interrupts: interrupts, output: canMove ? nil : output)
            let result = ask(frame)
            if interrupts?.isRaised == true { break }
            if !isBegun, result.status != ExitStatus.done {
                _ = output.write(frame.bytes)
                return result
            }
            if let complaint = result.complaint { frame.remark(complaint) }
            guard canMove ? draw(frame.bytes) : endAnswer(), rest() else { break }
        }
        switch output.end {
        case .readerGone: return BrokerCommand.Result(status: ExitStatus.done)
        case .failed(let number):
            return BrokerCommand.Result(
                status: ExitStatus.failed,
                complaint: "Cannot write to standard output: \(systemText(number)).")
        case nil, .interrupted: return BrokerCommand.Result(status: ExitStatus.interrupted)
        }
    }

    /// Puts the next answer on a line of its own.
    private mutating func endAnswer() -> Bool {
        isBegun = true
        return output.endsInLine ? output.write([UInt8(ascii: "\n")]) : output.end == nil
    }

    private mutating func draw(_ bytes: [UInt8]) -> Bool {
        let terminal = Terminal.current(environment)
        let text = Self.screen(
            bytes, title: "Every \(seconds) s: \(title)", rows: terminal.rows, width: terminal.width,
            isColored: terminal.isColored)
        defer { isBegun = true }
        return output.write(Array(((isBegun ? "" : "\u{1B}[2J") + text).utf8))
    }

    /// The control sequences and lines that put `bytes` onto the screen.
    ///
    /// - Parameters:
    ///   - rows: lines of the terminal; nil = not known, and nothing is cut.
    ///   - width: its columns; likewise.
    static func screen(_ bytes: [UInt8], title: String, rows: Int?, width: Int?, isColored: Bool) -> String {
        // By bytes: CR LF, which ends the records of CSV, is one Character.
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        // The title, and a last line for the cursor.
        let room = rows.map { max($0 - 2, 1) } ?? .max
        if lines.count > room {
            let rest = lines.count - room + 1
            lines.removeLast(rest)
            lines.append("… and \(rest) more lines")
        }
        if let width {
            // A line that wraps would push the first ones off the screen. Lines with bold names fit already.
            lines = lines.map { line in
                line.utf8.count <= width || line.utf8.contains(0x1B)
                    ? line : String(DisplayWidth.prefix(line[...], columns: width))
            }
        }
        let head = isColored ? "\u{1B}[1m\(title)\u{1B}[0m" : title
        // Home; each line cleared behind its text, and all below the last one.
        return "\u{1B}[H" + ([head] + lines).map { $0 + "\u{1B}[K\r\n" }.joined() + "\u{1B}[J"
    }

    /// - Returns: false when Ctrl-C came or the reader has gone.
    private func rest() -> Bool {
        var both = [
            pollfd(fd: interrupts?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: STDOUT_FILENO, events: 0, revents: 0),
        ]
        _ = poll(&both, 2, Int32(seconds) * 1000)
        return both[0].revents == 0 && !output.hasLostReader()
    }
}
