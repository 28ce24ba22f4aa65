import BrokerMetrics
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

/// A loop that stood still while it waited for the end of a session.
@Suite struct LapseTests {
    private static func seconds(_ number: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: UInt64(number * 1_000_000_000))
    }

    /// A client with a session of three seconds has gone; the loop waits those three seconds and wakes after five.
    private func benchThatStoodStill() -> CoreBench {
        let bench = CoreBench()
        let client = bench.connect("c") { packet in
            packet.cleanStart = false
            packet.properties.sessionExpiryInterval = 3
        }
        client.vanish()
        bench.shard.turnEnded { false }
        var lapses = Lapses()
        lapses.note(from: Self.seconds(3), to: Self.seconds(5), lastLook: Self.seconds(0))
        bench.shard.look(at: lapses)
        bench.shard.turnBegan(Self.seconds(5)) { false }
        return bench
    }

    @Test func `a client whose CONNECT waited meanwhile finds its session`() throws {
        let bench = benchThatStoodStill()
        let client = bench.connect("c") { $0.cleanStart = false }
        guard case .connack(let answer) = try #require(client.received().first) else {
            Issue.record("no CONNACK")
            return
        }
        #expect(answer.isSessionPresent)
        #expect(bench.numbers[.sessionExpired] == 0)
    }

    @Test func `the session of a client that stays away ends as soon as all who waited have been read`() {
        let bench = benchThatStoodStill()
        bench.shard.turnEnded { false }
        bench.shard.turnBegan(Self.seconds(5.9)) { false }
        #expect(bench.numbers[.sessionExpired] == 0)
        bench.shard.turnEnded { false }
        bench.shard.turnBegan(Self.seconds(6.2)) { false }
        #expect(bench.numbers[.sessionExpired] == 1)
    }
}
