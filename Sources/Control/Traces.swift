import Admin
import BrokerCore
import Glibc
package import Listeners
import MQTTCodec
import Primitives
import Synchronization
import Tracer

/// The client traces that run. Several may, each with a budget of its own and one that all share, so that they cost the
/// loops a bounded amount of work whatever clients send.
package final class Traces: Sendable {
    private let runtime: BrokerRuntime
    private let running = Mutex<[Trace]>([])
    private let shared = TraceSharedBudget(eventsPerSecond: 5000, burst: 5000)
    /// Traces that may run at the same time.
    package static let limit = 16

    package init(_ runtime: BrokerRuntime) { self.runtime = runtime }

    /// How many run.
    package var count: Int { running.withLock { $0.count } }

    /// - Throws: when as many run as may.
    func checkRoom() throws(AdminFailure) { if count >= Self.limit { throw Self.full } }

    private static let full = AdminFailure(
        .failed, "\(limit) traces run already; end one, or all with: vmq-admin trace stop_all")

    /// Runs a trace until its reader goes, it is stopped, or its budget stops it. Waits on the calling thread.
    func run(_ selection: WatchSelection, _ settings: Trace.Settings, _ output: any AdminOutput) throws {
        let trace = Trace(selection.clientID, settings, shared, runtime.broker.clock)
        let isRoom = running.withLock { running in
            guard running.count < Self.limit else { return false }
            running.append(trace)
            return true
        }
        guard isRoom else { throw Self.full }
        defer {
            for loop in 0..<runtime.broker.loopCount { _ = try? runtime.ask(loop) { $0.endWatching(trace) } }
            running.withLock { $0.removeAll { $0 === trace } }
        }
        var clients: [WatchedClient] = []
        for loop in 0..<runtime.broker.loopCount {
            clients += try runtime.ask(loop) { $0.watch(selection, with: trace) }
        }
        trace.report(to: output, beginning: clients)
    }

    /// Ends all traces. - Returns: how many ran.
    package func stopAll() -> Int {
        let all = running.withLock { $0 }
        for trace in all { trace.terminate() }
        return all.count
    }
}

/// One trace: from the loops, which must not wait, through a bounded buffer to the thread of its reader.
final class Trace: PacketWatcher {
    struct Settings: Sendable {
        /// Events in each interval.
        var rateMaximum = 10
        /// Milliseconds.
        var rateInterval = 100
        /// Bytes of a payload that are shown.
        var payloadByteCount = 200
        /// Whether the trace ends where it would show more than that, as in VerneMQ; else events are skipped and counted.
        var stopsAtLimit = false
        /// Whether times have milliseconds.
        var showsMilliseconds = false
    }

    private struct State {
        var budget: TraceBudget
        /// Of sessions that begin and end, twice as much: VerneMQ shows each, and a client that connects again and again
        /// would fill the trace.
        var sessionBudget: TraceBudget
        /// Events for which there was no room since that was last said.
        var skippedForReader: UInt64 = 0
        /// The trace ends behind the event that comes now.
        var stopsNow = false
        var isEnded = false
    }

    private let clientID: UTF8Text
    private let text: TraceText
    private let buffer = TraceBuffer()
    private let state: Mutex<State>
    private let shared: TraceSharedBudget
    private let clock: any Clock
    private let showsMilliseconds: Bool
    /// Until then events are skipped without a look at the budget: in a flood that is nearly all of them.
    private let blockedUntil = Atomic<UInt64>(0)
    /// Events that were skipped so, and of which nothing was said yet.
    private let blockedCount = Atomic<UInt64>(0)
    /// Bytes that wait for the reader, above which events are skipped.
    private static let fullBuffer = 512 << 10
    /// Microseconds between two batches to the reader: a person sees no difference.
    private static let pause: UInt32 = 50_000

    init(_ clientID: UTF8Text, _ settings: Settings, _ shared: TraceSharedBudget, _ clock: any Clock) {
        self.clientID = clientID
        self.shared = shared
        self.clock = clock
        showsMilliseconds = settings.showsMilliseconds
        var style = TraceStyle()
        style.payloadByteCount = min(settings.payloadByteCount, WatchedPacket.payloadLimit)
        text = TraceText(style: style)
        state = Mutex(
            State(
                budget: TraceBudget(
                    limit: UInt64(clamping: settings.rateMaximum),
                    intervalMilliseconds: UInt64(clamping: settings.rateInterval),
                    mode: settings.stopsAtLimit ? .stop : .skip, now: clock.now),
                sessionBudget: TraceBudget(
                    limit: UInt64(clamping: settings.rateMaximum).multipliedReportingOverflow(by: 2)
                        .partialValue,
                    intervalMilliseconds: UInt64(clamping: settings.rateInterval), mode: .skip,
                    now: clock.now)))
    }

    private var time: TraceTime {
        showsMilliseconds
            ? TraceTime(milliseconds: clock.wallMilliseconds)
            : TraceTime(
                seconds: (clock.wallMilliseconds - ((clock.wallMilliseconds % 1000) + 1000) % 1000) / 1000)
    }

