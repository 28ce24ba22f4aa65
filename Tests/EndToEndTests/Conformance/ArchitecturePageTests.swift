import Foundation
import Testing

/// Holds docs/architecture.md to the repository: each file that it names is there, each function that it names is in its
/// file, and the page stays short.
@Suite struct ArchitecturePageTests {
    private let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func page() throws -> String {
        try String(contentsOf: root.appending(path: "docs/architecture.md"), encoding: .utf8)
    }

    /// The texts of all Swift files of ours, by path.
    private func sources() throws -> [String: String] {
        let folder = root.appending(path: "Sources")
        var texts: [String: String] = [:]
        let files = try #require(
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        for case let file as URL in files where file.pathExtension == "swift" {
            texts[file.path()] = try String(contentsOf: file, encoding: .utf8)
        }
        return texts
    }

    @Test func `each function that the page names is in the file before it`() throws {
        let sources = try sources()
        // A line may break between the two.
        let pairs = try page().matches(of: /`([A-Za-z\/+]+\.swift)` →\s+`([A-Za-z]+)\(\)`/)
        #expect(pairs.count > 60)
        for pair in pairs {
            let found = sources.filter { $0.key.hasSuffix("/\(pair.1)") }
            #expect(
                found.values.contains { $0.contains("func \(pair.2)(") || $0.contains("func \(pair.2)<") },
                "\(pair.0)")
        }
    }

    @Test func `each Swift file that the page names is there`() throws {
        let paths = try sources().keys
        for file in try page().matches(of: /`([A-Za-z\/+]+\.swift)`/) {
            #expect(paths.contains { $0.hasSuffix("/\(file.1)") }, "\(file.0)")
        }
    }

    @Test func `the page has fewer than 220 lines`() throws {
        #expect(try page().split(separator: "\n", omittingEmptySubsequences: false).count <= 220)
    }
}
