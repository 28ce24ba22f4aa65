import Primitives
import StreamProtocols

/// Takes an input as what comes first from a proxy: at every length it means the same or nothing yet.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: count).bytes.copied()
    let whole = ProxyHeader.parse(bytes.span.bytes)
    switch whole {
    case .incomplete: require(count < ProxyHeader.maximumByteCount, "\(count) bytes are not incomplete")
    case .header(let facts, let byteCount):
        require(
            (15...min(count, ProxyHeader.maximumByteCount)).contains(byteCount), "\(byteCount) bytes are read"
        )
        require(
            (facts.source == nil) == (facts.destination == nil), "both ends are told or none: \(facts)")
        require(facts.tls?.commonName?.isEmpty != true, "an empty name is none")
        let texts = [
            facts.authority, facts.networkNamespace, facts.tls?.commonName, facts.tls?.version,
            facts.tls?.cipher,
            facts.tls?.keyAlgorithm, facts.tls?.signatureAlgorithm,
        ].compactMap(\.self)
        for text in texts {
            require(
                String(validating: text.bytes, as: UTF8.self) != nil && !text.bytes.contains(0),
                "\(text) is text")
        }
        if facts.version == 1 { checkLine(Array(bytes[..<byteCount]), facts) }
    case .malformed: break
    }
    // Few of the many lengths, but always those about the end of the header.
    var length = 0
    while length < count {
        let prefix = Array(bytes[..<length])
        let parse = ProxyHeader.parse(prefix.span.bytes)
        require(parse == .incomplete || parse == whole, "\(prefix) is \(parse), and with more bytes \(whole)")
        if case .header(_, let byteCount) = whole {
            require(
                (parse == .incomplete) == (length < byteCount),
                "a header of \(byteCount) is known at \(length)")
        }
        length += length < 64 ? 1 : 13
    }
    return 0
}

/// The line of version 1 as it reads.
private func checkLine(_ line: [UInt8], _ facts: ProxyFacts) {
    require(line.count <= 107 && line.suffix(2) == [13, 10], "\(line) is a line")
    let parts = line.dropLast(2).split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard let source = facts.source, let destination = facts.destination else {
        require(parts[1].elementsEqual("UNKNOWN".utf8), "\(line) tells of no source")
        return
    }
    guard case .ip(let from, let fromPort) = source, case .ip(let to, let toPort) = destination else {
        broken("version 1 has addresses")
    }
    require(parts.count == 6, "\(line) has six parts")
    for (text, address) in [(parts[2], from), (parts[3], to)] {
        require(parts[1].last == UInt8(ascii: "0") + address.family.rawValue, "\(line) names the family")
        require(IPAddress(text) == address, "\(text) is \(address)")
    }
    for (text, port) in [(parts[4], fromPort), (parts[5], toPort)] {
        require(text.elementsEqual("\(port)".utf8) && port > 0, "\(text) is \(port)")
    }
}

@_cdecl("LLVMFuzzerInitialize")
public func initializeFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
    let lines = [
        "PROXY TCP4 192.0.2.7 198.51.100.1 51234 1883\r\nrest",
        "PROXY TCP6 2001:db8::7 ::ffff:192.0.2.7 1 65535\r\n",
        "PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:: ffff:: 1 2\r\n",
    ]
    let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    let ipv4: [UInt8] = [192, 0, 2, 7, 198, 51, 100, 1, 0xC8, 0x22, 0x07, 0x5B]
    let tls: [UInt8] = [
        0x20, 0, 23, 7, 0, 0, 0, 0, 0x22, 0, 4, 110, 97, 109, 101, 0x21, 0, 2, 49, 50, 0x23, 0, 3, 65, 66, 67,
    ]
    let others: [UInt8] = [1, 0, 1, 97, 2, 0, 2, 97, 98, 4, 0, 0, 5, 0, 2, 1, 2, 0x30, 0, 1, 97]
    let checksum: [UInt8] = [3, 0, 4, 0, 0, 0, 0]
    func header(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
        signature + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 0xFF)] + rest
    }
    let headers = [
        header(0x21, 0x11, ipv4), header(0x21, 0x12, ipv4 + tls), header(0x21, 0x11, ipv4 + others + tls),
        header(0x21, 0x21, ipv4 + ipv4 + ipv4 + others), header(0x20, 0, []), header(0x21, 0, others),
        header(0x21, 0x31, [UInt8](repeating: 97, count: 108) + [UInt8](repeating: 0, count: 108)),
        header(0x21, 0x11, ipv4 + checksum), header(0x21, 0x11, ipv4 + tls) + [0x10, 0x0C],
    ]
    Corpus.writeIfAsked(lines.map { Array($0.utf8) } + headers)
    return 0
}
