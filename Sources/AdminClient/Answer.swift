import Admin

/// Takes the answer to a command, piece by piece, and says at the end what came of it. It knows no network.
///
///     200 application/vnd.vmq-admin → WireReader → renderer     status: the one that the broker sent
///     anything else                 → some text                 status: by the kind of refusal
final class Answer {
    /// How the transfer ended.
    enum Ending: Equatable {
        /// The answer is complete, as far as HTTP goes.
        case complete
        /// There is no connection: nothing was asked.
        case notConnected(String)
        /// The connection was lost, or what came is not HTTP.
        case lost(String)
        /// The broker was silent for this many seconds.
        case silent(seconds: Int)
    }

    /// What came of the command.
    struct Conclusion: Equatable {
        /// The exit status.
        var status: Int32
        /// What the broker says about a command that it did not understand: shown where results are.
        var alert: String?
        /// What this program says: for standard error.
        var complaint: String?
        /// VerneMQ's line that the node does not respond belongs before it.
        var isUnreachable = false
        /// The renderer may write its end: what it has said is whole.
        var isWhole = false
    }

    /// The content type of `WireFormat`.
    static let contentType = "application/vnd.vmq-admin"
    private static let mostBytesOfText = 64 << 10

    private let endpoint: Endpoint
    private var reader: WireReader
    private var text: [UInt8] = []
    private var malformed: WireReader.Malformed?
    private(set) var status = 0
    private var contentType = ""

    init(from endpoint: Endpoint, to output: any AdminOutput) {
        self.endpoint = endpoint
        reader = WireReader(output)
    }

    /// Whether the broker has said that this is all.
    var hasEnded: Bool { reader.status != nil }

    private var isWire: Bool { status == 200 && contentType == Self.contentType }

    /// What stands before the body.
    func begin(status: Int, contentType: String) {
        self.status = status
        let type = contentType.prefix { $0 != ";" }.filter { $0 != " " }
        self.contentType = type.lowercased()
    }

    /// - Returns: whether more is wanted.
    func receive(_ bytes: [UInt8]) -> Bool {
        guard isWire else {
            text += bytes.prefix(Self.mostBytesOfText - text.count)
            return text.count < Self.mostBytesOfText
        }
        do throws(WireReader.Malformed) {
            try reader.receive(bytes)
            return true
        } catch {
            malformed = error
            return false
        }
    }

    func conclude(_ ending: Ending) -> Conclusion {
        if let malformed {
            return Conclusion(
                status: ExitStatus.failed,
                complaint: "The broker's answer cannot be understood from line \(malformed.line) on."
                    + " Are this program and the broker of one version?")
        }
        if let status = reader.status {
            return Conclusion(status: Int32(status), isWhole: true)
        }
        if case .silent(let seconds) = ending {
            return Conclusion(
                status: ExitStatus.failed,
                complaint: "The broker has been silent for \(seconds) s."
                    + " -rpctimeout SECONDS waits longer, -rpctimeout infinity without end.")
        }
        if isWire {
            var reason = ""
            if case .lost(let text) = ending { reason = " (\(text))" }
            return Conclusion(
                status: ExitStatus.failed,
                complaint: "The answer broke off\(reason): the broker has ended, or the connection was lost."
                    + " What is shown is not all.")
        }
        // A refusal counts even where its text broke off.
        if status != 0 { return refusal() }
        switch ending {
        case .notConnected(let reason):
            return Conclusion(
                status: ExitStatus.noBroker, complaint: "\(endpoint.name) cannot be reached: \(reason).",
                isUnreachable: true)
        case .lost(let reason):
            return Conclusion(
                status: ExitStatus.noBroker, complaint: "\(endpoint.name) gives no answer: \(reason).",
                isUnreachable: true)
        case .complete, .silent:
            return Conclusion(
                status: ExitStatus.noBroker, complaint: "\(endpoint.name) gives no answer.",
                isUnreachable: true)
        }
    }

    /// What an answer without results means.
    private func refusal() -> Conclusion {
        let said = SafeText.make(AnswerText.of(text, contentType: contentType), isMultiline: true)
        let behind = said.isEmpty ? "" : ": " + said
        func noAccess(_ complaint: String) -> Conclusion {
            Conclusion(status: ExitStatus.noBroker, complaint: complaint)
        }
        switch status {
        case 400:
            return Conclusion(
                status: ExitStatus.usage,
                alert: said.isEmpty ? "The broker did not understand the command." : said
            )
        case 401:
            return noAccess(
                "Wrong or missing API key, or one of another scope than mgmt. Give one with --api-key KEY or VERNEMQ_API_KEY; "
                    + "'vmq-admin api-key create scope=mgmt' on the broker's machine makes one.")
        case 403:
            if case .socket(let path) = endpoint {
                return noAccess(
                    "\(path) belongs to a broker of another user, who alone may use it, beside root" + behind
                        + ".")
            }
            return noAccess("\(endpoint.name) refuses this (403)" + behind)
        case 404:
            return noAccess("\(endpoint.name) has no such API (404)" + behind)
        case 429:
            return noAccess("Too many wrong keys came from here (429): wait a while" + behind)
        case 503:
            return Conclusion(
                status: ExitStatus.failed,
                complaint: "The broker is busy: it carries out as many commands as it may at once. Try again"
                    + (said.isEmpty ? "." : behind))
        case 200..<300:
            let kind = contentType.isEmpty ? "no content type" : contentType
            return noAccess(
                "\(endpoint.name) answers, but not as this broker's API does (\(SafeText.make(kind, isMultiline: false)))."
            )
        case 300..<400:
            return noAccess(
                "\(endpoint.name) sends elsewhere (\(status)): give the other address with --url.")
        default:
            return Conclusion(
                status: ExitStatus.failed, complaint: "The broker answered \(status)" + behind)
        }
    }
}
