import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct RedeliveryAcrossLoops {
    /// The publisher floods on one loop while members on the other end their sessions: copies on their way to a member
    /// that is gone go to the one that stays. Turns are as short as can be, so that a member's end often comes between
    /// two letters of a flood.
    @Test func `a shared message that meets an ended session goes to another member`() throws {
        let broker = try TestBroker(loops: 2, turnBudget: 0)
        let stays = try broker.client(broker.id(on: 1, "stays"), .v5)
        try stays.subscribe("$share/g/t", qos: .atLeastOnce)
        stays.patience = 5000  // a loop that sleeps on a letter wakes by itself after ten seconds
        let publisher = try broker.client(broker.id(on: 0, "publisher"), .v5)
        var sent = 0
        for round in 0..<20 {
            let leaves = try broker.client(broker.id(on: 1, "leaves"), .v5)
            try leaves.subscribe("$share/g/t", qos: .atLeastOnce)
            for number in 1...50 {
                try publisher.publish("t", "\(round)", qos: .atLeastOnce, id: UInt16(round * 50 + number))
                sent += 1
                if number == 10 { try leaves.send(.disconnect(DisconnectPacket())) }
            }
            leaves.drop()
        }
        var seen = 0
        while seen < sent {
            let packet = try stays.receive()
            guard case .publish(let publish) = packet, let id = publish.packetIdentifier else { continue }
            try stays.send(.puback(AckPacket(packetIdentifier: id)))
            seen += 1
            // What the leaving members had been sent and not acknowledged comes too; none may be missing.
            if broker.numbers.messages(.client) == UInt64(sent), broker.numbers[DropReason.subscriberGone] > 0
            {
                break
            }
        }
        #expect(broker.numbers[DropReason.subscriberGone] == 0)
        #expect(seen == sent)
        #expect(broker.isBalanced)
    }
}
