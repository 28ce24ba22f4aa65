/// The forms that `/metrics` answers in. The numbers and the names of the series are the same in all of them.
package enum ExpositionFormat: Int, CaseIterable, Sendable {
    /// Prometheus' text 0.0.4, VerneMQ's form: what a client gets that does not ask for another.
    case text
    /// OpenMetrics 1.0, https://prometheus.io/docs/specs/om/open_metrics_spec/: has units, the time of creation, exemplars.
    case openMetrics
    /// Length-delimited protobuf messages: has native histograms beside all that.
    case protobuf

    /// The Content-Type of the answer.
    package var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .protobuf:
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
        }
    }

    /// What `metrics_scrapes_total` shows in `format`.
    package var label: String {
        switch self {
        case .text: "text"
        case .openMetrics: "openmetrics"
        case .protobuf: "protobuf"
        }
    }

    /// Type and subtype of the media type, and the parameters that a client may ask for.
    fileprivate var mediaType: (type: String, subtype: String, parameters: [(name: String, value: String)]) {
        switch self {
        case .text: ("text", "plain", [("version", "0.0.4"), ("charset", "utf-8")])
        case .openMetrics: ("application", "openmetrics-text", [("version", "1.0.0"), ("charset", "utf-8")])
        case .protobuf:
            (
                "application", "vnd.google.protobuf",
                [("proto", "io.prometheus.client.metricfamily"), ("encoding", "delimited")]
            )
        }
    }
}

extension ExpositionFormat {
    /// Ranges of an Accept header that are looked at; Prometheus sends five.
    private static let rangeLimit = 64

    /// The form that an Accept header asks for [RFC 9110 §12.5.1].
    ///
    /// The highest `q` wins; among equals the range that says most, then the one that stands first, then plain text. A form
    /// that the client names with `q=0` is not for it, whatever a `*/*` says.
    ///
    /// - Parameter accept: nil where the client sent none: it takes all, and gets the text.
    /// - Returns: nil when the client takes none of the forms.
    package static func negotiated(_ accept: String?) -> ExpositionFormat? {
        guard let accept, !accept.allSatisfy(\.isWhitespace) else { return .text }
        let ranges = accept.split(separator: ",").prefix(rangeLimit).enumerated().compactMap {
            MediaRange($0.element, position: $0.offset)
        }
        var best: (format: ExpositionFormat, range: MediaRange)?
        for format in allCases {
            // What says most about a form decides about it.
            let matching = ranges.compactMap { $0.matching(format) }
            guard let range = matching.max(by: { ($0.weight, -$0.position) < ($1.weight, -$1.position) }),
                range.quality > 0
            else { continue }
            if let found = best, !range.isBetter(than: found.range) { continue }
            best = (format, range)
        }
        return best?.format
    }
}

/// One element of an Accept header: `application/openmetrics-text;version=1.0.0;q=0.5`.
private struct MediaRange {
    let type: String
    let subtype: String
    let parameters: [(name: String, value: String)]
    /// In thousandths.
    let quality: Int
    let position: Int
    /// How much it says: `*/*` 0, `text/*` 1, a type with parameters that the form does not have 2, a type 3, and one more
    /// for each parameter.
    private(set) var weight: Int

    /// nil when it cannot be read. Java's HttpURLConnection sends `*; q=.2`, and means `*/*;q=0.2`.
    init?(_ text: Substring, position: Int) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map {
            $0.filter { !$0.isWhitespace && $0 != "\"" }.lowercased()
        }
        let names = (parts[0] == "*" ? "*/*" : parts[0]).split(
            separator: "/", omittingEmptySubsequences: false)
        guard names.count == 2, !names[0].isEmpty, !names[1].isEmpty else { return nil }
        type = String(names[0])
        subtype = String(names[1])
        var parameters: [(name: String, value: String)] = []
        var quality = 1_000
        for part in parts.dropFirst() where !part.isEmpty {
            let equals = part.firstIndex(of: "=") ?? part.endIndex
            let name = String(part[..<equals])
            let value = String(part[equals...].dropFirst())
            if name == "q" {
                // A client whose weight cannot be read still named the type.
                quality = Self.thousandths(value) ?? 1_000
            } else if name != "escaping" {
                // How names with other letters would be escaped: ours have none.
                parameters.append((name, value))
            }
        }
        self.parameters = parameters
        self.quality = quality
        self.position = position
        weight = type == "*" ? 0 : subtype == "*" ? 1 : 3 + parameters.count
    }

    /// `0`, `1`, `0.5`, at most three digits [RFC 9110 §12.4.2], and `.5` as some clients write it.
    private static func thousandths(_ text: String) -> Int? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = parts.first else { return nil }
        let digits = parts.count == 2 ? parts[1] : ""
        guard whole == "0" || whole == "1" || whole.isEmpty && !digits.isEmpty else { return nil }
        guard digits.utf8.count <= 3, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        let padded = digits + String(repeating: "0", count: 3 - digits.utf8.count)
        let value = (whole == "1" ? 1_000 : 0) + (Int(padded) ?? 0)
        return value <= 1_000 ? value : nil
    }

    /// The range as it applies to `format`, or nil.
    ///
    /// What is read as plain text is plain text whatever its parameters say, so `text/plain;version=1.0.0` is not refused; it
    /// says less than one whose parameters fit, and `q=0` for another version does not refuse ours.
    func matching(_ format: ExpositionFormat) -> MediaRange? {
        let offered = format.mediaType
        guard type == "*" ? subtype == "*" : type == offered.type else { return nil }
        guard subtype == "*" || subtype == offered.subtype else { return nil }
        if parameters.allSatisfy({ asked in offered.parameters.contains { $0 == asked } }) { return self }
        guard format == .text, quality > 0 else { return nil }
        var range = self
        range.weight = min(weight, 2)
        return range
    }

    func isBetter(than other: MediaRange) -> Bool {
        (quality, weight, -position) > (other.quality, other.weight, -other.position)
    }
}