    // MARK: The reader

    /// Says what happens until the trace ends.
    func report(to output: any AdminOutput, beginning clients: [WatchedClient]) {
        say(
            clients.isEmpty
                ? .noSessions(clientID: clientID)
                : .started(clientID: clientID, tokens: clients.map(\.shownToken)), output)
        var batch = TraceBatch()
        var isOpen = true
        while isOpen, !output.isCancelled {
            isOpen = buffer.take(into: &batch, milliseconds: 500)
            output.heartbeat()
            let skipped = state.withLock { state in
                defer { state.skippedForReader = 0 }
                let ofBudget = state.budget.takeSkippedIfRoom(at: clock.now)
                // Told together with those that the budget has counted: one of them began it.
                let blocked = ofBudget > 0 ? blockedCount.exchange(0, ordering: .relaxed) : 0
                return state.skippedForReader + ofBudget + blocked
            }
            guard !batch.isEmpty || skipped > 0 else { continue }
            var bytes: [UInt8] = []
            batch.write(into: &bytes, text: text, at: time)
            if skipped > 0 { bytes += text.status(.skipped(skipped), at: time) }
            Self.say(bytes, output)
            batch = TraceBatch()
            // Each batch wakes threads here and a program, which on a busy machine take turns with the loops: what comes
            // meanwhile goes into the next one.
            if isOpen { usleep(Self.pause) }
        }
        buffer.abandon()
        let skipped =
            state.withLock { $0.budget.takeSkipped() } + blockedCount.exchange(0, ordering: .relaxed)
        if skipped > 0 { say(.skipped(skipped), output) }
    }

    private func say(_ status: TraceStatus, _ output: any AdminOutput) {
        Self.say(text.status(status, at: time), output)
    }

    private static func say(_ bytes: [UInt8], _ output: any AdminOutput) {
        guard !bytes.isEmpty else { return }
        output.text(String(decoding: bytes.last == 0x0A ? bytes.dropLast() : bytes[...], as: UTF8.self))
    }

    /// Somebody else ends the trace.
    func terminate() { end(.terminated) }

    private func end(_ status: TraceStatus) {
        let isFirst = state.withLock { state in
            defer { state.isEnded = true }
            return !state.isEnded
        }
        guard isFirst else { return }
        _ = buffer.tryAppend(text.status(status, at: time))
        buffer.close()
    }

    // MARK: PacketWatcher

    func admits(_ client: WatchedClient, now: MonotonicTime) -> Bool {
        if now.nanoseconds < blockedUntil.load(ordering: .relaxed) {
            blockedCount.add(1, ordering: .relaxed)
            return false
        }
        let (isAdmitted, skipped) = state.withLock { state -> (Bool, UInt64) in
            // Where the reader is slow no text is made, which would be dropped: the event counts as skipped.
            guard !state.isEnded else { return (false, 0) }
            guard buffer.byteCount < Self.fullBuffer else {
                state.skippedForReader += 1
                return (false, 0)
            }
            switch state.budget.admit(at: now, shared: shared) {
            case .show(let skipped):
                return (true, skipped + blockedCount.exchange(0, ordering: .relaxed))
            case .skip:
                if let room = state.budget.roomAt { blockedUntil.store(room.nanoseconds, ordering: .relaxed) }
                return (false, 0)
            case .showAndStop:
                state.stopsNow = true
                return (true, 0)
            }
        }
        if skipped > 0 { _ = buffer.tryAppend(text.status(.skipped(skipped), at: time)) }
        return isAdmitted
    }

    /// Whether the beginning or the end of a session is shown; else it counts as skipped.
    private func admitsSession() -> Bool {
        let now = clock.now
        return state.withLock { state in
            guard !state.isEnded else { return false }
            if buffer.byteCount < Self.fullBuffer,
                case .show = state.sessionBudget.admit(at: now, shared: shared)
            {
                return true
            }
            state.skippedForReader += 1
            return false
        }
    }

    /// An event was shown; where it was the last that the budget allows, the trace ends behind it.
    private func show(_ bytes: [UInt8]) {
        _ = buffer.tryAppend(bytes)
        if state.withLock({ $0.stopsNow }) { end(.rateLimited) }
    }

    func began(_ client: WatchedClient, _ packet: ConnectPacket) {
        guard admitsSession() else { return }
        let subject = client.subject
        _ = buffer.tryAppend(
            text.status(.newSession(subject), at: time)
                + text.packet(
                    .connect(packet), .received, version: packet.version, subject: subject, at: time))
    }

    func saw(_ packet: WatchedPacket, _ client: WatchedClient) {
        let direction: TraceDirection = packet.isReceived ? .received : .sent
        show(
            text.packet(packet.packet, direction, version: client.version, subject: client.subject, at: time))
    }

