import Admin
import BrokerConfig
import BrokerCore
import Synchronization
import Testing

@testable import Control

@Suite struct RuntimeSettingsTests {
    private func settings(_ overrides: [(key: String, value: String)] = []) -> RuntimeSettings {
        let config = EffectiveConfig.report(
            path: nil,
            overrides: [("listener.tcp.default", "127.0.0.1:1883"), ("allow_anonymous", "on")] + overrides
        ).config
        return RuntimeSettings(config) { config in
            var settings = BrokerSettings()
            settings.session.maxInflightMessages = config.integer(.maxInflightMessages)
            settings.maxClientIDSize = config.integer(.maxClientIDSize)
            return settings
        }
    }

    @Test func `a change reaches the core as a whole, and is seen`() throws {
        let settings = settings()
        let applied = Mutex<[BrokerSettings]>([])
        try settings.set([("max_inflight_messages", "7"), ("max_client_id_size", "50")]) { new in
            applied.withLock { $0.append(new) }
        }
        let all = applied.withLock { $0 }
        #expect(all.map(\.session.maxInflightMessages) == [7] && all.map(\.maxClientIDSize) == [50])
        #expect(
            settings.config.integer(.maxInflightMessages) == 7 && settings.isChanged("max_client_id_size"))
    }

    @Test func `who observes gets the configuration after each change, a reset included`() throws {
        let settings = settings()
        let seen = Mutex<[Int]>([])
        settings.observe { config in seen.withLock { $0.append(config.integer(.graphiteInterval)) } }
        try settings.set([("graphite_interval", "500")]) { _ in }
        #expect(throws: AdminFailure.self) { try settings.set([("graphite_interval", "x")]) { _ in } }
        _ = try settings.reset([]) { _ in }
        #expect(seen.withLock { $0 } == [500, 20_000])
    }

    private static let refused: [(pairs: [(key: String, value: String)], says: String)] = [
        ([("max_inflight_messages", "7"), ("max_client_id_size", "x")], "max_client_id_size"),
        ([("max_inflight_messages", "7"), ("nosuch", "1")], "Unknown variable: nosuch"),
        (
            [("max_inflight_messages", "7"), ("listener.max_connections", "1")],
            "not settable: [\"listener.max_connections\"]"
        ),
        ([("max_inflight_mesages", "7")], "did you mean max_inflight_messages"),
    ]

    @Test(arguments: 0..<refused.count)
    func `one wrong value refuses the whole change`(_ index: Int) throws {
        let (pairs, says) = Self.refused[index]
        let settings = settings()
        let failure = #expect(throws: AdminFailure.self) {
            try settings.set(pairs) { _ in Issue.record("nothing may be applied") }
        }
        #expect(failure?.text.contains(says) == true, "\(failure?.text ?? "")")
        #expect(settings.config.integer(.maxInflightMessages) == 20)
    }

    @Test func `a reset goes back to what the broker was started with`() throws {
        let settings = settings([("max_inflight_messages", "9")])
        try settings.set([("max_inflight_messages", "7"), ("max_client_id_size", "50")]) { _ in }
        #expect(try settings.reset(["max_inflight_messages"]) { _ in } == ["max_inflight_messages"])
        #expect(
            settings.config.integer(.maxInflightMessages) == 9 && settings.isChanged("max_client_id_size"))
        #expect(try settings.reset([]) { _ in } == ["max_client_id_size"])
        #expect(settings.config.integer(.maxClientIDSize) == 100)
    }
}
