import Primitives

/// The lines of a request's head, each ended by CR LF and the last one empty.
struct HTTPHead {
    /// A name and a value that stand in one line.
    struct Header {
        /// In lower case.
        var name: [UInt8]
        /// Without white space around it.
        var value: ArraySlice<UInt8>
    }

    private let lines: [ArraySlice<UInt8>]

    /// - Parameter bytes: a head as `WebSocketUpgrade` has found it.
    init(_ bytes: [UInt8]) {
        lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .dropLast(2).map { $0.dropLast() }
    }

    /// Method, target and version, between single spaces.
    func requestLine() throws(WebSocketUpgradeProblem) -> (
        method: ArraySlice<UInt8>, target: ArraySlice<UInt8>, version: ArraySlice<UInt8>
    ) {
        let parts = (lines.first ?? []).split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(HTTPText.isTokenByte),
            !parts[1].isEmpty
        else { throw .requestLine }
        return (parts[0], parts[1], parts[2])
    }

    func headers(maximumValueByteCount: Int) throws(WebSocketUpgradeProblem) -> [Header] {
        var headers: [Header] = []
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                line[..<colon].allSatisfy(HTTPText.isTokenByte)
            else { throw .header }
            let value = HTTPText.trimmed(line[(colon + 1)...])
            guard value.count <= maximumValueByteCount else { throw .headerTooLong }
            headers.append(Header(name: HTTPText.lowercased(line[..<colon]), value: value))
        }
        return headers
    }
}

/// Text of headers: ASCII, compared without regard to case where the standard says so.
enum HTTPText {
    /// What names and elements of lists may be made of [RFC 9110, 5.6.2].
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"),
            UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"),
            UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    static func lowercased(_ text: some Sequence<UInt8>) -> [UInt8] {
        text.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
    }

    /// Without spaces and tabs at both ends.
    static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = text
        while let first = text.first, isBlank(first) { text = text.dropFirst() }
        while let last = text.last, isBlank(last) { text = text.dropLast() }
        return text
    }

    /// The elements of a list: parts between commas, without white space around them and without empty ones.
    static func elements(_ values: [ArraySlice<UInt8>]) -> [ArraySlice<UInt8>] {
        values.flatMap { $0.split(separator: UInt8(ascii: ",")).map(trimmed).filter { !$0.isEmpty } }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
