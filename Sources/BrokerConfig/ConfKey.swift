/// The name of a setting: words of `A-Z a-z 0-9 _ -` joined by dots; `\.` is a dot inside a word.
package struct ConfKey: Hashable, Sendable, CustomStringConvertible {
    /// The words without the dots between them; a word holds a dot where the key has `\.`. Never empty.
    package let words: [String]

    /// - Precondition: `words` is not empty.
    init(words: [String]) {
        self.words = words
    }

    /// - Returns: `nil` when `text` is not a key.
    package init?(_ text: String) {
        var bytes = Array(text.utf8)[...]
        guard let key = ConfKey(reading: &bytes), bytes.isEmpty else { return nil }
        self = key
    }

    /// Takes a key from the front of `bytes`, which then begin behind it. A key may have any length: who keeps it asks
    /// `ConfigLimits.keyByteCount` first.
    init?(reading bytes: inout ArraySlice<UInt8>) {
        var words: [String] = []
        var word: [UInt8] = []
        var rest = bytes
        while let byte = rest.first {
            if byte == UInt8(ascii: "\\"), rest.dropFirst().first == UInt8(ascii: ".") {
                word.append(UInt8(ascii: "."))
                rest = rest.dropFirst(2)
            } else if byte == UInt8(ascii: ".") {
                guard !word.isEmpty else { return nil }
                words.append(String(decoding: word, as: UTF8.self))
                word = []
                rest = rest.dropFirst()
            } else if Self.isWordByte(byte) {
                word.append(byte)
                rest = rest.dropFirst()
            } else {
                break
            }
        }
        guard !word.isEmpty else { return nil }
        self.words = words + [String(decoding: word, as: UTF8.self)]
        bytes = rest
    }

    /// As it is written in a file.
    package var description: String {
        words.map { word in
            word.split(separator: ".", omittingEmptySubsequences: false).joined(separator: "\\.")
        }
        .joined(separator: ".")
    }

    /// A byte that a key may hold, as it is written.
    static func isKeyByte(_ byte: UInt8) -> Bool {
        isWordByte(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "\\")
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
