import BrokerMetrics
import Foundation
import Testing

/// Every case of the enums that name what is counted is counted somewhere: a name that nothing moves is a number that is
/// not true. What each is counted for is the matter of the scenario tests; this finds the forgotten ones.
@Suite struct CountedCasesTests {
    /// What counts: all sources but the tables of metrics and what shows them.
    private static let text: String = {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources")
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        var text = ""
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift",
                !["BrokerMetrics", "Exporters"].contains(where: file.pathComponents.contains)
            else { continue }
            text += (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        }
        return text
    }()

    /// Wait for the cluster, as `docs/metrics.md` says.
    private static let ofTheCluster = ["routerMatchesRemote", "ledgerHandedOver"]

    private static let names: [String] =
        Counter.allCases.map { "\($0)" } + VersionedCounter.allCases.map { "\($0)" }
        + PacketReasonCounter.allCases.map { "\($0)" } + DropReason.allCases.map { "\($0)" }
        + RejectReason.allCases.map { "\($0)" } + CloseReason.allCases.map { "\($0)" }
        + LoopGauge.allCases.map { "\($0)" } + LoopHistogram.allCases.map { "\($0)" }

    @Test func `every case is counted somewhere`() throws {
        #expect(Self.text.contains("counters.add(.ledgerReceived)"))
        for name in Self.names where !Self.ofTheCluster.contains(name) {
            let use = try Regex(#"\.\#(name)\b"#)
            #expect(Self.text.contains(use), "nothing counts \(name)")
        }
    }
}
