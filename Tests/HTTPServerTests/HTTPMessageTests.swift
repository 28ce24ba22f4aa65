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
}
