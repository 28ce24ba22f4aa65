import BrokerMetrics
import Foundation
import Testing

/// The files of `dashboards/` ask for nothing that `/metrics` does not have.
@Suite struct DashboardTests {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "dashboards")

    /// Labels that a scrape adds, or that every line has.
    private static let commonLabels: Set = ["job", "instance", "node", "le"]

    @Test func `every metric of the rules is in the catalogue, with its labels`() throws {
        let queries = try Self.ruleQueries("alerts.yml") + Self.ruleQueries("recording.yml")
        #expect(queries.count >= 60)
        for query in queries { #expect(Self.problems(of: query) == [], "\(query)") }
    }

    @Test func `every metric of the Grafana dashboards is in the catalogue, with its labels`() throws {
        let files = try FileManager.default.contentsOfDirectory(
            at: Self.folder, includingPropertiesForKeys: nil
        )
        .filter { $0.pathExtension == "json" }
        #expect(files.count == 7)
        for file in files {
            let queries = try Self.dashboardQueries(file)
            #expect(queries.count >= 25)
            for query in queries { #expect(Self.problems(of: query) == [], "\(query)") }
        }
    }

    @Test func `dashboards, rules and runbooks are what the script writes`() throws {
        let script = Process()
        let errors = Pipe()
        script.executableURL = Self.folder.deletingLastPathComponent().appending(path: "script/dashboards")
        script.arguments = ["--check"]
        script.standardError = errors
        try script.run()
        let text = try String(bytes: errors.fileHandleForReading.readToEnd() ?? Data(), encoding: .utf8)
        script.waitUntilExit()
        #expect(script.terminationStatus == 0, "\(text ?? "")")
    }

    @Test func `every alert of VerneMQ is there`() throws {
        let text = try String(contentsOf: Self.folder.appending(path: "alerts.yml"), encoding: .utf8)
        let names = [
            "InstanceDown", "HighSchedulerUtilization", "RunQueueHigh", "HighMemoryUsage",
            "CriticalMemoryUsage",
            "QueueMessageDrop", "QueueUnhandledHigh", "PublishErrorRateHigh", "SocketErrorRateHigh",
            "KeepaliveExpiredHigh", "NetsplitDetected", "ClusterBytesDropped",
        ]
        for name in names { #expect(text.contains("- alert: VerneMQ\(name)\n"), "\(name)") }
    }

    @Test(arguments: [
        "rate(vernemq_no_such_metric[5m])", "vernemq_ledger_residual{reason=\"x\"}", "socket_open",
        "vernemq_message_drops_total{reason=\"no_such_reason\"}", "sum by (reason) (vernemq_socket_open)",
    ])
    func `a query that asks for what is not there is found`(query: String) {
        #expect(Self.problems(of: query) != [])
    }

    // MARK: The files

    private static func ruleQueries(_ file: String) throws -> [String] {
        let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
        return try text.split(separator: "\n").compactMap { line in
            let line = line.trimmingPrefix(while: \.isWhitespace)
            guard line.hasPrefix("expr: ") else { return nil }
            return try JSONDecoder().decode(String.self, from: Data(line.dropFirst("expr: ".count).utf8))
        }
    }

    private static func dashboardQueries(_ file: URL) throws -> [String] {
        let data = try Data(contentsOf: file)
        var queries: [String] = []
        func collect(_ value: Any) {
            switch value {
            case let object as [String: Any]:
                for (key, value) in object {
                    if key == "expr", let query = value as? String { queries.append(query) }
                    if key == "query", let query = value as? String, query.hasPrefix("label_values(") {
                        queries.append(
                            query.replacing(#/label_values\((\w+(?:{[^}]*})?), *(\w+)\)/#) {
                                "sum by (\($0.2)) (\($0.1))"
                            })
                    }
                    collect(value)
                }
            case let array as [Any]: array.forEach(collect)
            default: break
            }
        }
        collect(try JSONSerialization.jsonObject(with: data))
        return queries
    }

    /// What recording.yml records.
    private static let recorded: [String] = {
        let text = try? String(contentsOf: folder.appending(path: "recording.yml"), encoding: .utf8)
        return (text ?? "").matches(of: #/record: (\S+)/#).map { String($0.1) }
    }()

    // MARK: PromQL, as far as these files use it

    private static let operators: Set = ["and", "or", "unless", "bool"]

    private struct Family {
        var labels: Set<String>
        /// Values that stand in the catalogue; empty where they come at run time.
        var values: [String: Set<String>]
    }

    private static let catalogue: [String: Family] = {
        var result = [
            "up": Family(labels: [], values: [:]), "scrape_duration_seconds": Family(labels: [], values: [:]),
            "scrape_samples_scraped": Family(labels: [], values: [:]),
            "ALERTS": Family(labels: ["alertname", "alertstate", "severity"], values: [:]),
        ]
        for family in MetricCatalog.full().families {
            var values: [String: Set<String>] = [:]
            for label in family.series.flatMap(\.labels) {
                values[label.name, default: []].insert(label.value)
            }
            let entry = Family(labels: Set(family.labelNames), values: values)
            // Its own name is that of a native histogram.
            let suffixes = family.kind == .histogram ? ["", "_bucket", "_sum", "_count"] : [""]
            for suffix in suffixes { result["vernemq_\(family.name)\(suffix)"] = entry }
        }
        for name in recorded { result[name] = Family(labels: ["reason"], values: [:]) }
        return result
    }()

    private static func problems(of query: String) -> [String] {
        var problems: [String] = []
        let withoutRanges = query.replacing(#/\[[^\]]*\]|\b\d+e-\d+/#, with: "")
        var grouping: Set<String> = []
        let withoutGrouping = withoutRanges.replacing(#/\b(?:by|without|on|group_left) *\(([^)]*)\)/#) {
            match in
            grouping.formUnion(
                match.1.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
            return " "
        }
        var known: Set<String> = []
        for match in withoutGrouping.matches(of: #/([A-Za-z_:][\w:]*)(?:\{([^}]*)\})?( *\()?/#) {
            let name = String(match.1)
            if match.3 != nil || operators.contains(name) { continue }
            guard let family = catalogue[name] else {
                if !isInsideMatcher(match.range, of: withoutGrouping) { problems.append("no metric \(name)") }
                continue
            }
            known.formUnion(family.labels)
            for matcher in (match.2 ?? "").matches(of: #/(\w+) *(=|!=|=~|!~) *"([^"]*)"/#) {
                let label = String(matcher.1)
                let value = String(matcher.3)
                if !family.labels.union(commonLabels).contains(label) {
                    problems.append("\(name) has no label \(label)")
                }
                if matcher.2.count == 1 || matcher.2 == "!=", !value.hasPrefix("$"),
                    let values = family.values[label], !values.contains(value)
                {
                    problems.append("\(name) has no \(label)=\(value)")
                }
            }
        }
        for label in grouping where !known.union(commonLabels).contains(label) {
            problems.append("no label \(label)")
        }
        if known.isEmpty, problems.isEmpty, !query.contains("vernemq_"),
            !query.contains(#/up{|ALERTS|scrape_/#)
        {
            problems.append("no metric at all")
        }
        return problems
    }

    /// Words between braces belong to a matcher that was looked at with its metric.
    private static func isInsideMatcher(_ range: Range<String.Index>, of text: String) -> Bool {
        let before = text[..<range.lowerBound]
        return before.count(where: { $0 == "{" }) > before.count(where: { $0 == "}" })
    }
}
