import OTLPMessages
import SwiftProtobuf
import Testing

@testable import PushExporters

@Suite struct OTLPAnswerTests {
    private typealias Response = Opentelemetry_Proto_Collector_Metrics_V1_ExportMetricsServiceResponse

    private func body(_ rejected: Int64, _ message: String) throws -> [UInt8] {
        try Response.with { response in
            response.partialSuccess.rejectedDataPoints = rejected
            response.partialSuccess.errorMessage = message
        }.serializedBytes()
    }

    @Test(arguments: [429, 502, 503, 504])
    func `these statuses ask to come again`(_ status: Int) {
        let (result, verdict) = OTLPAnswer(status: status, retryAfter: 7).verdict
        #expect(result == .busy && verdict == .again("the answer is \(status)", after: 7))
    }

    @Test(arguments: [100, 301, 302, 400, 401, 403, 404, 405, 413, 500, 501, 505])
    func `all others but success refuse`(_ status: Int) {
        let (result, verdict) = OTLPAnswer(status: status, retryAfter: 7).verdict
        #expect(result == .refused && verdict == .refused("the answer is \(status)"))
    }

    @Test func `an empty body accepts everything`() {
        let (result, verdict) = OTLPAnswer(status: 200).verdict
        #expect(result == .accepted && verdict == .accepted(rejected: 0, message: ""))
    }

    @Test func `points may be rejected, and a warning may come without`() throws {
        let partial = OTLPAnswer(status: 200, body: try body(3, "too old")).verdict
        #expect(partial.0 == .partial && partial.1 == .accepted(rejected: 3, message: "too old"))
        let warned = OTLPAnswer(status: 200, body: try body(0, "slow down")).verdict
        #expect(warned.0 == .accepted && warned.1 == .accepted(rejected: 0, message: "slow down"))
        let nonsense = OTLPAnswer(status: 200, body: try body(-5, "")).verdict
        #expect(nonsense.0 == .accepted && nonsense.1 == .accepted(rejected: 0, message: ""))
    }

    @Test func `success that is no OTLP, or does not end, is not sure`() {
        let unreadable = OTLPAnswer(status: 200, contentType: "text/html", body: Array("<html>".utf8)).verdict
        #expect(unreadable.0 == .unreadable && unreadable.1 == .unconfirmed("the answer cannot be read"))
        let endless = OTLPAnswer(status: 200, isTooLarge: true).verdict
        #expect(endless.0 == .answerTooLarge && endless.1 == .unconfirmed("the answer does not end"))
        let busy = OTLPAnswer(status: 503, isTooLarge: true).verdict
        #expect(busy.0 == .answerTooLarge && busy.1 == .again("the answer is 503", after: 0))
    }

    @Test func `what a refusing body says is told, shortened`() throws {
        let status = try Google_Rpc_Status.with { $0.message = "no such tenant" }.serializedBytes() as [UInt8]
        let binary = OTLPAnswer(status: 400, contentType: "application/x-protobuf", body: status)
        #expect(binary.verdict.1 == .refused("the answer is 400: no such tenant"))
        let text = OTLPAnswer(
            status: 404, contentType: "text/plain; charset=utf-8",
            body: Array(String(repeating: "é", count: 5_000).utf8))
        let expected = "the answer is 404: " + String(repeating: "é", count: 200)
        #expect(text.verdict.1 == .refused(expected))
        let other = OTLPAnswer(status: 500, contentType: "image/png", body: [1, 2, 3])
        #expect(other.verdict.1 == .refused("the answer is 500"))
    }
}
