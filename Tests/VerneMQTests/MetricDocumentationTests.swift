import BrokerMetrics
import Foundation
import Testing

@Suite struct MetricDocumentationTests {
    @Test func `docs/metrics.md is what the catalogue says`() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/metrics.md")
        let page = MetricDocumentation.render(.full())
        if ProcessInfo.processInfo.environment["WRITE_DOCS"] != nil {
            try page.write(to: file, atomically: true, encoding: .utf8)
        }
        let written = try String(contentsOf: file, encoding: .utf8)
        #expect(written == page, "write it anew: script/docs")
    }

    @Test func `every name stands in the page once`() {
        let page = MetricDocumentation.render(.full())
        for family in MetricCatalog.full().families {
            #expect(page.components(separatedBy: "| `\(family.name)` |").count == 2, "\(family.name)")
        }
    }
}
