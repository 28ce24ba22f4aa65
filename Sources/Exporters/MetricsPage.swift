package import BrokerMetrics
package import Primitives
import Synchronization

/// What answers `/metrics`, without HTTP: which form, which families, and one reading for all who wait at the same time.
///
/// Who comes while an answer is being made waits. The first of those who wait takes the next reading, and all others of them get
/// it too. So a flood of scrapers costs the loops one reading after the other, and still each gets numbers that were read after
/// it had asked: a client that reads what it has just done sees it.
///
///     scrape 1  ▐███████ 1 ███████▌
///     scrape 2      ·  ·  ·  ·  ·  ▐███████ 2 ███████▌
///     scrape 3          ·  ·  ·  ·  ·  ·  ·  ·  ·  ·  ▐ shares 2
package final class MetricsPage: Sendable {
    /// What came of a scrape.
    package enum Answer: Sendable {
        /// The numbers.
        case exposition(contentType: String, body: [UInt8])
        /// None of the forms is for this client; the text tells which there are.
        case notAcceptable(String)
        /// The query asks for what there is not; the text tells what is near.
        case badQuery(String)
    }

    /// A reading, and what has been made of it.
    private struct Shared {
        /// Readings begun so far, this one included.
        var number: UInt64 = 0
        /// When it was begun.
        var begunAt: MonotonicTime?
        var snapshot: Snapshot?
        /// By `ExpositionFormat.rawValue`; empty where nobody has asked.
        var bodies: [[UInt8]] = []
    }

    package let exposition: Exposition
    /// What is counted about the scrapes.
    package let statistics = ScrapeStatistics()
    private let read: @Sendable () -> Snapshot
    private let clock: any Clock
    /// Readings begun so far.
    private let begun = Atomic<UInt64>(0)
    /// Scrapes that have come and are not answered yet.
    private let waiting = Atomic<Int>(0)
    /// Held while an answer is made, and so while the loops are waited for; nobody takes it under another lock.
    private let shared = Mutex(Shared())

    /// - Parameter read: takes a snapshot; it may block for as long as the loops take.
    package init(
        _ exposition: Exposition, clock: any Clock = SystemClock(), read: @escaping @Sendable () -> Snapshot
    ) {
        self.exposition = exposition
        self.clock = clock
        self.read = read
    }

    /// Answers one scrape. Any thread that may block calls it.
    ///
    /// - Parameters:
    ///   - accept: all Accept headers, joined by commas; nil where there was none.
    ///   - names: the values of `family` and `collect[]` in the query, nil for one without a value.
    ///   - traceparent: the header of that name, for a scraper that traces its scrapes: `metrics_scrape_seconds` shows the trace
    ///     as an exemplar.
    ///   - arrivedAt: when the request came, by the clock of the system; it may have waited for a thread since. A reading that was
    ///     begun later is new enough for it.
    package func answer(
        accept: String?, names: [String?] = [], traceparent: String? = nil, arrivedAt: MonotonicTime? = nil
    ) -> Answer {
        let begin = clock.now
        guard let format = ExpositionFormat.negotiated(accept) else {
            statistics.refuse(.notAcceptable)
            let forms = ExpositionFormat.allCases.map(\.contentType).joined(separator: ", ")
            return .notAcceptable("This page is one of \(forms); the Accept header asks for something else.")
        }
        let selection: FamilySelection?
        do throws(FamilySelection.Failure) {
            selection = try FamilySelection.make(names, of: exposition)
        } catch {
            statistics.refuse(error.isUnknownName ? .unknownFamily : .invalid)
            return .badQuery(error.text)
        }
        let arrival = begun.load(ordering: .acquiring)
        waiting.wrappingAdd(1, ordering: .releasing)
        defer { waiting.wrappingSubtract(1, ordering: .releasing) }
        let (body, series, isShared) = shared.withLock { shared in
            make(format, selection, &shared, since: arrival, arrivedAt)
        }
        let nanoseconds = clock.now.nanoseconds(since: begin)
        let exemplar = traceparent.flatMap {
            Exemplar(value: nanoseconds, traceparent: $0, wallMilliseconds: clock.wallMilliseconds)
        }
        statistics.count(
            format, isShared: isShared, byteCount: selection == nil ? body.count : nil,
            series: selection == nil ? series : nil)
        statistics.observe(nanoseconds, exemplar)
        return .exposition(contentType: format.contentType, body: body)
    }

    /// Scrapes that have come and are not answered yet.
    var waitingCount: Int { waiting.load(ordering: .acquiring) }

    /// - Returns: `series` is nil when the body had been made already.
    private func make(
        _ format: ExpositionFormat, _ selection: FamilySelection?, _ shared: inout Shared,
        since arrival: UInt64, _ arrivedAt: MonotonicTime?
    ) -> (body: [UInt8], series: Int?, isShared: Bool) {
        let isNew = arrivedAt.map { time in shared.begunAt.map { $0.nanoseconds > time.nanoseconds } ?? false
        }
        let isShared = shared.snapshot != nil && (shared.number > arrival || isNew ?? false)
        if !isShared {
            shared = Shared(
                number: begun.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue, begunAt: clock.now,
                snapshot: read(),
                bodies: ExpositionFormat.allCases.map { _ in [] })
        }
        guard let snapshot = shared.snapshot else { return ([], nil, false) }
        if selection == nil, !shared.bodies[format.rawValue].isEmpty {
            return (shared.bodies[format.rawValue], nil, isShared)
        }
        var body: [UInt8] = []
        if selection == nil { body.reserveCapacity(128 * 1024) }
        let series = exposition.render(snapshot, as: format, selection: selection, into: &body)
        if selection == nil { shared.bodies[format.rawValue] = body }
        return (body, series, isShared)
    }
}

