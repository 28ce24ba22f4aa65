import Glibc
import TestSupport
import Testing

@testable import HTTPServer

/// Runs a command line.
///
/// - Returns: what it wrote, and its exit status.
private func run(_ command: String) -> (text: String, status: Int32) {
    guard let pipe = popen("(\(command)) 2>&1", "r") else { return ("", -1) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = fread(&piece, 1, piece.count, pipe)
        if count == 0 { break }
        bytes += piece[..<count]
    }
    let status = pclose(pipe)
    return (String(decoding: bytes, as: UTF8.self), status >> 8 & 0xFF)
}

/// An authority, a server's certificate and a client's, made once for all tests.
private final class Certificates: Sendable {
    static let shared = Certificates()
    let folder = TestFolder()
    let log: String

    init() {
        let path = folder.path
        let make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2"
        log =
            run(
                """
                cd \(path) && set -e
                \(make) -nodes -keyout ca.key -out ca.pem -subj /CN=ca
                \(make) -nodes -keyout other.key -out other.pem -subj /CN=other
                for name in server client; do
                    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $name.key -out $name.csr -subj /CN=$name
                done
                printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nextendedKeyUsage=serverAuth\\n' > server.ext
                printf 'extendedKeyUsage=clientAuth\\n' > client.ext
                for name in server client; do
                    openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile $name.ext -out $name.pem
                done
                openssl pkcs8 -topk8 -in server.key -passout pass:secret -out locked.key
                echo nothing > broken.pem
                : > empty.pem
                """
            ).text
    }

    func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    func files(
        _ certificate: String = "server.pem", _ key: String = "server.key", authority: String? = nil,
        password: String? = nil
    ) -> HTTPTLSFiles {
        HTTPTLSFiles(
            certificate: path(certificate), key: path(key), authority: authority.map(path),
            keyPassword: password)
    }
}

@Suite struct HTTPSTests {
    private let made = Certificates.shared

    private func start(_ files: HTTPTLSFiles, _ change: (inout HTTPLimits) -> Void = { _ in }) throws
        -> HTTPServer
    {
        var limits = HTTPLimits()
        limits.bodySize = 1_000
        change(&limits)
        return try HTTPServer(
            address: "127.0.0.1", port: 0, limits: limits, tls: files,
            routes: [
                Route("/page") { _ in .text(200, "page") },
                Route("/echo", .only(["POST"])) { .text(200, "\($0.body.count)") },
                Route("/stream") { _ in
                    HTTPResponse(
                        stream: HTTPStream { stream in
                            for _ in 0..<500 { stream.write([UInt8](repeating: 1, count: 10_000)) }
                        })
                },
                Route("/idle") { _ in
                    let stream = HTTPStream()
                    _ = stream.tryWrite([1])
                    return HTTPResponse(stream: stream)
                },
            ])
    }

    private func curl(_ server: HTTPServer, _ path: String, _ options: String = "") -> (
        text: String, status: Int32
    ) {
        run(
            "curl -sS -m 20 --cacert \(made.path("ca.pem")) \(options) https://localhost:\(server.port)\(path)"
        )
    }

    @Test func `a client that trusts the authority is served, again and with a stream`() throws {
        let server = try start(made.files())
        #expect(curl(server, "/page").text == "page\n", "\(made.log)")
        let size = "-o /dev/null -w '%{http_code} %{size_download}'"
        #expect(curl(server, "/stream", size).text == "200 5000000")
        let base = "https://localhost:\(server.port)"
        // One connection for all three.
        let counted = server.statistics.acceptedConnections
        let both = run(
            "curl -sS -m 20 --cacert \(made.path("ca.pem")) \(base)/page -o /dev/null \(base)/stream -o /dev/null \(base)/page"
        )
        #expect(both.text == "page\n")
        #expect(server.statistics.acceptedConnections == counted + 1)
        #expect(eventually { server.statistics.openConnections == 0 })
        #expect(server.statistics.refusals.reduce(0, +) == 0)
        #expect(server.statistics.failedHandshakes == 0)
    }

    @Test func `a client that does not trust the authority goes, which is counted`() throws {
        let server = try start(made.files())
        let answer = run("curl -sS -m 20 https://localhost:\(server.port)/page")
        #expect(answer.status != 0)
        #expect(eventually { server.statistics.failedHandshakes == 1 })
        #expect(server.statistics.requests == [0, 0, 0, 0, 0])
    }

    @Test(arguments: ["1.0", "1.1"]) func `versions of TLS before 1.2 are refused`(version: String) throws {
        let server = try start(made.files())
        let option = "--tls-max \(version) --tlsv\(version) --ciphers DEFAULT@SECLEVEL=0"
        #expect(curl(server, "/page", option).status != 0)
        #expect(eventually { server.statistics.failedHandshakes == 1 })
        #expect(curl(server, "/page", "--tls-max 1.2").text == "page\n")
    }

