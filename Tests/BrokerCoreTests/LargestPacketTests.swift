import BrokerMetrics
import Glibc
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

@Suite struct LargestPacketTests {
    /// Payloads of so many bytes that the largest packet of MQTT 3.1.1 is just reached, and not quite.
    @Test(arguments: [268_435_455 - 3, 1000], [1, 2])
    func `a message that has no form in the subscriber's version is lost with its reason`(
        _ payloadCount: Int, _ subscribers: Int
    ) throws {
        // Address space without memory behind it: a QoS 0 message that is not written is never looked at.
        let base = try #require(
            mmap(nil, 1 << 29, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))
        defer { munmap(base, 1 << 29) }
        let bench = CoreBench()
        let clients = (0..<subscribers).map { bench.connect(UTF8Text("s\($0)")) }
        for client in clients {
            try client.send(
                .subscribe(
                    SubscribePacket(
                        packetIdentifier: PacketIdentifier(rawValue: 1),
                        filters: [SubscribeFilter("t", qos: .atMostOnce)])))
            #expect(try client.received().map(\.type) == [.connack, .suback])
        }
        let topic = Array("t".utf8)
        let nothing: [UInt8] = []
        var publication = Publication(
            topic: topic.span.bytes, properties: nothing.span.bytes,
            payload: RawSpan(_unsafeStart: base, byteCount: payloadCount),
            facts: MessageFacts(qos: .atMostOnce, isRetained: false, mountpoint: .default, publisher: nil))
        _ = bench.shard.publish(&publication, origin: .client)
        let fits = payloadCount == 1000
        #expect(bench.numbers[DropReason.packetTooLarge] == (fits ? 0 : UInt64(subscribers)))
        #expect(bench.numbers[LoopGauge.outputMessages] == (fits ? Int64(subscribers) : 0))
        for client in clients { #expect(try client.received().count == (fits ? 1 : 0)) }
    }
}
