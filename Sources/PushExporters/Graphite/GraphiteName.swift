/// Makes texts fit into Graphite's keys. A blank ends a key, a dot begins a folder, a semicolon begins a tag; a line end
/// ends the line.
enum GraphiteName {
    /// A component of a path is a file name on Graphite's disk: 255 bytes with the name of the label and `.wsp`.
    private static let longestWord = 180

    /// A part of one component: everything but `A-Z a-z 0-9 _ -` becomes `_`.
    static func word(_ text: String) -> String {
        replacing(text, limit: longestWord) { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    /// What stands before all names: dots part it, and stand at neither end.
    static func path(_ text: String) -> String {
        let parts = text.split(separator: ".")
        return parts.map { part in
            replacing(String(part), limit: .max) { isVisible($0) && $0 != UInt8(ascii: ";") }
        }.joined(separator: ".")
    }

    /// The value of a tag: ASCII without `;`, and `~` is not its first.
    /// https://graphite.readthedocs.io/en/latest/tags.html
    static func tagValue(_ text: String) -> String {
        replacing(text, limit: .max) {
            isVisible($0) && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "~")
        }
    }

    private static func isVisible(_ byte: UInt8) -> Bool { 0x21...0x7E ~= byte }

    private static func replacing(_ text: String, limit: Int, _ isKept: (UInt8) -> Bool) -> String {
        String(
            decoding: text.utf8.prefix(limit).map { isKept($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
    }
}
