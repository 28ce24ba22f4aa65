import Glibc

/// How the terminal behind standard output wants to be written to.
struct Terminal: Equatable {
    /// Whether standard output is a terminal.
    let isTerminal: Bool
    /// Its columns; nil = not known, or it is none.
    let width: Int?
    /// Its lines; nil = not known, or it is none.
    let rows: Int?
    /// Whether headings, errors and states have colours.
    let isColored: Bool
    /// Whether the cursor can go back in a line.
    let canMove: Bool

    /// - Parameters:
    ///   - columns: what the terminal itself says; 0 = nothing.
    ///   - rows: likewise.
    init(isTerminal: Bool, columns: Int, rows: Int = 0, environment: [String: String]) {
        self.isTerminal = isTerminal
        let given = environment["COLUMNS"].flatMap { Int($0) } ?? 0
        let width = columns > 0 ? columns : given
        self.width = isTerminal && width > 0 ? width : nil
        self.rows = isTerminal && rows > 0 ? rows : nil
        canMove = isTerminal && environment["TERM"] != "dumb"
        // https://no-color.org: any value but an empty one.
        isColored = canMove && environment["NO_COLOR"]?.isEmpty ?? true
    }

    /// Whether standard error has colours.
    static func isErrorColored(_ environment: [String: String]) -> Bool {
        Terminal(isTerminal: isatty(STDERR_FILENO) == 1, columns: 0, environment: environment).isColored
    }

    /// The one that is there.
    static func current(_ environment: [String: String]) -> Terminal {
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0
        return Terminal(
            isTerminal: isatty(STDOUT_FILENO) == 1, columns: isKnown ? Int(size.ws_col) : 0,
            rows: isKnown ? Int(size.ws_row) : 0, environment: environment)
    }
}
