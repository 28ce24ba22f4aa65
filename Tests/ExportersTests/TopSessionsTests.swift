import Foundation
import Testing

@testable import Exporters

@Suite struct TopSessionsTests {
    private func entry(_ name: String, lost: Int = 0, queued: Int = 0) -> TopSessions.Entry {
        TopSessions.Entry(
            clientID: name, mountpoint: "", userName: nil, peer: nil, lost: lost,
            lastLoss: lost > 0 ? ("queue_full", 2.5) : nil, queued: queued, inflight: 1, queuedBytes: 7,
            oldestSeconds: queued > 0 ? 3.25 : nil)
    }

    private func lists(_ top: TopSessions) throws -> (
        losing: [String?], waiting: [String?], all: [String: Any]
    ) {
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(top.json(wallMilliseconds: 5))) as? [String: Any])
        func names(_ key: String) -> [String?] {
            (object[key] as? [[String: Any]] ?? []).map { $0["client_id"] as? String }
        }
        return (names("losing"), names("waiting"), object)
    }

    @Test func `the ten that lose most and the ten that wait most are shown, the first of each first`() throws
    {
        var top = TopSessions()
        var made = 0
        // In an order in which each place is taken and given away again.
        for number in (0..<1_000).map({ $0 * 7 % 1_000 }) {
            top.look(lost: number, waits: 1_000 - number) {
                made += 1
                return entry("c\(number)", lost: number, queued: 999 - number)
            }
        }
        let (losing, waiting, all) = try lists(top)
        #expect(losing == (990..<1_000).reversed().map { "c\($0)" })
        #expect(waiting == (0..<10).map { "c\($0)" })
        #expect(
            all["sessions"] as? Int == 1_000 && all["complete"] as? Bool == true && all["at_ms"] as? Int == 5)
        #expect(made < 300, "texts were made for \(made) of 1,000")
    }

    @Test func `who neither loses nor waits is not shown, and text stays text`() throws {
        var top = TopSessions()
        top.look(lost: 0, waits: 0) { entry("idle") }
        top.look(lost: 1, waits: 0) { entry("\"</script>\u{0}é", lost: 1) }
        top.isComplete = false
        let (losing, waiting, all) = try lists(top)
        #expect(losing == ["\"</script>\u{0}é"] && waiting == [])
        #expect(all["complete"] as? Bool == false && all["sessions"] as? Int == 2)
        let first = try #require((all["losing"] as? [[String: Any]])?.first)
        #expect(first["last_loss"] as? String == "queue_full" && first["last_loss_age_s"] as? Double == 2.5)
        #expect(first["online"] as? Bool == false && first["peer"] == nil && first["user"] == nil)
    }
}
