package import BrokerMetrics
import Synchronization

/// Looks at the broker's numbers once a second and remembers what one look cannot tell: rates, how long something has
/// been so, when a loss began, and the history. It has one thread that writes, and pages that read.
package final class StatusWatch: Sendable {
    fileprivate struct Look: Sendable {
        let at: UInt64
        let counts: [UInt64]
        let busy: [UInt64]
        let queued: Int64
    }

    fileprivate struct State {
        var history = KeyHistory()
        /// What was looked at last.
        var last: (snapshot: Snapshot, at: UInt64)?
        /// The looks of the last quarter of an hour, the oldest first: about 600 KB.
        var looks: [Look] = []
        var turns = RecentDistribution()
        var latency = RecentDistribution()
        var holds = RecentDistribution()
        var episodes = [LossEpisode](repeating: LossEpisode(), count: WatchedCount.allCases.count)
        var nonzeroSince = [UInt64?](repeating: nil, count: LedgerEquation.allCases.count)
        var mailboxFullSince: UInt64?
        var clientsPausedSince: UInt64?
    }

    private let state: Mutex<State>
    /// A loss that comes again after so many milliseconds is a new one.
    static let pause: Int64 = 60_000

    /// - Parameter history: what was kept of an earlier run.
    package init(history: KeyHistory = KeyHistory()) {
        state = Mutex(State(history: history))
    }

    package var history: KeyHistory { state.withLock { $0.history } }

    /// The numbers of the last look, unless they are older than two seconds: then whoever takes the looks stands still.
    ///
    /// - Parameter now: as for `look`.
    package func lastSnapshot(now: UInt64) -> Snapshot? {
        state.withLock { state in
            guard let last = state.last, now &- last.at < 2_000_000_000 || now < last.at else { return nil }
            return last.snapshot
        }
    }

    /// Takes a look. To be called once a second, by one thread.
    ///
    /// - Parameters:
    ///   - now: nanoseconds of a clock that nobody sets.
    ///   - wallMilliseconds: since 1970.
    package func look(at snapshot: Snapshot, now: UInt64, wallMilliseconds: Int64) {
        let look = Look(
            at: now, counts: WatchedCount.allCases.map { $0.value(in: snapshot) },
            busy: snapshot.loops.map { $0[Counter.loopBusyNanoseconds] },
            queued: snapshot[LoopGauge.queuedMessages])
        state.withLock { state in
            state.last = (snapshot, now)
            state.note(look, snapshot, wallMilliseconds)
            state.turns.add(snapshot.buckets(of: LoopHistogram.turnNanoseconds))
            state.latency.add(StatusLatency.buckets(of: snapshot))
            state.holds.add(snapshot.buckets(of: LoopHistogram.answerHoldNanoseconds))
            state.history.add(
                state.sample(look, snapshot), at: max(0, wallMilliseconds / 1000))
            state.looks.append(look)
            if state.looks.count > 901 { state.looks.removeFirst() }
        }
    }

    /// What the last looks say.
    ///
    /// - Parameter now: as for `look`.
    package func recent(now: UInt64) -> RecentNumbers {
        state.withLock { $0.recent(now) }
    }
}

/// When a reason was seen.
struct LossEpisode: Hashable, Sendable {
    /// Milliseconds since 1970; nil when it never was.
    var first: Int64?
    var last: Int64?
    /// When the losses began that still go on, or were the last.
    var since: Int64?

    mutating func note(_ milliseconds: Int64) {
        if first == nil { first = milliseconds }
        // A clock that was set back begins a new one too.
        if let last, (0...StatusWatch.pause).contains(milliseconds - last) {
        } else {
            since = milliseconds
        }
        last = milliseconds
    }
}

extension StatusWatch.State {
    fileprivate mutating func note(_ look: StatusWatch.Look, _ snapshot: Snapshot, _ wall: Int64) {
        for (index, count) in WatchedCount.allCases.enumerated() where count.isReason {
            // What happened before the first look happened at an unknown time after the start: it counts from now.
            if look.counts[index] > (looks.last?.counts[index] ?? 0) { episodes[index].note(wall) }
        }
        for (index, equation) in LedgerEquation.allCases.enumerated() {
            let isZero = snapshot.residual(equation) == 0
            nonzeroSince[index] = isZero ? nil : nonzeroSince[index] ?? look.at
        }
        mailboxFullSince = snapshot[LoopGauge.mailboxDepth] > 50 ? mailboxFullSince ?? look.at : nil
        clientsPausedSince = snapshot[LoopGauge.storeHeldClients] > 0 ? clientsPausedSince ?? look.at : nil
    }