    func asked(_ question: WatchedQuestion, _ client: WatchedClient) {
        show(text.hookCall(question.traced(client.version), subject: client.subject, at: time))
    }

    func answered(_ answer: WatchedAnswer, _ client: WatchedClient) {
        show(text.hookResult(answer.traced, subject: client.subject, at: time))
    }

    func ended(_ client: WatchedClient) {
        guard admitsSession() else { return }
        _ = buffer.tryAppend(text.status(.sessionStopped(client.subject), at: time))
    }
}

extension WatchedClient {
    /// As VerneMQ writes the process of a session.
    var shownToken: String { "<0.\(token).0>" }

    var subject: TraceSubject {
        TraceSubject(token: shownToken, mountpoint: "\(mountpoint.name)", clientID: clientID)
    }
}

extension WatchedQuestion {
    fileprivate func traced(_ version: ProtocolVersion) -> TraceHookCall {
        switch self {
        case .register(let event):
            TraceHookCall(
                .register(
                    peer: TracePeer(address: event.peer.address, port: event.peer.port),
                    cleanStart: event.cleanStart),
                version: version, userName: event.userName, properties: event.properties)
        case .publish(let event):
            TraceHookCall(
                .publish(
                    qos: event.message.facts.qos, topic: UTF8Text(copying: event.message.topic),
                    isRetained: event.message.facts.isRetained,
                    payload: event.message.payload.copiedBytes(WatchedPacket.payloadLimit)),
                version: version, userName: event.userName,
                properties: (try? Properties.decodePublish(event.message.properties)) ?? Properties())
        case .subscribe(let event):
            TraceHookCall(
                .subscribe(event.filters), version: version, userName: event.userName,
                properties: event.properties)
        case .authenticate(let event):
            TraceHookCall(
                .authenticate(event.reasonCode), version: version, userName: event.userName,
                properties: Properties())
        }
    }
}

extension WatchedAnswer {
    fileprivate var traced: TraceHookResult {
        switch self {
        case .ok(.none): .ok
        case .ok(.register(let changed)): TraceHookResult(changed)
        case .ok(.publish(let changed)): TraceHookResult(changed)
        case .ok(.subscribe), .ok(.authenticate): .ok
        case .refused(let refusal):
            .error(refusal.isInvalidCredentials ? "invalid_credentials" : "not_allowed")
        case .exhausted: .other(.atom("next"))
        }
    }
}

extension TraceHookResult {
    fileprivate init(_ changed: RegisterModifiers) {
        var modifiers: [Modifier] = []
        if let settings = changed.settings {
            modifiers += [
                .retryInterval(Int(clamping: settings.retryInterval)),
                .upgradeQoS(settings.upgradesOutgoingQoS),
                .maxMessageRate(settings.maxMessageRate), .maxMessageSize(settings.maxMessageSize),
                .maxInflightMessages(settings.maxInflightMessages),
            ]
        }
        if let value = changed.cleanStart { modifiers.append(.cleanSession(value)) }
        if let name = changed.userName { modifiers.append(.other(.tuple([.atom("username"), .text(name)]))) }
        if let id = changed.clientID { modifiers.append(.other(.tuple([.atom("client_id"), .text(id)]))) }
        self = modifiers.isEmpty ? .ok : .modifiers(modifiers)
    }

    fileprivate init(_ changed: PublishModifiers) {
        if let payload = changed.payload {
            self = .payload(Array(payload.prefix(WatchedPacket.payloadLimit)))
            return
        }
        var modifiers: [Modifier] = []
        if let topic = changed.topic { modifiers.append(.other(.tuple([.atom("topic"), .text(topic)]))) }
        if let qos = changed.qos {
            modifiers.append(.other(.tuple([.atom("qos"), .integer(Int64(qos.rawValue))])))
        }
        if let retain = changed.isRetained {
            modifiers.append(.other(.tuple([.atom("retain"), .boolean(retain)])))
        }
        self = modifiers.isEmpty ? .ok : .modifiers(modifiers)
    }
}

/// `trace …`.
extension Control {
    static var traceHandlers: [String: Handler] {
        [
            "trace client": { try $0.traceClient($1, $2) },
            "trace stop_all": { control, _, _ in _ = control.traces.stopAll() },
        ]
    }

    private func traceClient(_ invocation: Invocation, _ output: any AdminOutput) throws {
        var settings = Trace.Settings()
        settings.rateMaximum = invocation.integer("rate-max") ?? settings.rateMaximum
        settings.rateInterval = invocation.integer("rate-interval") ?? settings.rateInterval
        settings.payloadByteCount = invocation.integer("trunc-payload") ?? settings.payloadByteCount
        settings.stopsAtLimit = invocation.value("on-limit") == "stop"
        let selection = WatchSelection(
            clientID: UTF8Text(invocation.argument("client-id") ?? ""),
            mountpoint: .intern(UTF8Text(invocation.value("mountpoint") ?? "")))
        try traces.run(selection, settings, output)
        if !output.isCancelled { output.alert("Done.") }
    }
}
