/// The shapes of a token, told by its bytes: for `String` a `-` with a combining accent behind it is another character.
enum Token {
    static func isDashed(_ token: String) -> Bool { token.utf8.first == UInt8(ascii: "-") }

    static func isDoubleDashed(_ token: String) -> Bool { token.utf8.starts(with: "--".utf8) }

    /// Whether it can be a word of a command.
    static func isWord(_ token: String) -> Bool {
        !isDashed(token) && !token.utf8.contains(UInt8(ascii: "="))
    }

    /// Whether it is a flag: a negative number is not, nor is a dash alone.
    static func isFlag(_ token: String) -> Bool {
        guard isDashed(token), token.utf8.count > 1, token != "--" else { return false }
        return !token.utf8.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// The token without its first bytes.
    static func dropping(_ count: Int, _ token: String) -> String {
        String(decoding: token.utf8.dropFirst(count), as: UTF8.self)
    }

    /// `name=value`, cut at the first `=`.
    static func split(_ token: String) -> (name: String, value: String?) {
        guard let equals = token.utf8.firstIndex(of: UInt8(ascii: "=")) else { return (token, nil) }
        return (
            String(decoding: token.utf8[..<equals], as: UTF8.self),
            String(decoding: token.utf8[equals...].dropFirst(), as: UTF8.self)
        )
    }
}
