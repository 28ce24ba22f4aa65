import Primitives
import StreamProtocols

/// Takes an input as settings and a request that opens a WebSocket: it means the same however it comes, and
/// what opens one is a request that no reader takes differently.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count >= 2 else { return -1 }
    let bytes = UnsafeRawBufferPointer(start: data, count: count).bytes.copied()
    let settings = settings(bytes[0])
    let request = Array(bytes[2...])
    var upgrade = WebSocketUpgrade()
    let whole = upgrade.parse(request.span.bytes, settings)
    check(whole, request, settings)

    var cut = WebSocketUpgrade()
    let step = 1 + Int(bytes[1]) % 40
    for length in stride(from: 0, through: request.count, by: step) {
        let prefix = Array(request[..<length])
        let parse = cut.parse(prefix.span.bytes, settings)
        if parse == .incomplete { continue }
        require(parse == whole, "\(prefix) is \(parse), and with more bytes \(whole)")
        return 0
    }
    require(cut.parse(request.span.bytes, settings) == whole, "\(request) is \(whole) in pieces too")
    return 0
}

private func settings(_ choice: UInt8) -> WebSocketUpgradeSettings {
    var settings = WebSocketUpgradeSettings()
    if choice & 1 != 0 { settings.commonNameHeader = "X-SSL-Client-CN" }
    if choice & 2 != 0 { settings.allowedOrigins = ["https://a.example"] }
    if choice & 4 != 0 { settings.maximumRequestLineByteCount = 30 }
    if choice & 8 != 0 { settings.maximumHeaderValueByteCount = 30 }
    if choice & 16 != 0 { settings.maximumHeaderCount = 7 }
    if choice & 32 != 0 { settings.maximumByteCount = 250 }
    return settings
}

private func check(_ parse: WebSocketUpgradeParse, _ request: [UInt8], _ settings: WebSocketUpgradeSettings) {
    switch parse {
    case .incomplete:
        require(request.count < settings.maximumByteCount, "\(request.count) bytes are not incomplete")
        require(!"\(String(decoding: request, as: UTF8.self))".contains("\r\n\r\n"), "\(request) has no end")
    case .refused(let status, let problem, let response):
        require(
            status == problem.status && response == problem.response
                && response.starts(with: Array("HTTP/1.1 \(status) ".utf8)), "\(problem) has its own answer")
    case .upgrade(let found, let byteCount):
        require(
            byteCount <= min(request.count, settings.maximumByteCount)
                && request[..<byteCount].suffix(4) == [13, 10, 13, 10], "\(request) is read to its empty line"
        )
        checkHead(Array(request[..<byteCount]), found, settings)
        require(settings.subprotocols.contains(found.subprotocol), "\(found.subprotocol) is spoken")
        let answer = found.response(subprotocol: found.subprotocol)
        require(answer.count == 155 + found.subprotocol.count, "the answer has its length: \(answer)")
    }
}

/// What has to be true of a head that opens a WebSocket, as it reads.
private func checkHead(_ head: [UInt8], _ found: WebSocketRequest, _ settings: WebSocketUpgradeSettings) {
    let lines = String(decoding: head.dropLast(4), as: UTF8.self).split(
        separator: "\r\n", omittingEmptySubsequences: false)
    require(
        lines.allSatisfy {
            !$0.unicodeScalars.contains { $0 != "\t" && ($0.value < 0x20 || $0.value == 0x7F) }
        },
        "\(head) has no control characters")
    require(
        lines[0].hasPrefix("GET ") && lines[0].utf8.count <= settings.maximumRequestLineByteCount,
        "\(lines[0])")
    require(lines.count <= settings.maximumHeaderCount + 1, "there are \(lines.count - 1) headers")
    var counts: [String: Int] = [:]
    for line in lines.dropFirst() {
        guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else {
            broken("\(line) has a name and a colon")
        }
        let name = line[..<colon]
        require(!name.utf8.contains { $0 <= 0x20 || $0 >= 0x7F }, "\(name) is a token")
        counts[name.lowercased(), default: 0] += 1
    }
    for name in ["host", "sec-websocket-key", "sec-websocket-version"] {
        require(counts[name] == 1, "\(name) is there once")
    }
    require(counts["transfer-encoding"] == nil, "there is no body")
    require((counts["content-length"] ?? 0) <= 1 && (counts["origin"] ?? 0) <= 1, "it is there once")
    require((counts["x-forwarded-for"] != nil) == (found.forwardedFor != nil), "X-Forwarded-For is given out")
    require(
        found.commonName?.isEmpty != true && found.commonName?.bytes.contains(0) != true, "a name is text")
}

@_cdecl("LLVMFuzzerInitialize")
public func initializeFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
    let upgrade =
        "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Protocol: mqtt\r\n"
    let requests = [
        "GET /mqtt HTTP/1.1\r\n\(upgrade)\r\n",
        "GET /mqtt?a=b HTTP/1.1\r\n\(upgrade)Origin: https://a.example\r\n\r\nmore",
        "GET ws://h/mqtt HTTP/1.2\r\n\(upgrade)X-Forwarded-For: ::1, a\r\nx-ssl-client-cn: ä\r\n\r\n",
        "GET /mqtt HTTP/1.1\r\n\(upgrade)Content-Length: 0\r\nCookie: \t v \r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /mqtt HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "GET /mqtt HTTP/1.1\nHost: a\n\n",
        "GET /mqtt HTTP/1.1\r\n\(upgrade) folded\r\n\r\n",
    ]
    let seeds = requests.flatMap { request in
        ([0, 1, 2, 3, 4 + 8, 16, 32] as [UInt8]).map { [$0, 6] + Array(request.utf8) }
    }
    Corpus.writeIfAsked(seeds)
    return 0
}
