import MQTTCodec
import Primitives
import TestSupport
import Testing

@testable import BrokerCore

@Suite struct DeliveryBatchTests {
    private struct Sent: Equatable {
        var topic: [UInt8]
        var properties: [UInt8]
        var payload: [UInt8]
        var qos: QoS
        var targets: [UInt32]
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `what is taken out in slices is what was put in, in order`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let batch = DeliveryBatch()
        for _ in 0..<3 {
            var sent: [Sent] = []
            for serial in 1...200 as ClosedRange<UInt64> {
                func bytes(_ count: Int) -> [UInt8] {
                    (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                }
                let message = Sent(
                    topic: bytes(1 + random.below(20)), properties: bytes(random.below(10)),
                    payload: bytes(random.below(10) == 0 ? OutputBuffer.sharingThreshold : random.below(100)),
                    qos: QoS.allCases[random.below(3)], targets: (0...UInt32(random.below(4))).map { $0 })
                var publication = Publication(
                    topic: message.topic.span.bytes, properties: message.properties.span.bytes,
                    payload: message.payload.span.bytes,
                    facts: MessageFacts(
                        qos: message.qos, isRetained: false, mountpoint: .default, publisher: nil))
                for slot in message.targets {
                    let session = SessionHandle(loop: 1, slot: slot, generation: 1)
                    batch.append(
                        &publication, SubscriptionTarget(session: session, options: 1), serial: serial)
                }
                sent.append(message)
            }
            #expect(batch.copyCount == sent.reduce(0) { $0 + $1.targets.count })
            #expect(batch.byteCount >= sent.reduce(0) { $0 + $1.payload.count })
            var taken: [Sent] = []
            while !batch.isEmpty {
                let limit = 1 + random.below(7)
                var copyCount = 0
                let count = batch.take(limit) { publication, targets in
                    copyCount += targets.count
                    let message = Sent(
                        topic: publication.topic.copiedBytes(),
                        properties: publication.properties.copiedBytes(),
                        payload: publication.payload.copiedBytes(), qos: publication.facts.qos,
                        targets: targets.map(\.session.slot))
                    // The first target of each message is 0: other pieces go on with the one before.
                    if message.targets.first == 0 {
                        taken.append(message)
                    } else {
                        taken[taken.count - 1].targets += message.targets
                    }
                }
                #expect(count == copyCount && count > 0 && count <= limit)
            }
            let left = batch.take(1) { _, _ in }
            #expect(left == 0)
            #expect(taken == sent)
            batch.removeAll()
            #expect(batch.copyCount == 0 && batch.byteCount == 0)
        }
    }
}