    /// The values of `KeySeries.all`: rates since the look before, and what is so now.
    fileprivate func sample(_ look: StatusWatch.Look, _ snapshot: Snapshot) -> [Float?] {
        let before = looks.last
        let seconds = before.map { Double(look.at &- $0.at) / 1e9 } ?? 0
        func rate(_ count: WatchedCount) -> Float? {
            guard let before, seconds > 0.05 else { return nil }
            let (now, then) = (look.counts[count.index], before.counts[count.index])
            return Float(Double(now >= then ? now - then : 0) / seconds)
        }
        func gauge(_ value: Int64) -> Float? { Float(value) }
        let unexplained =
            [LedgerEquation.ingress, .routing, .delivery, .queue]
            .map { snapshot.residual($0).magnitude }.max() ?? 0
        let limit = snapshot[LoopGauge.storeBacklogMark]
        let lag = limit > 0 ? Float(snapshot[LoopGauge.storeBacklogBytes]) * 100 / Float(limit) : nil
        let last = latency.last
        return [
            rate(.received), rate(.sent), rate(.lost), rate(.rejected),
            gauge(snapshot[LoopGauge.sessionsOnline]),
            gauge(snapshot[LoopGauge.queuedMessages]), gauge(snapshot[LoopGauge.inflightMessages]),
            rate(.bytesIn), rate(.bytesOut), rate(.connects),
            busyShares(look, before).max().map { Float($0 * 100) }, Float(unexplained), lag,
            gauge(snapshot.process.residentBytes), last?.quantile(0.5).map { Float($0) },
            last?.quantile(0.99).map { Float($0) },
        ] + DropReason.allCases.map { rate(.drop($0)) }
    }

    private func busyShares(_ look: StatusWatch.Look, _ before: StatusWatch.Look?) -> [Double] {
        guard let before, look.at > before.at, look.busy.count == before.busy.count else { return [] }
        let elapsed = Double(look.at - before.at)
        return zip(look.busy, before.busy).map { $0 > $1 ? min(1, Double($0 - $1) / elapsed) : 0 }
    }

    fileprivate func recent(_ now: UInt64) -> RecentNumbers {
        var recent = RecentNumbers()
        guard let last = looks.last else { return recent }
        func seconds(since time: UInt64?) -> Double? { time.map { Double(last.at &- $0) / 1e9 } }
        /// The youngest look that is at least so old, or the oldest there is.
        func look(_ age: Double) -> StatusWatch.Look {
            looks.last { Double(last.at &- $0.at) / 1e9 >= age - 0.5 } ?? looks.first ?? last
        }
        func window(_ age: Double) -> RecentNumbers.Window {
            let first = look(age)
            return RecentNumbers.Window(
                seconds: Double(last.at &- first.at) / 1e9,
                counts: zip(last.counts, first.counts).map { $0 > $1 ? $0 - $1 : 0 })
        }
        recent.age = now > last.at ? Double(now - last.at) / 1e9 : 0
        recent.tenSeconds = window(10)
        recent.minute = window(60)
        recent.fiveMinutes = window(300)
        recent.quarterHour = window(900)
        recent.busy = busyShares(last, look(10))
        recent.turns = turns.sum
        recent.latency = latency.sum
        recent.holds = holds.sum
        recent.episodes = episodes
        recent.residualSeconds = nonzeroSince.map(seconds)
        recent.mailboxFullSeconds = seconds(since: mailboxFullSince)
        recent.clientsPausedSeconds = seconds(since: clientsPausedSince)
        let quarter = look(900)
        if recent.quarterHour.seconds >= 890 {
            recent.queueGrowth = Double(last.queued - quarter.queued) / recent.quarterHour.seconds
        }
        return recent
    }
}

/// What the last looks at the broker say; the rules of the warnings are functions of it.
package struct RecentNumbers: Sendable {
    /// What was counted in a span of time.
    struct Window: Sendable {
        /// How long it really was: shorter after a start.
        var seconds = 0.0
        /// Increases, by `WatchedCount.index`.
        var counts = [UInt64](repeating: 0, count: WatchedCount.allCases.count)

        subscript(_ count: WatchedCount) -> UInt64 {
            get { counts[count.index] }
            set { counts[count.index] = newValue }
        }

        /// What part of the second the first is; nil when neither was seen.
        func share(_ part: WatchedCount, of whole: WatchedCount) -> Double? {
            self[part] > 0 ? Double(self[part]) / Double(max(1, self[whole])) : nil
        }

        /// A second; nil before there are two looks.
        func rate(_ count: WatchedCount) -> Double? { seconds > 0 ? Double(self[count]) / seconds : nil }
    }

    /// Seconds since the last look; nil when there was none.
    var age: Double?
    var tenSeconds = Window()
    var minute = Window()
    var fiveMinutes = Window()
    var quarterHour = Window()
    /// 0…1 of each loop, in the last ten seconds.
    var busy: [Double] = []
    var turns = Distribution()
    var latency = Distribution()
    var holds = Distribution()
    /// By `WatchedCount.index`.
    var episodes = [LossEpisode](repeating: LossEpisode(), count: WatchedCount.allCases.count)
    /// How long each equation of the ledger has been off without a break.
    var residualSeconds = [Double?](repeating: nil, count: LedgerEquation.allCases.count)
    var mailboxFullSeconds: Double?
    var clientsPausedSeconds: Double?
    /// Messages a second by which the queues grew in the last quarter of an hour.
    var queueGrowth = 0.0

    package init() {}
}
