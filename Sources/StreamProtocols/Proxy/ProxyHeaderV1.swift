import Primitives

/// Version 1, a line of text:
///
///     PROXY TCP4 192.0.2.7 198.51.100.1 51234 1883␍␊
///     PROXY TCP6 2001:db8::7 2001:db8::1 51234 1883␍␊
///     PROXY UNKNOWN…␍␊
enum ProxyHeaderV1 {
    private static let carriageReturn = UInt8(ascii: "\r")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let start = Array("PROXY ".utf8)

    static func parse(_ bytes: RawSpan) -> ProxyParse {
        guard ProxyHeader.begins(bytes, with: start) else { return .malformed(.missing) }
        guard bytes.byteCount > start.count else { return .incomplete }
        let limit = min(bytes.byteCount, ProxyHeader.maximumLineByteCount)
        var end = start.count
        while end < limit, bytes.byte(at: end) != carriageReturn, bytes.byte(at: end) != lineFeed { end += 1 }
        let parts = bytes.extracting(start.count..<end).copiedBytes()
            .split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        let line = Line(parts, isComplete: end < limit)
        if let problem = line.problem { return .malformed(problem) }
        guard end < limit else {
            return end < ProxyHeader.maximumLineByteCount ? .incomplete : .malformed(.lineTooLong)
        }
        guard bytes.byte(at: end) == carriageReturn else { return .malformed(.invalidLine) }
        guard end + 1 < ProxyHeader.maximumLineByteCount else { return .malformed(.lineTooLong) }
        guard end + 1 < bytes.byteCount else { return .incomplete }
        guard bytes.byte(at: end + 1) == lineFeed else { return .malformed(.invalidLine) }
        return .header(line.facts, byteCount: end + 2)
    }

    /// What stands behind `PROXY `, as far as it has come.
    private struct Line {
        var facts = ProxyFacts(version: 1)
        var problem: ProxyProblem?

        /// - Parameters:
        ///   - parts: at least one; what was between spaces.
        ///   - isComplete: whether the end of the line has come. If not, the last part may go on.
        init(_ parts: [ArraySlice<UInt8>], isComplete: Bool) {
            let transport = String(decoding: parts[0], as: UTF8.self)
            guard isComplete || parts.count > 1 else {
                if !["TCP4", "TCP6", "UNKNOWN"].contains(where: { $0.hasPrefix(transport) }) {
                    problem = .invalidLine
                }
                return
            }
            switch transport {
            case "TCP4": readAddresses(parts, isIPv6: false, isComplete: isComplete)
            case "TCP6": readAddresses(parts, isIPv6: true, isComplete: isComplete)
            case "UNKNOWN": break  // whatever follows it is to be ignored
            default: problem = .invalidLine
            }
        }

        private mutating func readAddresses(_ parts: [ArraySlice<UInt8>], isIPv6: Bool, isComplete: Bool) {
            var addresses: [IPAddress] = []
            var ports: [UInt16] = []
            for (index, part) in parts.enumerated().dropFirst() {
                guard index <= 4 else {
                    problem = .invalidLine
                    return
                }
                let isPartComplete = isComplete || index < parts.count - 1
                if index <= 2 {
                    guard isPartComplete else {
                        if !Self.mayBecomeAddress(part, isIPv6: isIPv6) { problem = .invalidAddress }
                        return
                    }
                    guard let address = IPAddress(part), address.family == (isIPv6 ? .ipv6 : .ipv4) else {
                        problem = .invalidAddress
                        return
                    }
                    addresses.append(address)
                } else {
                    if part.isEmpty, !isPartComplete { return }
                    guard let port = Self.port(part) else {
                        problem = .invalidPort
                        return
                    }
                    ports.append(port)
                }
            }
            guard isComplete else { return }
            guard addresses.count == 2, ports.count == 2 else {
                problem = .invalidLine
                return
            }
            facts.source = .ip(addresses[0], port: ports[0])
            facts.destination = .ip(addresses[1], port: ports[1])
        }

        private static func mayBecomeAddress(_ part: ArraySlice<UInt8>, isIPv6: Bool) -> Bool {
            part.count <= (isIPv6 ? IPAddress.maximumByteCount : 15)
                && part.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."): true
                    case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
                        UInt8(ascii: ":"):
                        isIPv6
                    default: false
                    }
                }
        }

        /// Every beginning of a port is one too, but for the empty one.
        private static func port(_ part: ArraySlice<UInt8>) -> UInt16? {
            guard 1...5 ~= part.count, part.first != UInt8(ascii: "0"),
                part.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
            else { return nil }
            return UInt16(String(decoding: part, as: UTF8.self))
        }
    }
}
