import MQTTCodec
import Primitives
import TestSupport
import Testing

@testable import BrokerCore

@Suite struct SubscriptionListTests {
    private func subscription(_ number: Int, qos: QoS = .atMostOnce) -> Subscription {
        Subscription(filter: UTF8Text("f/\(number)"), options: SubscriptionOptions(qos: qos), identifier: 0)
    }

    /// Held against a dictionary, across the length from which on it keeps an index.
    @Test(arguments: [1, 2, 3])
    func `it holds what a dictionary by filter would`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var list = SubscriptionList()
        var model: [UTF8Text: QoS] = [:]
        for _ in 0..<5000 {
            let number = Int.random(in: 0..<40, using: &random)
            let entry = subscription(number, qos: QoS.allCases.randomElement(using: &random) ?? .atMostOnce)
            if Bool.random(using: &random) {
                list.set(entry)
                model[entry.filter] = entry.options.qos
            } else {
                let existed = list.remove(entry.filter)
                #expect(existed == (model.removeValue(forKey: entry.filter) != nil))
            }
            #expect(list.contains(entry.filter) == (model[entry.filter] != nil))
        }
        #expect(list.count == model.count)
        #expect(Dictionary(uniqueKeysWithValues: list.map { ($0.filter, $0.options.qos) }) == model)
    }

    @Test func `it is empty again after everything was removed`() {
        var list = SubscriptionList()
        for number in 0..<100 { list.set(subscription(number)) }
        #expect(list.count == 100)
        for number in (0..<100).reversed() {
            let existed = list.remove(subscription(number).filter)
            #expect(existed)
        }
        #expect(list.isEmpty)
        list.set(subscription(1))
        #expect(list.contains("f/1") && list.count == 1)
    }
}
