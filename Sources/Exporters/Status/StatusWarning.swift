package import BrokerMetrics

/// Something an operator should know, in plain words, with what to do.
package struct StatusWarning: Hashable, Sendable {
    /// The more urgent one first.
    package enum Severity: String, Comparable, Sendable {
        case critical, warning

        package static func < (left: Severity, right: Severity) -> Bool {
            left == .critical && right == .warning
        }
    }

    package let severity: Severity
    /// A sentence.
    package let text: String
    /// What helps.
    package let advice: String
    /// The page in `docs/runbooks`, and the alert that says the same; nil where there is none.
    package let runbook: String?
    /// Copies or publishes are being lost: the state is `losing`.
    package let isLoss: Bool
    /// Clients are not served now, or not all: the state is `failing`.
    package let stopsService: Bool

    init(
        _ severity: Severity, _ text: String, _ advice: String, runbook: String?, isLoss: Bool = false,
        stopsService: Bool = false
    ) {
        self.severity = severity
        self.text = text
        self.advice = advice
        self.runbook = runbook
        self.isLoss = isLoss
        self.stopsService = stopsService
    }
}

/// What the rules of the warnings look at.
package struct StatusFacts: Sendable {
    /// The numbers of this moment.
    package var snapshot: Snapshot
    /// What the broker knows beside its numbers.
    package var node: NodeStatus
    /// The numbers of the last minutes.
    package var recent: RecentNumbers
    /// Since 1970.
    package var wallMilliseconds: Int64
    var wallSeconds: Int64 { wallMilliseconds / 1000 }

    package init(
        snapshot: Snapshot, node: NodeStatus, recent: RecentNumbers = RecentNumbers(),
        wallMilliseconds: Int64 = 0
    ) {
        self.snapshot = snapshot
        self.node = node
        self.recent = recent
        self.wallMilliseconds = wallMilliseconds
    }

    /// All that is to be said, the most urgent first. The bounds are those of `dashboards/alerts.yml`; what an alert waits
    /// minutes for stands here at once, because the page is for who looks now.
    package var warnings: [StatusWarning] {
        let found =
            watchWarnings + listenerWarnings + loopWarnings + ledgerWarnings + storeWarnings + lossWarnings
            + limitWarnings
            + certificateWarnings + clientWarnings + pageWarnings
        // Sorting keeps the order of equals: losses come before what merely is near a limit.
        return found.filter { $0.severity == .critical } + found.filter { $0.severity == .warning }
    }

    /// The state in one word, and why. What is urgent and has stopped nothing yet, such as a certificate that ends within the
    /// week, is no failure: whoever sees `failing` looks for what does not work.
    package func state(_ warnings: [StatusWarning]) -> (word: String, reason: String) {
        if node.isStopping { return ("stopping", "The broker is being stopped; clients are told.") }
        guard let first = warnings.first else {
            return ("ok", "Every message is accounted for, nothing is near a limit.")
        }
        if let urgent = warnings.first(where: \.stopsService) {
            return ("failing", urgent.text)
        }
        if let loss = warnings.first(where: \.isLoss) { return ("losing", loss.text) }
        return ("strained", first.text)
    }
}

/// Numbers as sentences have them.
enum Plain {
    /// Three digits below a thousand, whole above, with commas.
    static func number(_ value: Double) -> String {
        let scale = abs(value) < 10 ? 100.0 : abs(value) < 100 ? 10.0 : 1.0
        let rounded = (value * scale).rounded() / scale
        guard rounded.isFinite, abs(rounded) < 1e15 else { return "\(value)" }
        guard rounded == rounded.rounded() else { return "\(rounded)" }
        var digits = "\(Int64(rounded).magnitude)"
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (rounded < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }

    static func number(_ value: UInt64) -> String { number(Double(value)) }

    static func percent(_ share: Double) -> String { number(share * 100) + " %" }

    static func bytes(_ value: Int64) -> String { number(Double(value) / 1_073_741_824) + " GiB" }
}