/// What `/metrics` counts about itself, see `ScrapeMetrics`.
package final class ScrapeStatistics: Sendable {
    /// Why a scrape was refused.
    package enum Refusal: String, CaseIterable, Sendable {
        case notAcceptable = "not_acceptable"
        case unknownFamily = "unknown_family"
        case invalid
    }

    private struct Counts {
        var scrapes = [Int64](repeating: 0, count: ExpositionFormat.allCases.count)
        var bytes = [Int64](repeating: 0, count: ExpositionFormat.allCases.count)
        var shared: Int64 = 0
        var refused: [Refusal: Int64] = [:]
        var series: Int64 = 0
    }

    private let counts = Mutex(Counts())
    private let durations = SharedHistogram()

    func refuse(_ reason: Refusal) { counts.withLock { $0.refused[reason, default: 0] += 1 } }

    func count(_ format: ExpositionFormat, isShared: Bool, byteCount: Int?, series: Int?) {
        counts.withLock {
            $0.scrapes[format.rawValue] += 1
            if isShared { $0.shared += 1 }
            if let byteCount { $0.bytes[format.rawValue] = Int64(byteCount) }
            if let series { $0.series = Int64(series) }
        }
    }

    /// - Parameter exemplar: of the same time.
    func observe(_ nanoseconds: UInt64, _ exemplar: Exemplar?) {
        if let exemplar { durations.observe(exemplar) } else { durations.observe(nanoseconds) }
    }

    /// All samples of one moment. Any thread.
    package func read(_ reading: inout RoomReading) {
        let counts = counts.withLock { $0 }
        for format in ExpositionFormat.allCases {
            reading.add(ScrapeMetrics.scrapes, ["format": format.label], counts.scrapes[format.rawValue])
            reading.add(ScrapeMetrics.bytes, ["format": format.label], counts.bytes[format.rawValue])
        }
        reading.add(ScrapeMetrics.shared, counts.shared)
        for reason in Refusal.allCases {
            reading.add(ScrapeMetrics.refused, ["reason": reason.rawValue], counts.refused[reason] ?? 0)
        }
        reading.add(ScrapeMetrics.seconds, durations)
        reading.add(ScrapeMetrics.series, counts.series)
    }
}
