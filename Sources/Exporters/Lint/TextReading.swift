/// Reads the two text formats and says what is wrong with them.
///
/// Beyond what a scraper needs it holds them to what the definitions ask for: one HELP and TYPE for each family before its lines,
/// all lines of a family together, no series twice, in OpenMetrics the suffixes of the type, units that end the name, and `# EOF`.
struct TextReading {
    private var result = ReadExposition()
    private let isOpenMetrics: Bool
    private var family = ""
    private var finished = Set<String>()
    /// Names that samples of earlier families have: `a_total` of the counter `a` clashes with the gauge `a_total`.
    private var sampleNames: [String: String] = [:]
    private var heads = Set<String>()
    private var hasSamples = false

    private init(isOpenMetrics: Bool) { self.isOpenMetrics = isOpenMetrics }

    static func read(_ bytes: [UInt8], isOpenMetrics: Bool) -> ReadExposition {
        var reading = TextReading(isOpenMetrics: isOpenMetrics)
        reading.read(bytes)
        return reading.result
    }

    private mutating func read(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return result.complain("the text is not UTF-8")
        }
        if bytes.last != UInt8(ascii: "\n") { result.complain("the last line does not end") }
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        if isOpenMetrics {
            if lines.last.map({ String(Substring($0)) }) == "# EOF" {
                lines.removeLast()
            } else {
                result.complain("the last line is not # EOF")
            }
        }
        for (index, line) in lines.enumerated() {
            let place = "line \(index + 1)"
            if line.isEmpty {
                result.complain("\(place) is empty")
            } else if line.first == UInt8(ascii: "#") {
                head(Substring(line), place)
            } else {
                sample(Substring(line).utf8, place)
            }
        }
        result.checkHistograms()
    }

    private mutating func head(_ line: Substring, _ place: String) {
        let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard words.count >= 3, ["HELP", "TYPE", "UNIT"].contains(words[1]) else {
            return result.complain("\(place): \(line.prefix(60)) is no HELP, TYPE or UNIT")
        }
        let name = String(words[2])
        if name != family {
            if !family.isEmpty { finished.insert(family) }
            if finished.contains(name) { result.complain("\(place): \(name) is in two places") }
            family = name
            heads = []
            hasSamples = false
        }
        if hasSamples { result.complain("\(place): \(words[1]) after the first sample") }
        if !heads.insert(String(words[1])).inserted { result.complain("\(place): \(words[1]) stands twice") }
        if !ReadExposition.isMetricName(name) { result.complain("\(place): \(name) cannot be a name") }
        let value = words.count > 3 ? String(words[3]) : ""
        switch words[1] {
        case "TYPE":
            let known = ["counter", "gauge", "histogram", isOpenMetrics ? "unknown" : "untyped"]
            if !known.contains(value) { result.complain("\(place): the type \(value) is not known") }
            result.types[name] = value
        case "UNIT":
            if !isOpenMetrics { result.complain("\(place): UNIT is OpenMetrics'") }
            if !name.hasSuffix("_" + value) {
                result.complain("\(place): \(name) does not end in its unit \(value)")
            }
        default:
            if value.isEmpty { result.complain("\(place): \(name) has no help") }
        }
    }

    /// The suffixes that samples of a type have.
    private func suffixes(_ type: String) -> [String] {
        switch type {
        case "histogram":
            ["_bucket", "_sum", "_count"] + (isOpenMetrics ? ["_created"] : [])
        case "counter" where isOpenMetrics: ["_total", "_created"]
        default: [""]
        }
    }

    private mutating func sample(_ line: Substring.UTF8View, _ place: String) {
        let sample: SampleLine
        do throws(SampleLine.Malformed) {
            sample = try SampleLine(line)
        } catch {
            return result.complain("\(place): \(error.reason)")
        }
        hasSamples = true
        guard let type = result.types[family] else {
            return result.complain("\(place): \(sample.name) has no TYPE before it")
        }
        if !heads.contains("HELP") { result.complain("\(place): \(sample.name) has no HELP before it") }
        guard let suffix = suffixes(type).first(where: { sample.name == family + $0 }) else {
            return result.complain("\(place): \(sample.name) stands under \(family), a \(type)")
        }
        if let other = sampleNames.updateValue(family, forKey: sample.name), other != family {
            result.complain("\(place): \(sample.name) belongs to \(other) and to \(family)")
        }
        if sample.timestamp != nil { result.complain("\(place): \(sample.name) has a time of its own") }
        guard let value = Self.number(sample.value) else {
            return result.complain("\(place): \(sample.value) is no number")
        }
        if suffix == "_created" {
            if value <= 0 || !value.isFinite { result.complain("\(place): \(sample.value) is no time") }
            return
        }
        if type == "counter" || type == "histogram", value.isNaN || value < 0 {
            result.complain("\(place): \(sample.name) is \(sample.value)")
        }
        result.add(sample.name, sample.labels, value, at: place)
        if suffix == "_bucket" { bucket(sample, place) }
        if let exemplar = sample.exemplar { self.exemplar(exemplar, of: sample, suffix, place) }
    }

    private mutating func bucket(_ sample: SampleLine, _ place: String) {
        guard let bound = sample.labels.first(where: { $0.name == "le" })?.value else {
            return result.complain("\(place): a bucket without le")
        }
        // The same bound in two spellings would be two series.
        if let number = Double(bound), bound != "+Inf", !bound.contains("."), !bound.contains("e") {
            result.complain("\(place): le=\"\(bound)\" should be \(number)")
        }
    }

    private mutating func exemplar(
        _ exemplar: (labels: [(name: String, value: String)], value: String, timestamp: String?),
        of sample: SampleLine, _ suffix: String, _ place: String
    ) {
        if !isOpenMetrics { return result.complain("\(place): exemplars are OpenMetrics'") }
        if suffix != "_bucket", suffix != "_total" {
            result.complain("\(place): \(sample.name) cannot have an exemplar")
        }
        let length = exemplar.labels.reduce(0) {
            $0 + $1.name.unicodeScalars.count + $1.value.unicodeScalars.count
        }
        if length > 128 {
            result.complain("\(place): the exemplar's labels have \(length) characters, over 128")
        }
        if let bound = sample.labels.first(where: { $0.name == "le" }).flatMap({ Self.number($0.value) }),
            let value = Self.number(exemplar.value), value > bound
        {
            result.complain("\(place): the exemplar's value \(value) is not in its bucket")
        }
        let labels = ReadExposition.series("", exemplar.labels)
        let text = "\(labels) \(Self.number(exemplar.value).map { "\($0)" } ?? "?")"
        result.exemplars[ReadExposition.series(sample.name, sample.labels)] = text
    }

    private static func number(_ text: String) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: Double(text)
        }
    }
}
