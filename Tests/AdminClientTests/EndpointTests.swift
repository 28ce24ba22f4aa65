import Admin
import Testing

@testable import AdminClient

@Suite struct EndpointTests {
    private func target(_ words: String...) throws -> String {
        guard case .invocation(let invocation, _) = try CommandLineParser(.vmqAdmin).parse(words) else {
            return ""
        }
        return RequestTarget.command(invocation)
    }

    @Test func `words become the path, arguments and flags the query, in their order`() throws {
        #expect(try target("session", "show") == "/api/v1/session/show")
        #expect(
            try target("session", "show", "--limit=3", "--topic", "--topic=a/+")
                == "/api/v1/session/show?--limit=3&--topic&--topic=a%2F%2B")
        #expect(
            try target("log", "level", "level=debug", "logger=console")
                == "/api/v1/log/level?level=debug&logger=console")
        #expect(try target("show", "max_qos", "loops") == "/api/v1/show?max_qos&loops")
        #expect(
            try target("queue", "show", "client-id=ü &=%?#", "--mountpoint=", "--json")
                == "/api/v1/queue/show?client-id=%C3%BC%20%26%3D%25%3F%23&--mountpoint=")
        #expect(
            RequestTarget.completion(.clients, prefix: "a b")
                == "/api/v1/complete?source=clients&prefix=a%20b")
    }

    @Test func `the broker is told that somebody wants to destroy something`() throws {
        func target(_ words: [String]) throws -> String {
            guard case .invocation(let invocation, _) = try CommandLineParser(.vmqAdmin).parse(words) else {
                return ""
            }
            return RequestTarget.command(invocation, isConfirmed: true)
        }
        #expect(
            try target(["queue", "purge", "client-id=a"]) == "/api/v1/queue/purge?client-id=a&--yes")
        #expect(try target(["session", "show"]) == "/api/v1/session/show")
    }

    @Test(
        arguments: [
            ("http://h:1", "http://h:1"), ("HTTPS://h/", "HTTPS://h"),
            ("https://h/broker/a//", "https://h/broker/a"),
            ("https://h/x/api/v1/", "https://h/x"), ("http://[::1]:8888", "http://[::1]:8888"),
        ])
    func `an address may have the beginning of a path`(_ url: String, _ base: String) throws {
        let endpoint = try Endpoint(url: url, key: "k")
        #expect(endpoint == .url(base, key: "k"))
        #expect(endpoint.url(of: "/api/v1/x") == base + "/api/v1/x")
    }

    @Test(
        arguments: [
            "", "h:1", "ftp://h", "file:///etc/passwd", "http://", "http://h?x", "http://h#x", "http://a b",
        ])
    func `what is no address of HTTP is refused`(_ url: String) {
        #expect(throws: AdminFailure.self) { try Endpoint(url: url, key: nil) }
    }
}
