/// The lines in which a broker sends what a command says to `vmq-admin`, which draws it for its terminal. One event a
/// line: a letter, and cells with a tab before each. Of a text, `\`, tab, line feed and carriage return are written as
/// `\\`, `\t`, `\n`, `\r`.
///
///     x  text              a text
///     a  text              an alert
///     l  title item…       a list; the title is a cell
///     c  column…           a table begins
///     r  cell…             a row: each cell has the letter of its type before its value
///     z                    the table ends
///     n  text              a remark beside the result
///     p  what done total   progress; the total may be empty
///     e  status            the end, with the exit status
///     (an empty line)      nothing: the broker is still at work
///
/// Cells: `s` text, `i` whole number, `d` number, `b` and `1` or `0`, `n` null, `u` undefined.
enum WireFormat {
    /// A line may have this many bytes.
    static let longestLine = 16 << 20
    /// A line may have this many cells.
    static let mostCells = 1 << 20

    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let backslash = UInt8(ascii: "\\")

    static func append(_ text: String, to line: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case tab: line.append(contentsOf: [backslash, UInt8(ascii: "t")])
            case lineFeed: line.append(contentsOf: [backslash, UInt8(ascii: "n")])
            case UInt8(ascii: "\r"): line.append(contentsOf: [backslash, UInt8(ascii: "r")])
            case backslash: line.append(contentsOf: [backslash, backslash])
            default: line.append(byte)
            }
        }
    }

    static func append(_ cell: Cell, to line: inout [UInt8]) {
        switch cell {
        case .text(let text):
            line.append(UInt8(ascii: "s"))
            append(text, to: &line)
        case .integer(let number): line.append(contentsOf: "i\(number)".utf8)
        case .real(let number): line.append(contentsOf: "d\(number)".utf8)
        case .boolean(let flag): line.append(contentsOf: (flag ? "b1" : "b0").utf8)
        case .null: line.append(UInt8(ascii: "n"))
        case .undefined: line.append(UInt8(ascii: "u"))
        }
    }

    /// The text of escaped bytes; nil = a backslash stands before something else.
    static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.contains(backslash) else { return String(decoding: bytes, as: UTF8.self) }
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var isEscaped = false
        for byte in bytes {
            if isEscaped {
                switch byte {
                case UInt8(ascii: "t"): plain.append(tab)
                case UInt8(ascii: "n"): plain.append(lineFeed)
                case UInt8(ascii: "r"): plain.append(UInt8(ascii: "\r"))
                case backslash: plain.append(backslash)
                default: return nil
                }
                isEscaped = false
            } else if byte == backslash {
                isEscaped = true
            } else {
                plain.append(byte)
            }
        }
        return isEscaped ? nil : String(decoding: plain, as: UTF8.self)
    }

    /// The cell of its bytes; nil = they are none.
    static func cell(_ bytes: ArraySlice<UInt8>) -> Cell? {
        guard let type = bytes.first else { return nil }
        let value = bytes.dropFirst()
        switch type {
        case UInt8(ascii: "s"): return text(value).map { .text($0) }
        case UInt8(ascii: "i"): return Int(String(decoding: value, as: UTF8.self)).map { .integer($0) }
        case UInt8(ascii: "d"): return Double(String(decoding: value, as: UTF8.self)).map { .real($0) }
        case UInt8(ascii: "b"):
            return value.elementsEqual("1".utf8)
                ? .boolean(true) : value.elementsEqual("0".utf8) ? .boolean(false) : nil
        case UInt8(ascii: "n"): return value.isEmpty ? .null : nil
        case UInt8(ascii: "u"): return value.isEmpty ? .undefined : nil
        default: return nil
        }
    }
}
