import BrokerMetrics
import Logging
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

/// Logins that fail: counted, answered late, banned, and never more of them remembered than may be.
@Suite struct AuthFailuresTests {
    private let failures = AuthFailures(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    private let limits = {
        var limits = AuthFailures.Limits()
        limits.maximum = 3
        limits.window = 60
        limits.banTime = 300
        limits.longestDelay = 1600
        return limits
    }()

    private func peer(_ address: String) -> ClientPeer { ClientPeer(address: address, port: 1) }
    private func at(_ seconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: (seconds + 1000) * 1_000_000_000)
    }

    @Test func `the answer comes later with each failure, up to a limit`() {
        let delays = (0..<7).map { failures.failed(peer("1.2.3.4"), "ada", limits, now: at($0)) }
        #expect(delays == [100, 200, 400, 800, 1600, 1600, 1600])
        // By the address or by the name, whichever failed more often.
        #expect(failures.failed(peer("1.2.3.5"), "ada", limits, now: at(8)) == 1600)
        #expect(failures.failed(peer("1.2.3.5"), nil, limits, now: at(8)) == 200)
        #expect(failures.reading.delayed == 9)
    }

    @Test func `a ban begins with the last failure that may be, and ends by itself`() {
        for second in 0..<3 {
            #expect(!failures.isBanned(peer("1.2.3.4"), nil, limits, now: at(UInt64(second))))
            _ = failures.failed(peer("1.2.3.4"), "ada", limits, now: at(UInt64(second)))
        }
        #expect(failures.isBanned(peer("1.2.3.4"), nil, limits, now: at(3)))
        #expect(!failures.isBanned(peer("1.2.3.5"), "ada", limits, now: at(3)))
        #expect(failures.isBanned(peer("1.2.3.4"), nil, limits, now: at(301)))
        #expect(!failures.isBanned(peer("1.2.3.4"), nil, limits, now: at(302)))
        #expect(failures.reading.bans == 1)
        #expect(failures.reading.refused == 2)
        var named = limits
        named.bansUsers = true
        _ = failures.failed(peer("1.2.3.6"), "ada", named, now: at(4))
        #expect(failures.isBanned(peer("9.9.9.9"), "ada", named, now: at(5)))
        failures.succeeded("ada")
        #expect(!failures.isBanned(peer("9.9.9.9"), "ada", named, now: at(5)))
    }

    @Test func `failures are forgotten when the window has passed`() {
        for second: UInt64 in [0, 1, 61, 62, 122] {
            _ = failures.failed(peer("1.2.3.4"), nil, limits, now: at(second))
        }
        #expect(!failures.isBanned(peer("1.2.3.4"), nil, limits, now: at(123)))
        #expect(failures.rows(window: 60, now: at(123)).map(\.failures) == [1])
    }

    @Test func `the addresses of one IPv6 network are one`() {
        for index in 0..<3 {
            _ = failures.failed(peer("2001:db8:1:2::\(index)"), nil, limits, now: at(0))
        }
        #expect(failures.isBanned(peer("2001:db8:1:2:ffff::1"), nil, limits, now: at(1)))
        #expect(!failures.isBanned(peer("2001:db8:1:3::1"), nil, limits, now: at(1)))
        #expect(failures.rows(window: 60, now: at(1)).map(\.name) == ["2001:db8:1:2::/64"])
        #expect(failures.clear(.address, "2001:db8:1:2::/64") == 1)
        #expect(!failures.isBanned(peer("2001:db8:1:2::1"), nil, limits, now: at(1)))
    }

    @Test func `a million addresses and names take no more room, and a ban stays`() {
        for _ in 0..<3 { _ = failures.failed(peer("1.2.3.4"), nil, limits, now: at(0)) }
        for number in 0..<1_000_000 {
            _ = failures.failed(
                peer("a\(number)"), number % 4 == 0 ? UTF8Text("u\(number)") : nil, limits, now: at(1))
        }
        #expect(failures.reading.entries <= 2 * AuthFailures.limit * 5 / 4)
        #expect(failures.isBanned(peer("1.2.3.4"), nil, limits, now: at(2)))
        let before = failures.reading.entries
        #expect(failures.clear(nil, nil) == before)
        #expect(failures.rows(window: 60, now: at(2)).isEmpty)
    }

    @Test func `a refusal is held back, and what the client does meanwhile is not read`() throws {
        let hook = ScriptedHook([.authOnRegisterM5], .register(.refuse(HookRefusal())))
        let bench = CoreBench(hooks: [hook]) {
            $0.allowsAnonymous = false
            $0.authFailures.longestDelay = 1600
        }
        let client = bench.connect("c")
        #expect(client.closeReason == nil && client.pauses.contains(.hook))
        #expect(try client.received().isEmpty)
        bench.shard.turnBegan(MonotonicTime(nanoseconds: 200_000_000)) { false }
        #expect(client.closeReason == .refused)
        guard case .connack(let connack)? = try client.received().first else {
            Issue.record("no CONNACK")
            return
        }
        #expect(connack.code == ReasonCode.badUserNameOrPassword.rawValue)
        // One that goes before the answer leaves nothing behind.
        let other = bench.connect("d")
        other.vanish()
        bench.shard.turnBegan(MonotonicTime(nanoseconds: 5_000_000_000)) { false }
        #expect(bench.broker.authFailures.reading.failures == 2)
    }

    @Test func `that a plugin had no time is nobody's failure`() {
        let hook = ScriptedHook(
            [.authOnRegisterM5], .register(.refuse(HookRefusal(reasonCode: .serverBusy))))
        let bench = CoreBench(hooks: [hook]) { $0.allowsAnonymous = false }
        #expect(bench.connect("c").closeReason == .refused)
        #expect(bench.broker.authFailures.reading.failures == 0)
    }
}
