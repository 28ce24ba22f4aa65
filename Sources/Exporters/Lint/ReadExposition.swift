/// An exposition read back: what a scraper makes of the bytes, and what is wrong with them.
///
/// The readers know the formats from their definitions and nothing of how they are written here, so they can judge it.
package struct ReadExposition: Sendable {
    /// Name and labels of a series, as text: `name{a="b",c="d"}` with the labels sorted by name.
    package typealias SeriesName = String

    /// By the name of the family, as the format has it.
    package var types: [String: String] = [:]
    /// Each sample but those that tell when counting began.
    package var samples: [SeriesName: Double] = [:]
    /// The exemplars, by the sample that carries them.
    package var exemplars: [SeriesName: String] = [:]
    /// What is wrong, with line or family; at most `problemLimit`.
    package private(set) var problems: [String] = []
    /// Problems that were found, listed or not.
    package private(set) var problemCount = 0

    private static let problemLimit = 20

    init() {}

    mutating func complain(_ problem: @autoclosure () -> String) {
        problemCount += 1
        if problems.count < Self.problemLimit { problems.append(problem()) }
    }

    /// Adds a sample; a series that stands twice is a problem.
    mutating func add(
        _ name: String, _ labels: [(name: String, value: String)], _ value: Double, at place: String
    ) {
        let series = Self.series(name, labels)
        if samples.updateValue(value, forKey: series) != nil { complain("\(place): \(series) stands twice") }
        var names = Set<String>()
        for label in labels {
            if !names.insert(label.name).inserted {
                complain("\(place): the label \(label.name) stands twice")
            }
            if !Self.isLabelName(label.name) { complain("\(place): \(label.name) cannot be a label's name") }
        }
    }

    static func series(_ name: String, _ labels: [(name: String, value: String)]) -> SeriesName {
        guard !labels.isEmpty else { return name }
        let sorted = labels.sorted { $0.name < $1.name }
        return name + "{"
            + sorted.map { "\($0.name)=\"\(LabelText.escaped(label: $0.value))\"" }.joined(separator: ",")
            + "}"
    }

    /// https://prometheus.io/docs/concepts/data_model/
    static func isMetricName(_ name: some StringProtocol) -> Bool {
        isName(name) { $0 == UInt8(ascii: ":") }
    }

    static func isLabelName(_ name: some StringProtocol) -> Bool { isName(name) { _ in false } }

    private static func isName(_ name: some StringProtocol, _ isAlsoAllowed: (UInt8) -> Bool) -> Bool {
        var isFirst = true
        for byte in name.utf8 {
            switch byte {
            case 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): break
            case 0x30...0x39 where !isFirst: break
            default: guard isAlsoAllowed(byte) else { return false }
            }
            isFirst = false
        }
        return !isFirst
    }

    /// The buckets of each histogram ascend, and the last of them is the count.
    mutating func checkHistograms() {
        var buckets: [String: [(bound: Double, count: Double)]] = [:]
        for (series, value) in samples {
            guard let brace = series.firstIndex(of: "{"), series[..<brace].hasSuffix("_bucket"),
                let start = series.range(of: "le=\"")
            else { continue }
            let rest = series[start.upperBound...]
            guard let end = rest.firstIndex(of: "\"") else { continue }
            let text = rest[..<end]
            guard let bound = text == "+Inf" ? .infinity : Double(text) else {
                complain("\(series): the bound is no number")
                continue
            }
            let family = String(series[..<brace].dropLast("_bucket".count))
            let labels = series[brace..<start.lowerBound] + rest[end...].dropFirst()
            buckets["\(family) \(labels)", default: []].append((bound, value))
        }
        for (key, found) in buckets {
            let sorted = found.sorted { $0.bound < $1.bound }
            if sorted.last?.bound != .infinity { complain("\(key): there is no bucket up to +Inf") }
            if zip(sorted, sorted.dropFirst()).contains(where: { $0.count > $1.count }) {
                complain("\(key): the buckets do not ascend")
            }
        }
    }
}

extension String {
    /// Where `text` first stands.
    fileprivate func range(of text: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
