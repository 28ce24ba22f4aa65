import Testing

@testable import HTTPServer

@Suite struct HTTPMessageTests {
    @Test(arguments: [
        ("/a%2Fb", "/a/b"), ("/a%", "/a%"), ("/a%2", "/a%2"), ("/a%zz", "/a%zz"), ("/a+b", "/a+b"),
        ("/%C3%A9", "/é"), ("/%ff", "/\u{FFFD}"),
    ]) func `a path is percent-decoded and nothing else`(target: String, path: String) {
        #expect(HTTPRequest(method: "GET", target: Array(target.utf8)).path == path)
    }

    @Test func `a header is found in whatever case`() {
        let request = HTTPRequest(
            method: "GET", target: [], headers: [("X-Api-Key", "1"), ("x-api-key", "2")])
        #expect(request.header("x-aPI-key") == "1")
        #expect(request.header("X-Api-Ke") == nil)
    }

    @Test(
        arguments: [
            (nil, true), ("text/plain", true), ("text/plain;version=0.0.4", true), ("*/*", true),
            ("text/*;q=0.1", true),
            ("application/json", false), ("application/json, text/plain;q=0.5", true),
            ("text/plain;q=0", false), ("", false),
        ] as [(String?, Bool)]) func `Accept is obeyed`(accept: String?, isAccepted: Bool)
    {
        let headers = accept.map { [("Accept", $0)] } ?? []
        #expect(HTTPRequest(method: "GET", target: [], headers: headers).accepts("text/plain") == isAccepted)
    }

    @Test func `paths that only look alike are different pages`() {
        let routes = Routes([Route("/caf\u{E9}") { _ in .text(200, "here") }])
        #expect(
            routes.answer(HTTPRequest(method: "GET", target: Array("/caf\u{E9}".utf8)), failed: { _ in })
                .status == 200)
        #expect(
            routes.answer(HTTPRequest(method: "GET", target: Array("/cafe\u{301}".utf8)), failed: { _ in })
                .status == 404)
    }

    @Test(arguments: [
        ("/api/v1/session/show", 200), ("/api/v1/a", 200), ("/api/v1//", 200), ("/api/v1/%2e%2e/x", 200),
        ("/api/v1/a%2Fb?x=/", 200), ("/api/v1/", 404), ("/api/v1", 404), ("/api/v1x/a", 404),
        ("/API/v1/a", 404), ("/x/api/v1/a", 404), ("/api/v1/only", 201), ("/api/v1/only/", 201),
        ("/api/v1/only/more", 200),
    ]) func `a star stands for one byte or more below its prefix, and an earlier route comes first`(
        target: String, status: Int
    ) {
        let routes = Routes([
            Route("/api/v1/only") { _ in .text(201, "only") },
            Route("/api/v1/*", .only(["GET", "POST"])) { .text(200, $0.path) },
        ])
        for method in ["GET", "HEAD"] {
            let request = HTTPRequest(method: method, target: Array(target.utf8))
            #expect(routes.answer(request, failed: { _ in }).status == status)
        }
    }

    @Test func `a route with a star refuses methods and names itself`() {
        let routes = Routes([Route("/api/v1/*", .only(["POST"])) { _ in .text(200, "") }])
        func answer(_ method: String) -> HTTPResponse {
            routes.answer(HTTPRequest(method: method, target: Array("/api/v1/a/b".utf8)), failed: { _ in })
        }
        #expect(answer("POST").status == 200)
        #expect(answer("GET").status == 405)
        #expect(answer("GET").headers.first?.value == "POST, OPTIONS")
        #expect(answer("OPTIONS").headers.first?.value == "POST, OPTIONS")
    }
}
