import CZlib
import Testing

@testable import HTTPServer

@Suite struct CompressionTests {
    private static func request(_ accepted: String?) -> HTTPRequest {
        HTTPRequest(method: "GET", target: [], headers: accepted.map { [("accept-encoding", $0)] } ?? [])
    }

    private static func page(_ count: Int, isCompressible: Bool = true) -> HTTPResponse {
        var text = ""
        while text.utf8.count < count { text += "vernemq_metric_\(text.utf8.count){node=\"a@b\"} 0\n" }
        var page = HTTPResponse(contentType: "text/plain", body: Array(text.utf8.prefix(count)))
        page.isCompressible = isCompressible
        return page
    }

    private static func unpacked(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        guard
            inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return [] }
        defer { inflateEnd(&stream) }
        var input = bytes
        return [UInt8](unsafeUninitializedCapacity: 1 << 20) { target, count in
            input.withUnsafeMutableBufferPointer { source in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                count = inflate(&stream, Z_FINISH) == Z_STREAM_END ? target.count - Int(stream.avail_out) : 0
            }
        }
    }

    @Test(
        arguments: [
            (nil, false), ("gzip", true), ("GZIP", true), ("deflate, gzip;q=0.5", true), ("*", true),
            ("br", false),
            ("gzip;q=0", false), ("*;q=0", false), ("gzip; q=0.000, *", false), ("identity", false),
            ("", false),
        ] as [(String?, Bool)]) func `Accept-Encoding is obeyed`(accepted: String?, isPacked: Bool)
    {
        let page = Self.page(100_000)
        let answer = page.compressed(for: Self.request(accepted))
        #expect(answer.headers.contains { $0 == ("Vary", "Accept-Encoding") })
        #expect(answer.headers.contains { $0 == ("Content-Encoding", "gzip") } == isPacked)
        #expect((isPacked ? Self.unpacked(answer.body) : answer.body) == page.body)
        if isPacked { #expect(answer.body.count < page.body.count / 4) }
    }

    @Test func `what is small, or not meant to be compressed, is left as it is`() {
        let small = Self.page(1_000).compressed(for: Self.request("gzip"))
        #expect(small.body.count == 1_000)
        let plain = Self.page(100_000, isCompressible: false).compressed(for: Self.request("gzip"))
        #expect(plain.body.count == 100_000)
        #expect(plain.headers.isEmpty)
    }

    @Test func `what does not become smaller is sent as it is`() {
        var random = SystemRandomNumberGenerator()
        var page = HTTPResponse(body: (0..<50_000).map { _ in UInt8.random(in: 0...255, using: &random) })
        page.isCompressible = true
        let answer = page.compressed(for: Self.request("gzip"))
        #expect(answer.body == page.body)
        #expect(!answer.headers.contains { $0.name == "Content-Encoding" })
    }

    @Test(arguments: ["GET", "HEAD"]) func `a page in gzip has the length of what is sent`(method: String)
        throws
    {
        let page = Self.page(100_000)
        let server = try HTTPServer(address: "127.0.0.1", port: 0, routes: [Route("/metrics") { _ in page }])
        let client = try RawClient(port: server.port)
        let answer = try #require(client.request(method, "/metrics", ["Accept-Encoding: gzip"]))
        #expect(answer.headers["content-encoding"] == "gzip")
        #expect(
            answer.headers["content-length"] == "\(page.compressed(for: Self.request("gzip")).body.count)")
        if method == "GET" { #expect(Self.unpacked(answer.body) == page.body) }
        #expect(client.request("GET", "/metrics")?.body == page.body)
    }

    @Test
    func `a body that is sent to many is packed once, and another of the same bytes is not taken for it`() {
        let known = PackedBodies()
        let bodies = (0..<9).map { Array("body \($0)".utf8) }
        var packings = 0
        func packed(_ body: [UInt8]) -> [UInt8]? {
            known.packed(body) {
                packings += 1
                return [UInt8](repeating: UInt8(packings), count: $0.count)
            }
        }
        for _ in 0..<3 { #expect(packed(bodies[0])?.first == 1) }
        let twin = bodies[0].map { $0 }
        #expect(packed(twin)?.first == 2)
        for body in bodies[1...] { _ = packed(body) }
        #expect(packings == 10)
        // The oldest has made room.
        #expect(packed(bodies[0])?.first == 11)
        #expect(packed(bodies[8])?.first == 10)
    }
}
