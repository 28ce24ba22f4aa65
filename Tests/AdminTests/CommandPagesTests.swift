import Foundation
import Testing

@testable import Admin

@Suite struct CommandPagesTests {
    private static let docs = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs")

    private static let pages =
        [("vmq-admin.md", CommandDocumentation(.vmqAdmin).markdown())]
        + ManualPages.all(.vmqAdmin).map { ("man/" + $0.fileName, $0.roff()) }

    @Test func `the pages in docs are what the table says`() throws {
        for (name, text) in Self.pages {
            let file = Self.docs.appending(path: name)
            if ProcessInfo.processInfo.environment["WRITE_DOCS"] != nil {
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file)
            }
            #expect(try String(contentsOf: file, encoding: .utf8) == text, "\(name) is stale: script/docs")
        }
    }
}
