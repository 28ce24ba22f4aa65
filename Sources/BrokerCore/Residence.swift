import BrokerMetrics
import MQTTCodec
package import Primitives

/// How long copies were in the broker: from the turn that read the message until the kernel had the copy.
///
///     received ──hooks──▶ accepted ──route──▶ in the output ──write──▶ written
///                                  ╲─queue or offline─╱
///
/// Nothing is measured for a single copy. A turn's copies have few different times of arrival, so a run counts those
/// that share them, and at the end of the turn each run is observed once. A copy that waits in an output which the
/// kernel does not take is observed when it does (`OutputMark`).
///
/// Copies that a client missed while it was away are in the stage `offline` alone: that time says nothing of the broker.
/// Retained messages, repeated packets, and messages that were read from the store are not measured.
struct Residence: ~Copyable {
    /// What became of a copy on its way into the output.
    struct Way: OptionSet, BitwiseCopyable {
        let rawValue: UInt8
        /// It waited in its session's queue or window, with its client connected.
        static let queued = Way(rawValue: 4)
        /// Its client was away when the message came.
        static let offline = Way(rawValue: 8)
        /// The kernel takes no bytes of its connection: it is written later.
        static let stuck = Way(rawValue: 16)

        init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The QoS it is sent with lies in the lowest bits.
        init(_ qos: QoS, _ way: Way = []) { rawValue = qos.rawValue | way.rawValue }
        var qosIndex: Int { Int(rawValue & 3) }
    }

    /// Copies of one message that were put into outputs at once: numbers of 21 bits, one for each QoS.
    struct Current: BitwiseCopyable {
        fileprivate var open: UInt64 = 0
        fileprivate var stuck: UInt64 = 0
        fileprivate var isEmpty: Bool { open | stuck == 0 }
    }

    private struct Run: BitwiseCopyable {
        var received: UInt64
        /// Microseconds that hooks took, and the way.
        var rest: UInt64
        var count: UInt64

        var hooks: UInt64 { (rest >> 8) &* 1_000 }
        var way: Way { Way(rawValue: UInt8(truncatingIfNeeded: rest)) }
    }

    private var current = Current()
    private var open = Run(received: 0, rest: 0, count: 0)
    private var closed: ContiguousArray<Run> = []
    /// A copy of this turn that belongs to a trace, and when its message came.
    private var traced: (trace: Exemplar, received: UInt64, qosIndex: Int)?
    /// With so many the copies of a turn have nothing in common; more are not kept, and count as the last of them.
    private static let runLimit = 4_096

    /// PUBLISH packets until the next one is timed.
    private var unsampled = Residence.parseInterval
    /// Of so many PUBLISH packets one is timed while it is taken; the others have no time of their own within a turn.
    /// A prime, so that it keeps no step with clients that send in rounds.
    private static let parseInterval = 31

    /// Whether nothing has been written in this turn.
    var isEmpty: Bool { open.count == 0 }
    /// Whether a copy that belongs to a trace would be noted.
    var wantsTrace: Bool { traced == nil }
    var isTraced: Bool { traced != nil }

    /// - Returns: true for one in 31 packets.
    @inline(__always)
    mutating func takesSample() -> Bool {
        unsampled -= 1
        guard unsampled <= 0 else { return false }
        unsampled = Self.parseInterval
        return true
    }

    /// A copy of the message that is being given to its subscribers has been put into an output. `Shard.measured` says
    /// afterwards which message it was: that is one look at it, however many subscribers it has.
    @inline(__always)
    mutating func countCurrent(_ qos: QoS, isStuck: Bool) {
        let one: UInt64 = 1 << (21 &* UInt64(qos.rawValue))
        if isStuck { current.stuck &+= one } else { current.open &+= one }
    }

    /// Sets the copies apart that were counted so far, while another message is given in between.
    mutating func setApart() -> Current {
        defer { current = Current() }
        return current
    }

    /// Goes on with those that were set apart.
    mutating func end(_ outer: Current) { current = outer }

    var hasCurrent: Bool { !current.isEmpty }

    /// The copies that were counted are of this message; goes on with those that were set apart.
    mutating func end(_ received: MonotonicTime, hooks: UInt32, _ outer: Current) {
        let counted = current
        current = outer
        guard received.nanoseconds != 0 else { return }
        add(received, hooks: hooks, [], counted.open)
        if counted.stuck != 0 { add(received, hooks: hooks, .stuck, counted.stuck) }
    }

    /// - Parameter numbers: of copies, 21 bits for each QoS.
    @inline(__always)
    private mutating func add(_ received: MonotonicTime, hooks: UInt32, _ way: Way, _ numbers: UInt64) {
        var rest = numbers
        while rest != 0 {
            let qos = UInt64(truncatingIfNeeded: rest.trailingZeroBitCount) / 21
            let mask: UInt64 = 0x1F_FFFF << (21 &* qos)
            let lane = Way(rawValue: way.rawValue | UInt8(truncatingIfNeeded: qos))
            add(received, hooks: hooks, lane, count: (rest & mask) >> (21 &* qos))
            rest &= ~mask
        }
    }

    /// Copies have been put into outputs.
    ///
    /// - Parameter hooks: microseconds that hooks took.
    @inline(__always)
    mutating func add(_ received: MonotonicTime, hooks: UInt32, _ way: Way, count: UInt64 = 1) {
        let rest = UInt64(hooks) << 8 | UInt64(way.rawValue)
        if received.nanoseconds == open.received, rest == open.rest {
            open.count &+= count
        } else {
            begin(Run(received: received.nanoseconds, rest: rest, count: count))
        }
    }

