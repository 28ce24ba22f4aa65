import OTLPMessages
import SwiftProtobuf

/// What came back for one request.
struct OTLPAnswer: Sendable {
    /// Of the HTTP answer.
    var status: Int
    /// As the server writes it; may be empty.
    var contentType = ""
    /// Seconds; 0 when the server does not ask.
    var retryAfter: Int64 = 0
    /// Not more than `OTLPTransport.largestAnswer`.
    var body: [UInt8] = []
    /// There was more, which nobody wants to have.
    var isTooLarge = false
}

/// How a request ended. Each is a counter on `/metrics`.
package enum OTLPRequestResult: Int, CaseIterable, Sendable {
    case accepted
    /// Some points were rejected.
    case partial
    /// The server will not have it, now or later.
    case refused
    /// The server asks to come again.
    case busy
    case unreachable
    /// Its certificate is not to be trusted.
    case untrusted
    /// The connection was lost before the end of the answer, or what came is no HTTP.
    case lost
    case timeout
    case answerTooLarge
    /// It says success, and is no OTLP.
    case unreadable

    /// As `otlp_requests_total{result}` shows it.
    package var label: String { self == .answerTooLarge ? "answer_too_large" : "\(self)" }
}

/// What follows from the end of a request.
enum OTLPVerdict: Equatable {
    /// `rejected` points were not taken, for the reason in `message`; both are empty when all were taken.
    case accepted(rejected: Int64, message: String)
    /// It is not to be sent again.
    case refused(String)
    /// It may be sent again, after so many seconds at the earliest.
    case again(String, after: Int64)
    /// The status says that it was accepted, the rest cannot be read.
    case unconfirmed(String)
}

extension OTLPAnswer {
    /// These statuses ask to come again; no other does.
    /// https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
    private static let retryable = [429, 502, 503, 504]

    /// What the answer is counted as, and what follows from it.
    var verdict: (OTLPRequestResult, OTLPVerdict) {
        guard 200..<300 ~= status else {
            let isRetryable = Self.retryable.contains(status)
            let text = "the answer is \(status)\(said)"
            return (
                isTooLarge ? .answerTooLarge : isRetryable ? .busy : .refused,
                isRetryable ? .again(text, after: retryAfter) : .refused(text)
            )
        }
        if isTooLarge { return (.answerTooLarge, .unconfirmed("the answer does not end")) }
        guard
            let response = try? Opentelemetry_Proto_Collector_Metrics_V1_ExportMetricsServiceResponse(
                serializedBytes: body)
        else { return (.unreadable, .unconfirmed("the answer cannot be read")) }
        let partial = response.partialSuccess
        let verdict = OTLPVerdict.accepted(
            rejected: max(0, partial.rejectedDataPoints), message: Self.short(partial.errorMessage))
        return (partial.rejectedDataPoints > 0 ? .partial : .accepted, verdict)
    }

    /// What a body that refuses says, as the end of a sentence.
    private var said: String {
        var text = ""
        if contentType.hasPrefix("application/x-protobuf") {
            text = (try? Google_Rpc_Status(serializedBytes: body))?.message ?? ""
        } else if contentType.hasPrefix("text/") || contentType.hasPrefix("application/json") {
            text = String(decoding: body.prefix(Self.longestText * 4), as: UTF8.self)
        }
        return text.isEmpty ? "" : ": \(Self.short(text))"
    }

    private static let longestText = 200

    private static func short(_ text: String) -> String { String(text.prefix(longestText)) }
}
