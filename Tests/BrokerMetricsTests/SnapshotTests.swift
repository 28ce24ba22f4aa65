import BrokerMetrics
import Testing

/// The lines of the family `name`, as `label=value,…` → raw value.
func lines(_ snapshot: Snapshot, _ name: String) -> [String: Int64] {
    var found: [String: Int64] = [:]
    for family in TestRoom.catalog.families where family.name == name {
        for series in family.series {
            snapshot.forEachValue(of: series) { labels, value in
                found[labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",")] = value.raw
            }
        }
    }
    return found
}

/// A snapshot of one loop that counted what `count` does.
func snapshot(_ count: (LoopCounters) -> Void) -> Snapshot {
    let counters = LoopCounters()
    count(counters)
    return Snapshot(loops: [Snapshot.Loop(words: counters.copy())])
}

@Suite struct SnapshotTests {
    @Test func `loops are summed, and told apart where the name has the label`() {
        let first = LoopCounters()
        let second = LoopCounters()
        first.add(.loopTurns, 3)
        second.add(.loopTurns, 4)
        first.move(.queuedMessages, by: 10)
        second.move(.queuedMessages, by: -4)
        let snapshot = Snapshot(loops: [first, second].map { Snapshot.Loop(words: $0.copy()) })
        #expect(snapshot[Counter.loopTurns] == 7)
        #expect(snapshot[.queuedMessages] == 6)
        #expect(lines(snapshot, "loop_turns_total") == ["loop=0": 3, "loop=1": 4])
        #expect(lines(snapshot, "queued_messages") == ["": 6])
    }

    @Test func `a reason code counts under its own label`() {
        let snapshot = snapshot {
            $0.add(.pubackReceived, .v5, code: 0x00, 2)
            $0.add(.pubackReceived, .v5, code: 0x10)
            $0.add(.pubackReceived, .v4, code: 0)
            $0.add(.connackSent, .v4, code: 5)
            $0.add(.connackSent, .v5, code: 0x87)
        }
        let puback = lines(snapshot, "mqtt_puback_received")
        #expect(puback["mqtt_version=5,reason_code=success"] == 2)
        #expect(puback["mqtt_version=5,reason_code=no_matching_subscribers"] == 1)
        #expect(puback["mqtt_version=4"] == 1)
        #expect(puback.values.reduce(0, +) == 4)
        let connack = lines(snapshot, "mqtt_connack_sent")
        #expect(connack["mqtt_version=4,return_code=not_authorized"] == 1)
        #expect(connack["mqtt_version=5,reason_code=not_authorized"] == 1)
    }

    @Test func `a code outside the set of its packet shows up as other, and only then`() {
        let clean = lines(snapshot { _ in }, "mqtt_puback_received")
        #expect(clean["mqtt_version=5,reason_code=other"] == nil)
        let snapshot = snapshot {
            $0.add(.pubackReceived, .v5, code: 0xFF)
            $0.add(.pubackReceived, .v5, code: 0x8A, 2)
        }
        #expect(lines(snapshot, "mqtt_puback_received")["mqtt_version=5,reason_code=other"] == 3)
    }

    @Test func `an aggregate is the sum of a name's series`() throws {
        let snapshot = snapshot {
            $0.add(.publishReceived, .v4, 2)
            $0.add(.publishReceived, .v5, 3)
        }
        let family = try #require(MetricCatalog.core().families.first { $0.name == "mqtt_publish_received" })
        #expect(snapshot.aggregate(family) == MetricValue(5))
        let histogram = try #require(MetricCatalog.core().families.first { $0.kind == .histogram })
        #expect(snapshot.aggregate(histogram) == nil)
    }

    @Test func `a histogram counts each value once, below every bound that is not smaller`() {
        let values: [UInt64] = [0, 1, 2, 3, 7, 8, 100, 5_000, 1 << 40]
        let snapshot = snapshot { counters in for value in values { counters.observe(.fanOut, value) } }
        let reading = snapshot.reading(of: .fanOut, .counts)
        #expect(reading.count == UInt64(values.count))
        #expect(reading.sum == values.reduce(0, +))
        for (bound, count) in zip(HistogramBounds.counts.values, reading.cumulative) {
            #expect(count == UInt64(values.count { $0 <= bound }), "le \(bound)")
        }
    }

