extension Cell {
    /// The cell as a human table and CSV show it.
    package var displayText: String {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        case .real(let number): "\(number)"
        case .boolean(let flag): flag ? "true" : "false"
        case .null: "null"
        case .undefined: "undefined"
        }
    }
}
