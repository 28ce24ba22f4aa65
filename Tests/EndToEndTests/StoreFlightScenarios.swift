import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// What was under way when the broker ended is read first, in as many reads as it takes.
@Suite struct StoreFlightScenarios {
    /// The store after a crash: three QoS 2 messages for which PUBREC has come, and three of QoS 1 behind them.
    private func crashed(_ version: ProtocolVersion) throws -> (ManualStore.Contents, [UInt16]) {
        let bench = try StoreBench()
        let reader = try bench.lasting("r", version)
        try reader.subscribe("t", qos: .exactlyOnce)
        let sender = try bench.lasting("s", version)
        var identifiers: [UInt16] = []
        for number in 1...3 as ClosedRange<UInt16> {
            try sender.publishAndComplete("t", "begun", qos: .exactlyOnce, id: number)
            let message = try reader.receivePublish()
            try reader.acknowledge(message)
            identifiers.append(try #require(message.packetIdentifier).rawValue)
            try reader.receiveAck(.pubrel, try #require(identifiers.last))
        }
        for number in 4...6 as ClosedRange<UInt16> {
            try sender.publishAndComplete("t", "\(number)", qos: .atLeastOnce, id: number)
            _ = try reader.receivePublish()
        }
        let isStored = bench.store.wait { $0.contents.copyCount == 6 }
        #expect(isStored)
        return (bench.crash(), identifiers)
    }

    /// Copies that the client completes between two reads may still be in the store when the next one looks there.
    @Test(arguments: [ProtocolVersion.v311, .v5], 1...3)
    func `an exchange that ends while the others are read is not read again`(
        _ version: ProtocolVersion, _ loadLimit: Int
    ) throws {
        let (contents, identifiers) = try crashed(version)
        let bench = try StoreBench(contents, loadLimit: loadLimit)
        bench.store.hold()
        let reader = try bench.lasting("r", version)
        var left = identifiers[...]
        while !left.isEmpty {
            let isRead = bench.store.loadNext()
            #expect(isRead)
            for identifier in left.prefix(loadLimit) {
                try reader.receiveAck(.pubrel, identifier)
                try reader.send(.pubcomp(AckPacket(packetIdentifier: PacketIdentifier(rawValue: identifier))))
            }
            left = left.dropFirst(loadLimit)
            #expect(bench.broker.wait { $0[.ledgerDelivered] == UInt64(identifiers.count - left.count) })
        }
        bench.store.release()
        for text in ["4", "5", "6"] {
            let message = try reader.receivePublish()
            #expect(message.text == text)
            try reader.acknowledge(message)
        }
        #expect(try reader.drain().isEmpty)
        #expect(bench.broker.wait { $0[.ledgerDelivered] == 6 && $0[LoopGauge.queuedMessages] == 0 })
        let isEmpty = bench.store.wait { $0.contents.copyCount == 0 }
        #expect(isEmpty)
        #expect(bench.broker.isBalanced)
    }
}