    @Test func `a bound in seconds is off by an eighth at most`() {
        for (index, bound) in HistogramBounds.turnSeconds.values.enumerated() {
            let below = snapshot { $0.observe(.turnNanoseconds, bound - bound / 8) }
            let above = snapshot { $0.observe(.turnNanoseconds, bound + 1) }
            #expect(below.reading(of: .turnNanoseconds, .turnSeconds).cumulative[index] == 1)
            #expect(above.reading(of: .turnNanoseconds, .turnSeconds).cumulative[index] == 0)
        }
    }

    @Test func `the process reads its own memory, threads and limits`() {
        let reading = ProcessReading.now()
        #expect(reading.residentBytes > 1 << 20 && reading.residentBytes < 1 << 40)
        #expect(reading.sharedBytes <= reading.residentBytes)
        #expect(reading.textBytes > 0)
        #expect(reading.cpuNanoseconds > 0)
        #expect(reading.threadCount >= 1 && reading.threadCount < 10_000)
        #expect(reading.maximumDescriptors > 0)
    }
}

@Suite struct LedgerEquationTests {
    @Test func `a message that is routed, queued and delivered leaves no residual at any step`() {
        let counters = LoopCounters()
        func residuals() -> [Int64] {
            let snapshot = Snapshot(loops: [Snapshot.Loop(words: counters.copy())])
            return LedgerEquation.allCases.map { snapshot.residual($0) }
        }
        #expect(residuals().allSatisfy { $0 == 0 })
        counters.add(.ledgerReceived)
        counters.add(routed: .client)
        counters.add(.routerMatchesLocal)
        counters.add(copiesOf: .client)
        counters.add(.queueMessageIn)
        counters.move(.queuedMessages, by: 1)
        #expect(residuals().allSatisfy { $0 == 0 })
        counters.move(.queuedMessages, by: -1)
        counters.move(.inflightMessages, by: 1)
        #expect(residuals().allSatisfy { $0 == 0 })
        counters.move(.inflightMessages, by: -1)
        counters.add(.ledgerDelivered)
        #expect(residuals().allSatisfy { $0 == 0 })
    }

    @Test(arguments: RejectReason.allCases) func `a rejected message is accounted for`(reason: RejectReason) {
        let snapshot = snapshot {
            $0.add(.ledgerReceived)
            $0.add(reason)
        }
        #expect(snapshot.residual(.ingress) == 0)
    }

    @Test(arguments: DropReason.allCases) func `a dropped copy is accounted for`(reason: DropReason) {
        let snapshot = snapshot {
            $0.add(copiesOf: .retained)
            $0.add(.queueMessageIn)
            $0.add(lost: reason)
        }
        #expect(snapshot.residual(.delivery) == 0 && snapshot.residual(.queue) == 0)
    }

    @Test func `a copy that vanishes is a residual of one`() {
        #expect(snapshot { $0.add(copiesOf: .will) }.residual(.delivery) == 1)
        #expect(snapshot { $0.add(.ledgerReceived) }.residual(.ingress) == 1)
        #expect(snapshot { $0.move(.storedCopies, by: 1) }.residual(.storage) == -1)
        #expect(snapshot { $0.add(.routerMatchesLocal) }.residual(.routing) == 1)
        #expect(snapshot { $0.add(.ledgerDelivered) }.residual(.delivery) == -1)
        #expect(snapshot { $0.move(.outputMessages, by: 1) }.residual(.delivery) == -1)
        #expect(snapshot { $0.add(.queueMessageIn) }.residual(.queue) == 1)
    }

    @Test func `a copy between two loops balances whichever block is the older one`() {
        func delivery(_ blocks: LoopCounters...) -> Int64 {
            Snapshot(loops: blocks.map { Snapshot.Loop(words: $0.copy()) }).residual(.delivery)
        }
        let sender = LoopCounters()
        let receiver = LoopCounters()
        let before = (sender: LoopCounters(), receiver: LoopCounters())
        sender.add(copiesOf: .client)
        sender.add(.ledgerPosted)
        receiver.add(.ledgerTaken)
        receiver.move(.queuedMessages, by: 1)
        #expect(delivery(sender, before.receiver) == 0)
        #expect(delivery(before.sender, receiver) == 0)
        #expect(delivery(sender, receiver) == 0)
    }
}
