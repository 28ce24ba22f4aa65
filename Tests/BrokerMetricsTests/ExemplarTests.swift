import Testing

@testable import BrokerMetrics

@Suite struct ExemplarTests {
    private func exemplar(_ value: UInt64, at wall: Int64) -> Exemplar {
        Exemplar(value: value, traceLow: UInt64(wall), wallMilliseconds: wall)
    }

    @Test func `there is one slot for each power of two, whatever is observed`() {
        var slots = ExemplarSlots()
        #expect(slots.isEmpty && slots.latest(of: .counts).allSatisfy { $0 == nil })
        for value in 0..<100_000 as Range<UInt64> {
            slots.keep(exemplar(value &* 0x9E37_79B9_7F4A_7C15, at: Int64(value)))
        }
        slots.keep(exemplar(.max, at: 1))
        #expect(MemoryLayout<Exemplar?>.stride * 65 < 4_096)
        #expect(slots.latest(of: .counts).count == 22)
    }

    @Test func `the newest of a bucket is shown, in the bucket that counts it`() {
        var slots = ExemplarSlots()
        slots.keep(exemplar(5, at: 1))
        slots.keep(exemplar(6, at: 2))
        slots.keep(exemplar(2_000_000, at: 3))
        let shown = slots.latest(of: .counts)
        #expect(shown[3]?.value == 6 && shown[21]?.value == 2_000_000)
        #expect(shown.compactMap { $0 }.count == 2)
    }

    @Test func `one whose bucket counts it above a bound that it is below is left out`() {
        var slots = ExemplarSlots()
        // 9,500 is below 10,000, but its log-linear bucket 9,216…10,239 counts as above.
        slots.keep(exemplar(9_500, at: 1))
        #expect(slots.latest(of: .turnSeconds).allSatisfy { $0 == nil })
        slots.keep(exemplar(9_000, at: 2))
        #expect(slots.latest(of: .turnSeconds)[0]?.value == 9_000)
    }

    @Test func `loops and shared histograms hand theirs out with a reading, the newest of all loops`() throws
    {
        let registry = MetricsRegistry(version: "1", catalog: TestRoom.catalog)
        for (value, wall) in [(300_000, 9), (301_000, 8)] as [(UInt64, Int64)] {
            let counters = LoopCounters()
            counters.observe(.turnNanoseconds, exemplar(value, at: wall))
            var answered: UInt64 = 0
            let exchange = SnapshotExchange(wake: {})
            _ = exchange.request()
            exchange.answer(lastAnswered: &answered, from: counters)
            registry.add(loop: exchange)
        }
        let histogram = SharedHistogram()
        histogram.observe(exemplar(77, at: 3))
        try registry.register(TestRoom.room) { $0.add(TestRoom.batch, histogram) }
        let snapshot = registry.snapshot(deadline: .zero)
        func shown(_ name: String) throws -> [Exemplar] {
            let family = try #require(TestRoom.catalog[name])
            let histogram = try #require(snapshot.histograms(of: family.series[0]).first)
            return histogram.exemplars.latest(of: histogram.bounds).compactMap { $0 }
        }
        #expect(try shown("loop_turn_seconds") == [exemplar(300_000, at: 9)])
        #expect(try shown("room_batch") == [exemplar(77, at: 3)])
        #expect(try shown("fan_out") == [])
        #expect(snapshot.reading(of: .turnNanoseconds, .turnSeconds).count == 2)
    }

    @Test func `a header of Trace Context names trace and span`() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let made = Exemplar(value: 5, traceparent: header, wallMilliseconds: 6)
        let expected = Exemplar(
            value: 5, traceHigh: 0x0af7_6519_16cd_43dd, traceLow: 0x8448_eb21_1c80_319c,
            spanID: 0xb7ad_6b71_6920_3331,
            wallMilliseconds: 6)
        #expect(made == expected)
    }

    @Test(arguments: [
        "", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
    ]) func `a header that is another, or of a trace that is not kept, names none`(header: String) {
        #expect(Exemplar(value: 5, traceparent: header, wallMilliseconds: 6) == nil)
    }

    @Test func `bounds have the spelling of Prometheus`() {
        #expect(
            HistogramBounds.turnSeconds.labelTexts.prefix(5) == [
                "1e-05", "2.5e-05", "5e-05", "0.0001", "0.00025",
            ])
        #expect(HistogramBounds.turnSeconds.labelTexts.suffix(2) == ["1.0", "10.0"])
        #expect(HistogramBounds.counts.labelTexts.prefix(2) == ["0.0", "1.0"])
        #expect(HistogramBounds.counts.labelTexts.suffix(2) == ["524287.0", "1.048575e+06"])
    }
}
