import BrokerMetrics
import Testing

@Suite struct VerneMQQueuesTests {
    private func value(_ name: String, _ count: (LoopCounters) -> Void) -> Int64? {
        let counters = LoopCounters()
        count(counters)
        let snapshot = Snapshot(loops: [Snapshot.Loop(words: counters.copy())])
        return MetricCatalog.core().families.first { $0.name == name }.flatMap { snapshot.aggregate($0)?.raw }
    }

    @Test(arguments: DropReason.allCases)
    func `a lost message is dropped or unhandled, and never both`(_ reason: DropReason) {
        let drop = value("queue_message_drop") { $0.add(lost: reason) }
        let unhandled = value("queue_message_unhandled") { $0.add(lost: reason) }
        #expect(drop == (reason.verneMQExit == .drop ? 1 : 0))
        #expect(unhandled == (reason.verneMQExit == .unhandled ? 1 : 0))
        #expect(value("queue_message_expired") { $0.add(lost: reason) } == (reason == .expired ? 1 : 0))
        #expect(value("queue_message_out") { $0.add(lost: reason) } == 0)
    }

    @Test func `what came from the store came in, and what another session got went out`() {
        #expect(value("queue_message_in") { $0.add(.ledgerLoaded, 3) } == 3)
        for counter in [Counter.ledgerDelivered, .sharedRedelivered, .siblingRedelivered, .ledgerHandedOver] {
            #expect(value("queue_message_out") { $0.add(counter) } == 1)
        }
    }

    @Test func `the status page's formula gives what waits`() {
        let counters = LoopCounters()
        counters.add(.queueMessageIn, 20)
        counters.add(.ledgerLoaded, 5)
        counters.add(.ledgerDelivered, 6)
        for reason in DropReason.allCases { counters.add(lost: reason) }
        let waiting = 25 - 6 - DropReason.allCases.count
        counters.move(.queuedMessages, by: waiting - 3)
        counters.move(.inflightMessages, by: 2)
        counters.move(.outputMessages, by: 1)
        let snapshot = Snapshot(loops: [Snapshot.Loop(words: counters.copy())])
        #expect(snapshot.residual(.queue) == 0)
        let left = [VerneMQQueues.messageOut, VerneMQQueues.drop, VerneMQQueues.unhandled]
        #expect(
            snapshot.sum(VerneMQQueues.messageIn) - left.reduce(0) { $0 + snapshot.sum($1) }
                == UInt64(waiting))
    }
}
