import BrokerMetrics
import Exporters
import Testing

@Suite struct MetricCatalogTests {
    /// Every line an idle broker shows, as `kind name label=value,…`.
    private var exposition: [(line: String, heritage: MetricHeritage)] {
        let snapshot = Snapshot(loops: [Snapshot.Loop(words: [])])
        return MetricCatalog.full().families.flatMap { family in
            family.series.flatMap { series in
                var lines: [(line: String, heritage: MetricHeritage)] = []
                snapshot.forEachValue(of: series) { labels, _ in
                    let text = labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
                    lines.append(
                        (
                            "\(family.kind.rawValue) \(family.name)" + (text.isEmpty ? "" : " \(text)"),
                            family.heritage
                        ))
                }
                return lines
            }
        }
    }

    @Test
    func `every series of VerneMQ is there with its kind, name and labels, and no other under its names`() {
        let ours = exposition.filter { $0.heritage != .own }.map(\.line)
        #expect(Set(ours) == Set(verneMQExposition))
        #expect(ours.count == verneMQExposition.count)
    }

    @Test func `VerneMQ's histograms are there with its bounds`() {
        let ours = MetricCatalog.full().families.filter { $0.kind == .histogram && $0.heritage != .own }
        #expect(ours.map(\.name) == verneMQHistograms)
        for family in ours {
            guard case .roomHistogram(_, let bounds) = family.series[0].source else {
                Issue.record("\(family.name) is no histogram")
                continue
            }
            #expect(family.series.count == 1 && family.labelNames.isEmpty)
            #expect(bounds.texts == ["10", "100", "1000", "10000", "100000", "1000000"])
        }
    }

    @Test func `VerneMQ's counters are 58 names with 192 series`() {
        #expect(MetricCatalog.full().families.count { $0.heritage == .verneMQCounter } == 58)
        #expect(exposition.count { $0.heritage == .verneMQCounter } == 192)
    }

    @Test func `every word the loops keep is exported`() {
        var read = Set<Int>()
        var histograms = Set<LoopHistogram>()
        for source in MetricCatalog.full().families.flatMap(\.series).map(\.source) {
            switch source {
            case .words(let words, _): read.formUnion(words)
            case .perLoop(let word, _): read.insert(word)
            case .histogram(let histogram, _): histograms.insert(histogram)
            default: break
            }
        }
        for counter in Counter.allCases {
            #expect(read.contains(counter.word), "no row for Counter.\(counter)")
        }
        for gauge in LoopGauge.allCases {
            #expect(read.contains(gauge.word), "no row for LoopGauge.\(gauge)")
        }
        for reason in DropReason.allCases {
            #expect(read.contains(reason.word), "no row for DropReason.\(reason)")
        }
        for reason in RejectReason.allCases {
            #expect(read.contains(reason.word), "no row for RejectReason.\(reason)")
        }
        for reason in CloseReason.allCases {
            #expect(read.contains(reason.word), "no row for CloseReason.\(reason)")
        }
        for counter in VersionedCounter.allCases {
            for version in VersionLabel.allCases {
                #expect(read.contains(counter.word(version)), "no row for VersionedCounter.\(counter)")
            }
        }
        for counter in PacketReasonCounter.allCases {
            for version in VersionLabel.allCases {
                #expect(
                    read.isSuperset(of: counter.words(version)),
                    "codes missing of PacketReasonCounter.\(counter)")
            }
        }
        #expect(histograms == Set(LoopHistogram.allCases))
        // Retained messages are published once and copied often: only the copies are counted.
        read.insert(PublicationOrigin.retained.messagesWord)
        // Whatever enum a word belongs to: none is left out.
        #expect(Set(0..<MetricLayout.histogram).subtracting(read).isEmpty)
    }

    @Test func `every number of the process has a row`() {
        var process = Set<ProcessMetric>()
        for case .process(let metric) in MetricCatalog.full().families.flatMap(\.series).map(\.source) {
            process.insert(metric)
        }
        #expect(process == Set(ProcessMetric.allCases))
    }

    @Test func `what the status page and the ledger ask of rooms is there`() {
        for metric in RoomMetric.allCases {
            #expect(MetricCatalog.full()[metric.rawValue]?.roomSource != nil, "\(metric.rawValue)")
        }
        let kinds = MetricCatalog.full()["store_rows"]?.roomSource?.labels
        #expect(kinds?.map(\.name) == ["kind"])
        #expect(MetricCatalog.full()["store_failing"]?.labelNames == [])
    }

    @Test func `names are unique and well formed, ours end in unit and kind, and help texts are one line`() {
        var seen = Set<String>()
        for family in MetricCatalog.full().families {
            #expect(seen.insert(family.name).inserted, "\(family.name) stands twice")
            #expect(
                family.name.utf8.allSatisfy {
                    (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
                })
            #expect(!family.help.isEmpty && !family.help.contains("\n"))
            guard family.heritage == .own else { continue }
            #expect(family.name.hasSuffix("_total") == (family.kind == .counter), "\(family.name)")
            if family.unit == .bytes || family.unit == .seconds {
                #expect(
                    family.name.contains("_\(family.unit.rawValue)") || family.name.hasPrefix("queued_bytes"))
            }
        }
    }

    @Test func `series carry only labels their family declares, and no two series the same`() {
        for family in MetricCatalog.full().families {
            for series in family.series {
                let names = series.labels.map(\.name)
                #expect(names == family.labelNames.filter { names.contains($0) }, "\(family.name)")
            }
            #expect(Set(family.series.map(\.labels)).count == family.series.count, "\(family.name)")
        }
    }

    @Test func `a broker with more loops than VerneMQ's dashboards know has a busy gauge for each`() {
        let names = Set(MetricCatalog.full(6).families.map(\.name))
        #expect(
            names.contains("system_utilization_scheduler_6")
                && !names.contains("system_utilization_scheduler_7"))
    }
}