    private mutating func begin(_ run: Run) {
        guard closed.count < Self.runLimit else {
            open.count &+= run.count
            return
        }
        if open.count > 0 { closed.append(open) }
        open = run
    }

    /// A copy belongs to a trace that its publisher has begun.
    mutating func note(_ trace: Exemplar, received: MonotonicTime, _ qos: QoS) {
        traced = (trace, received.nanoseconds, Int(qos.rawValue))
    }

    /// The turn has ended: observes its copies.
    ///
    /// - Parameters:
    ///   - flushing: when the loop began to write.
    ///   - end: when all that the kernel takes was written.
    ///   - wallMilliseconds: what a wall clock says, where a copy belongs to a trace.
    mutating func observe(
        flushing: MonotonicTime, end: MonotonicTime, wallMilliseconds: Int64, in counters: LoopCounters
    ) {
        for run in closed { observe(run, flushing, end, counters) }
        closed.removeAll(keepingCapacity: closed.count <= 64)
        observe(open, flushing, end, counters)
        open = Run(received: 0, rest: 0, count: 0)
        guard let traced else { return }
        self.traced = nil
        var trace = traced.trace
        trace.value = end.nanoseconds &- min(traced.received, end.nanoseconds)
        trace.wallMilliseconds = wallMilliseconds
        counters.keep(Self.residence(traced.qosIndex), trace)
    }

    private func observe(
        _ run: Run, _ flushing: MonotonicTime, _ end: MonotonicTime, _ counters: LoopCounters
    ) {
        guard run.count > 0 else { return }
        let way = run.way
        let accepted = run.received &+ run.hooks
        let waited = flushing.nanoseconds &- min(accepted, flushing.nanoseconds)
        guard !way.contains(.offline) else {
            return counters.observe(.offlineStage, waited, count: run.count)
        }
        if run.hooks > 0 { counters.observe(.hookStage, run.hooks, count: run.count) }
        counters.observe(way.contains(.queued) ? .queueStage : .routeStage, waited, count: run.count)
        guard !way.contains(.stuck) else { return }
        counters.observe(.writeStage, end.nanoseconds(since: flushing), count: run.count)
        counters.observe(
            Self.residence(way.qosIndex), end.nanoseconds &- min(run.received, end.nanoseconds),
            count: run.count)
    }

    /// Copies of an output that was stuck have been written.
    static func observe(_ mark: OutputMark, end: MonotonicTime, in counters: LoopCounters) {
        let way = Way(rawValue: mark.kind)
        guard !way.contains(.offline) else { return }
        counters.observe(.writeStage, end.nanoseconds(since: mark.appended), count: mark.count)
        counters.observe(
            residence(way.qosIndex), end.nanoseconds(since: mark.received), count: mark.count)
    }

    private static func residence(_ qosIndex: Int) -> LoopHistogram {
        switch qosIndex {
        case 0: .residenceQoS0
        case 1: .residenceQoS1
        default: .residenceQoS2
        }
    }
}

extension Exemplar {
    /// The trace that is named by the user property `traceparent` (https://www.w3.org/TR/trace-context-mqtt/).
    init?(traceparentIn properties: RawSpan) {
        guard let header = Properties.userProperty("traceparent", in: properties) else { return nil }
        self.init(value: 0, traceparent: header, wallMilliseconds: 0)
    }
}

extension Shard {
    /// The copies that were put into outputs since the last call are of this message.
    ///
    /// - Parameter outer: those that were set apart before.
    @inline(__always)
    func measured(_ publication: borrowing Publication, _ outer: Residence.Current = Residence.Current()) {
        if residence.hasCurrent { end(publication, outer) } else { residence.end(outer) }
    }

    @inline(never)
    private func end(_ publication: borrowing Publication, _ outer: Residence.Current) {
        let facts = publication.facts
        residence.end(facts.received, hooks: facts.hookMicroseconds, outer)
        guard publication.properties.byteCount > 0, residence.wantsTrace,
            let trace = Exemplar(traceparentIn: publication.properties)
        else { return }
        residence.note(trace, received: facts.received, facts.qos)
    }

    /// What is sent until `forgetMeasures` is a retained message.
    func setMeasuresApart() -> Residence.Current { residence.setApart() }
    func forgetMeasures(_ outer: Residence.Current) { residence.end(outer) }

    /// A PUBLISH has been decoded: of some it is noted how long they waited since the loop woke.
    @inline(__always)
    func sampleParsing() {
        guard residence.takesSample(), let clock = links.readClock else { return }
        counters.observe(.parseStage, clock().nanoseconds(since: now))
    }

    /// The loop has written what the kernel takes.
    ///
    /// - Parameters:
    ///   - flushing: when it began to.
    ///   - marks: copies that were written only now, after the kernel had refused their output for a while.
    package func turnFlushed(
        flushing: MonotonicTime, end: MonotonicTime, marks: ContiguousArray<OutputMark>,
        wallMilliseconds: () -> Int64
    ) {
        for mark in marks { Residence.observe(mark, end: end, in: counters) }
        guard !residence.isEmpty else { return }
        residence.observe(
            flushing: flushing, end: end, wallMilliseconds: residence.isTraced ? wallMilliseconds() : 0,
            in: counters)
    }

    /// Whether copies were put into outputs in this turn.
    package var hasSent: Bool { !residence.isEmpty }
}