    @Test func `a listener with an authority serves clients with its certificate and tells others 403`()
        throws
    {
        let server = try start(made.files(authority: "ca.pem"))
        func options(_ name: String) -> String {
            "-w ' %{http_code}' --cert \(made.path("\(name).pem")) --key \(made.path("\(name).key"))"
        }
        #expect(curl(server, "/page", options("client")).text == "page\n 200")
        let sentence = "This listener serves clients with a certificate that its authority has signed.\n 403"
        #expect(curl(server, "/page", "-w ' %{http_code}'").text == sentence)
        // Signed by somebody else; signed, but not for clients.
        #expect(curl(server, "/page", options("other")).text.hasSuffix(" 403"))
        #expect(curl(server, "/page", options("server")).text.hasSuffix(" 403"))
        #expect(server.statistics.refusals[HTTPRefusal.certificate.index] == 3)
    }

    @Test func `a key with a password is opened with it`() throws {
        let server = try start(made.files("server.pem", "locked.key", password: "secret"))
        #expect(curl(server, "/page").text == "page\n")
    }

    @Test(
        arguments: [
            ("none.pem", "server.key", nil, nil, "the certificate DIR/none.pem: No such file or directory"),
            ("broken.pem", "server.key", nil, nil, "the certificate DIR/broken.pem: "),
            ("empty.pem", "server.key", nil, nil, "the certificate DIR/empty.pem: The file is empty"),
            ("server.pem", "none.key", nil, nil, "the key DIR/none.key: No such file or directory"),
            ("server.pem", "server.pem", nil, nil, "the key DIR/server.pem: "),
            ("server.pem", "client.key", nil, nil, "the key DIR/client.key with DIR/server.pem: "),
            ("server.pem", "locked.key", nil, nil, "the key DIR/locked.key: "),
            ("server.pem", "locked.key", nil, "wrong", "the key DIR/locked.key: "),
            ("server.pem", "server.key", "none.pem", nil, "the authority DIR/none.pem: No such file"),
            ("server.pem", "server.key", "broken.pem", nil, "the authority DIR/broken.pem: "),
            (".", "server.key", nil, nil, "the certificate DIR/.: Is a directory"),
        ] as [(String, String, String?, String?, String)])
    func `a file that cannot be used is an error with its name and the reason`(
        certificate: String, key: String, authority: String?, password: String?, expected: String
    ) throws {
        let error = #expect(throws: HTTPServerError.self) {
            try start(made.files(certificate, key, authority: authority, password: password))
        }
        let text = expected.replacing("DIR", with: made.folder.path)
        #expect(error?.problem == .tlsUnfit)
        #expect(
            error?.description.hasPrefix("http listener 127.0.0.1:0: cannot use \(text)") == true,
            "\(String(describing: error))")
        // A reason follows.
        #expect(
            (error?.description.utf8.count ?? 0) > "http listener 127.0.0.1:0: cannot use \(text)".utf8.count
                - 1)
    }

    @Test(arguments: ["", "\u{16}\u{3}\u{1}", "GET /page HTTP/1.1\r\nHost: t\r\n\r\n"])
    func `a handshake that does not come to its end is cut`(bytes: String) throws {
        let server = try start(made.files()) { $0.requestTimeout = .milliseconds(300) }
        let client = try RawClient(port: server.port)
        client.send(bytes)
        #expect(client.isClosedByServer())
        #expect(eventually { server.statistics.openConnections == 0 })
        #expect(eventually { server.statistics.failedHandshakes == (bytes.isEmpty ? 0 : 1) })
        #expect(server.statistics.requests == [0, 0, 0, 0, 0])
        #expect(curl(server, "/page").text == "page\n")
    }

    @Test func `a chunked body that grows too large is 413 over TLS too`() throws {
        let server = try start(made.files())
        let options = "-w ' %{http_code}' -H 'Transfer-Encoding: chunked' -H Expect: --data-binary @-"
        let answer = run(
            "head -c 200000 /dev/zero | curl -sS -m 20 --cacert \(made.path("ca.pem")) \(options) https://localhost:\(server.port)/echo"
        )
        #expect(answer.text == "The body is longer than 1000 bytes.\n 413")
        #expect(server.statistics.refusals[HTTPRefusal.bodyTooLarge.index] == 1)
        #expect(curl(server, "/echo", "-d abc").text == "3\n")
    }

    @Test func `a reader that goes while nothing is sent is noticed, and a stop ends the others`() throws {
        let server = try start(made.files())
        // Gives up by itself after a second.
        #expect(curl(server, "/idle", "-m 1").status == 28)
        #expect(eventually { server.statistics.streams(endedBy: .reader) == 1 })
        server.stop()
        #expect(server.statistics.openStreams == 0)
        #expect(server.pendingCount == 0)
    }
}
