import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// How long messages were in the broker, and which part kept them, against what a client sees.
@Suite struct ResidenceScenarios {
    @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
    func `what a slow hook costs shows in its stage, within one bucket of the client's truth`(_ qos: QoS)
        throws
    {
        let clock = SystemClock()
        let hook = RecordingHook([.authOnPublish, .authOnPublishM5])
        hook.publishAnswer = { event, ticket in
            guard event.message.payload.byteCount == 1 else { return .ok(nil) }
            hook.keep(ticket)
            return .later
        }
        let broker = try TestBroker(hooks: [hook])
        let receiver = try broker.client(broker.id(on: 1, "r"))
        try receiver.subscribe("t", qos: qos)
        let sender = try broker.client(broker.id(on: 0, "s"))
        let other = try broker.client(broker.id(on: 0, "o"))
        let sent = clock.now
        try sender.publish("t", "x", qos: qos, id: 1)
        #expect(hook.hasTickets(1))
        let asked = clock.now
        // The hook takes its time; the loop goes on with others meanwhile.
        for _ in 0..<300 {
            try other.send(.pingreq)
            #expect(try other.receive() == .pingresp)
        }
        let answered = clock.now
        hook.tickets[0].answer(.publish(.ok(nil)))
        #expect(try receiver.receiveMessage().text == "x")
        let received = clock.now
        let numbers = broker.numbers
        let hookStage = numbers.reading(of: .hookStage, .turnSeconds)
        #expect(hookStage.count == 1)
        func bucket(_ nanoseconds: UInt64) -> Int { LogLinearBuckets.index(of: nanoseconds) }
        let (least, most) = (answered.nanoseconds(since: asked), received.nanoseconds(since: sent))
        #expect(bucket(hookStage.sum) >= bucket(least) - 1 && bucket(hookStage.sum) <= bucket(most) + 1)
        let whole = numbers.reading(of: qos == .atMostOnce ? .residenceQoS0 : .residenceQoS1, .turnSeconds)
        #expect(whole.count == 1)
        #expect(bucket(whole.sum) >= bucket(least) - 1 && bucket(whole.sum) <= bucket(most) + 1)
        // The other stages have only what is left.
        for stage in [LoopHistogram.parseStage, .routeStage, .queueStage, .writeStage] {
            let reading = numbers.reading(of: stage, .turnSeconds)
            #expect(reading.sum <= whole.sum - min(whole.sum, hookStage.sum), "\(stage)")
        }
    }
}
