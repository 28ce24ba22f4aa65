import Foundation
import Testing

/// Holds docs/protocol-coverage.md to the repository: every statement has a row, no cell is empty, and what a row
/// names is there.
@Suite struct ProtocolCoverageTests {
    private struct Row: CustomStringConvertible {
        let id: String
        let asks: String
        let place: String
        let test: String
        var description: String { id }
    }

    private let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The rows under the heading `## heading`.
    private func rows(_ heading: String) throws -> [Row] {
        let page = try String(contentsOf: root.appending(path: "docs/protocol-coverage.md"), encoding: .utf8)
        let sections = page.components(separatedBy: "\n## ")
        let section = try #require(sections.first { $0.hasPrefix(heading + "\n") })
        return try section.split(separator: "\n").filter { $0.hasPrefix("| MQTT-") }.map { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            try #require(cells.count == 6, "\(line)")
            return Row(id: cells[1], asks: cells[2], place: cells[3], test: cells[4])
        }
    }

    /// The texts of all files under `folder`, by file name.
    private func texts(_ folder: String) throws -> [String: [String]] {
        var texts: [String: [String]] = [:]
        let files = try #require(
            FileManager.default.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil))
        for case let file as URL in files where ["swift", "py"].contains(file.pathExtension) {
            texts[file.lastPathComponent, default: []].append(try String(contentsOf: file, encoding: .utf8))
        }
        return texts
    }

    @Test(arguments: [("MQTT 5.0", ServerStatements.mqtt5), ("MQTT 3.1.1", ServerStatements.mqtt311)])
    func `every statement about a server has one row, and no cell is empty`(
        _ heading: String, _ statements: [String: [Int]]
    ) throws {
        let rows = try rows(heading)
        let wanted = statements.flatMap { section, numbers in numbers.map { "MQTT-\(section)-\($0)" } }
        #expect(rows.map(\.id).sorted() == wanted.sorted())
        for row in rows {
            for cell in [row.asks, row.place, row.test] { #expect(!cell.isEmpty, "\(row)") }
        }
    }

    @Test(arguments: ["MQTT 5.0", "MQTT 3.1.1"])
    func `what a row names is there: the function, and the test or a reason why there is none`(
        _ heading: String
    ) throws {
        let sources = try texts("Sources")
        let tests = try texts("Tests")
        for row in try rows(heading) {
            let places = row.place.matches(of: /`([^`]+)` → `([^`]+)`/)
            #expect(!places.isEmpty || row.place == "—", "\(row)")
            for place in places {
                let texts = sources[String(place.1)] ?? []
                let declaration = place.2 == "init" ? "init(" : "func \(place.2)"
                #expect(texts.contains { $0.contains(declaration) }, "\(row): \(place.0)")
            }
            if row.test.hasPrefix("no test: ") { continue }
            let cited = row.test.matches(of: /`([A-Za-z0-9_+]+\.(?:swift|py)): ([^`]+)`/)
            #expect(!cited.isEmpty, "\(row)")
            for test in cited {
                let texts = tests[String(test.1)] ?? []
                let isThere = texts.contains {
                    $0.contains("`\(test.2)`(") || $0.contains("def \(test.2)(")
                }
                #expect(isThere, "\(row): \(test.0)")
            }
        }
    }
}
