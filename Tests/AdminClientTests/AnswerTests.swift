import Admin
import Testing

@testable import AdminClient

@Suite struct AnswerTests {
    private let wire = "application/vnd.vmq-admin"

    private final class Drawn {
        var text = ""
    }

    private func conclude(
        _ status: Int, _ contentType: String, _ body: String, _ ending: Answer.Ending = .complete,
        from endpoint: Endpoint = .url("http://h", key: "k"), drawn: Drawn = Drawn()
    ) -> Answer.Conclusion {
        let output = HumanOutput(now: { .zero }) {
            drawn.text += String(decoding: $0, as: UTF8.self)
            return true
        }
        let answer = Answer(from: endpoint, to: output)
        if status != 0 {
            answer.begin(status: status, contentType: contentType)
            _ = answer.receive(Array(body.utf8))
        }
        return answer.conclude(ending)
    }

    @Test func `the broker's own status counts`() {
        let drawn = Drawn()
        #expect(
            conclude(200, wire + "; charset=utf-8", "x\tDone\ne\t0\n", drawn: drawn)
                == .init(status: 0, isWhole: true))
        #expect(drawn.text == "Done\n")
        #expect(conclude(200, wire, "a\tno\ne\t1\n").status == 1)
        #expect(conclude(200, wire, "e\t0\n", .lost("reset")).status == 0)
    }

    @Test func `an answer that breaks off or cannot be read has failed`() {
        for (body, ending) in [
            ("x\tDone\n", Answer.Ending.complete), ("x\tDo", .complete), ("", .complete),
            ("x\ta\n", .lost("r")),
            ("?\n", .complete), ("x\ta\n", .silent(seconds: 5)),
        ] {
            let conclusion = conclude(200, wire, body, ending)
            #expect(conclusion.status == 1 && !conclusion.isWhole && conclusion.complaint != nil)
        }
    }

    @Test func `a command that the broker does not understand is a mistake in its use`() {
        let json = #"{"alert":[{"text":"Invalid key: \"x\"","type":"text"}],"type":"alert"}"#
        #expect(conclude(400, "application/json", json) == .init(status: 2, alert: "Invalid key: \"x\""))
        #expect(conclude(400, "text/plain", "no\n").alert == "no")
        #expect(conclude(400, "", "").alert != nil)
    }

    @Test func `no access and no broker are one status`() {
        for status in [401, 403, 404, 429, 301, 204] {
            let conclusion = conclude(status, "text/plain", "")
            #expect(conclusion.status == 3 && conclusion.complaint != nil && !conclusion.isUnreachable)
        }
        for ending in [Answer.Ending.notConnected("x"), .lost("x"), .complete] {
            let conclusion = conclude(0, "", "", ending)
            #expect(conclusion.status == 3 && conclusion.isUnreachable)
        }
        #expect(conclude(200, "text/html", "<html>").status == 3)
        #expect(conclude(503, "text/plain", "").status == 1)
        #expect(
            conclude(500, "text/plain", "oops\u{1b}[2J").complaint == "The broker answered 500: oops\\x1b[2J")
    }

    @Test func `texts are found in JSON of any layout`() {
        func texts(_ json: String) -> [String] { AnswerText.texts(in: Array(json.utf8)) }
        #expect(
            texts(#"[{"text" : "a\n\u00fc\ud83d\ude00"},{"type":"text"},{"text":"b"}]"#) == ["a\nü😀", "b"])
        #expect(texts(#"{"text":1,"a":"text","text":{"x":"y"}}"#) == [])
        #expect(texts(#"{"text":"no end"#) == [] && texts("") == [])
    }
}
