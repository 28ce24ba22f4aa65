import Testing

@testable import HTTPServer

@Suite struct HTTPFormTests {
    private func request(_ body: String, _ type: String? = "application/x-www-form-urlencoded") -> HTTPRequest
    {
        HTTPRequest(
            method: "POST", target: Array("/".utf8), headers: type.map { [("content-type", $0)] } ?? [],
            body: Array(body.utf8))
    }

    @Test func `a form keeps its order, its blanks and what has no value`() throws {
        let items = try request("--limit=1&--client_id&a%20b=c+d%26e&x=&&").formItems()
        #expect(items.map(\.name) == ["--limit", "--client_id", "a b", "x"])
        #expect(items.map(\.value) == ["1", nil, "c d&e", ""])
    }

    @Test(arguments: [
        "application/x-www-form-urlencoded", "APPLICATION/X-WWW-Form-Urlencoded ; charset=utf-8",
    ]) func `the type may have parameters and any case`(type: String) throws {
        #expect(try request("a=1", type).formItems().count == 1)
    }

    @Test(arguments: [nil, "", "application/json", "text/plain"] as [String?])
    func `another type is no form`(type: String?) {
        #expect(throws: HTTPRequest.FormError.notAForm) { try request("a=1", type).formItems() }
    }

    @Test func `no body has no fields, whatever its type`() throws {
        #expect(try request("", nil).formItems().isEmpty)
    }

    @Test func `a thousand fields are read, one more is refused`() throws {
        let fields = [String](repeating: "a=1", count: 1_000).joined(separator: "&")
        #expect(try request(fields).formItems().count == 1_000)
        #expect(try request("&&&" + fields + "&&").formItems().count == 1_000)
        let error = #expect(throws: HTTPRequest.FormError.tooManyItems(1_000)) {
            try request(fields + "&b").formItems()
        }
        #expect(error?.description == "The body has more than 1000 fields.")
        #expect(throws: HTTPRequest.FormError.tooManyItems(2)) { try request("a&b&c").formItems(limit: 2) }
    }
}
