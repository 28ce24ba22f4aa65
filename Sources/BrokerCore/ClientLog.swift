import BrokerMetrics
package import Logging
import MQTTCodec
package import Primitives

/// What of single clients is told at level info, one line for each. `docs/logging.md` lists them.
package enum ClientEvent: Int, CaseIterable, Sendable {
    /// A CONNECT was refused.
    case connectRefused
    /// A CONNECT was refused because a listener or the process has no room. Counted apart, so that a crowd at the door does
    /// not hide who was refused for something else.
    case connectOverLimit
    /// A connection ended below MQTT: TLS, PROXY header, WebSocket.
    case streamFailed
    /// A packet that must not come ended the connection.
    case protocolError
    /// A client does not take what it is sent.
    case slow
    /// A newer connection with the same client id has ended this one.
    case takenOver
    /// A client has begun to lose messages.
    case drops

    /// What stands in the fact `event` of its lines. It never changes.
    package var code: String {
        switch self {
        case .connectRefused, .connectOverLimit: "client_connect_refused"
        case .streamFailed: "client_stream_failed"
        case .protocolError: "client_protocol_error"
        case .slow: "client_slow"
        case .takenOver: "session_taken_over"
        case .drops: "client_drops_began"
        }
    }

    /// What counts those that were not written.
    var omitted: Counter {
        switch self {
        case .connectRefused, .connectOverLimit: .logOmittedRefusals
        case .streamFailed: .logOmittedStreams
        case .protocolError: .logOmittedProtocolErrors
        case .slow: .logOmittedSlow
        case .takenOver: .logOmittedTakeovers
        case .drops: .logOmittedDrops
        }
    }
}

/// Which events of clients one loop has told: a bounded number of each kind in a minute, so that a storm writes tens of lines.
///
///     quiet ─ event ─→ minute: told … told │ counted … counted ─ minute over ─→ told how many were not ─→ quiet
struct ClientLog {
    /// Lines of one kind that a loop writes in one minute.
    static let linesPerMinute = 20
    /// Sessions that lose messages, and of which it was told, at the same time.
    static let dropsFollowed = 256
    static let minute: UInt64 = 60_000_000_000

    private struct Minute {
        var began: MonotonicTime?
        var told = 0
        var omitted = 0

        func isOver(_ now: MonotonicTime) -> Bool {
            began.map { now.nanoseconds(since: $0) >= ClientLog.minute } ?? true
        }
    }

    private var minutes = [Minute](repeating: Minute(), count: ClientEvent.allCases.count)
    /// Sessions whose drops were told as they began, to be told as they end.
    fileprivate var dropping: ContiguousArray<SessionHandle> = []
    fileprivate var isTimerSet = false

    /// - Returns: whether the event is told. One that is not is remembered, to be told as a number.
    mutating func admit(_ event: ClientEvent, _ now: MonotonicTime) -> Bool {
        if minutes[event.rawValue].isOver(now) {
            // What the last minute has left out stays until the timer tells it.
            minutes[event.rawValue].began = now
            minutes[event.rawValue].told = 0
        }
        guard minutes[event.rawValue].told < Self.linesPerMinute else {
            minutes[event.rawValue].omitted += 1
            return false
        }
        minutes[event.rawValue].told += 1
        return true
    }

    /// Takes out how many events of a kind were left out, once their minute is over.
    mutating func takeOmitted(_ event: ClientEvent, _ now: MonotonicTime) -> Int {
        guard minutes[event.rawValue].isOver(now) else { return 0 }
        defer { minutes[event.rawValue] = Minute() }
        return minutes[event.rawValue].omitted
    }

    /// Whether the timer is needed.
    var isBusy: Bool { !dropping.isEmpty || minutes.contains { $0.omitted > 0 } }
}

/// How a session loses messages: from the first until none was lost for a minute. 16 bytes, and nothing else, however many
/// are lost.
struct DropSpell {
    /// Seconds of `MonotonicTime`; 0 = nothing was lost.
    private(set) var began: UInt32 = 0
    private var last: UInt32 = 0
    /// Messages lost.
    private(set) var count: UInt32 = 0
    /// Its beginning was told, so its end will be.
    var isTold = false
    var reason = DropReason.queueFull

    private static let quiet: UInt32 = 60

    var isOn: Bool { began != 0 }
    var seconds: UInt32 { last &- began }
    func isOver(_ second: UInt32) -> Bool { isOn && second &- last >= Self.quiet }

    /// More was lost.
    ///
    /// - Returns: false when that begins a spell.
    @inline(__always)
    mutating func goesOn(_ second: UInt32, _ lost: Int) -> Bool {
        guard isOn, !isOver(second) else { return false }
        count = count &+ UInt32(truncatingIfNeeded: lost)
        last = second
        return true
    }

    mutating func begin(_ reason: DropReason, _ second: UInt32, _ lost: Int) {
        self = DropSpell(
            began: second, last: second, count: UInt32(truncatingIfNeeded: lost), isTold: false,
            reason: reason)
    }

    init() {}

    private init(began: UInt32, last: UInt32, count: UInt32, isTold: Bool, reason: DropReason) {
        (self.began, self.last, self.count, self.isTold, self.reason) = (began, last, count, isTold, reason)
    }
}

extension Shard {
    /// Writes the line of an event, unless there were too many in this minute: then it is counted.
    ///
    /// - Parameter facts: made only for a line that is written.
    /// - Returns: whether it was written.
    @discardableResult
    package func tell(
        _ event: ClientEvent, _ message: Logger.Message, _ facts: () -> Logger.Metadata
    ) -> Bool {
        guard log.logLevel <= .info else { return false }
        guard clientLog.admit(event, now) else {
            omit(event)
            return false
        }
        var facts = facts()
        facts["event"] = .string(event.code)
        log.info(message, metadata: facts)
        return true
    }

    private func omit(_ event: ClientEvent) {
        counters.add(event.omitted)
        setClientLogTimer()
    }

    private func setClientLogTimer() {
        guard !clientLog.isTimerSet else { return }
        clientLog.isTimerSet = true
        timers.add(.clientLog, at: now.adding(nanoseconds: ClientLog.minute))
    }

    /// Once a minute while something is to be told: drops that have ended, and what was left out.
    func clientLogTimerFired() {
        clientLog.isTimerSet = false
        let second = logSecond
        clientLog.dropping.removeAll { handle in
            guard let session = session(handle), session.drops.isTold else { return true }
            guard session.drops.isOver(second) else { return false }
            tellDropsEnded(session)
            return true
        }
        for event in ClientEvent.allCases {
            let count = clientLog.takeOmitted(event, now)
            guard count > 0 else { continue }
            log.info(
                "more clients did the same than the log tells of",
                metadata: [
                    "event": "client_events_omitted", "of": .string(event.code),
                    "omitted": .stringConvertible(count), "loop": .stringConvertible(index),
                ])
        }
        if clientLog.isBusy { setClientLogTimer() }
    }

    // MARK: Drops

    /// What `DropSpell` counts in; never 0.
    var logSecond: UInt32 { UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000_000 + 1) }

    /// A session has lost a message, and had lost none for a minute.
    func dropsBegan(_ session: Session, _ reason: DropReason, _ lost: Int) {
        if session.drops.isTold { tellDropsEnded(session) }
        session.drops.begin(reason, logSecond, lost)
        guard log.logLevel <= .info else { return }
        guard clientLog.dropping.count < ClientLog.dropsFollowed else { return omit(.drops) }
        let isTold = tell(.drops, "client loses messages") {
            var facts = session.logFacts
            facts["reason"] = .string(reason.label)
            facts["waiting"] = .stringConvertible(session.waitingCount)
            facts["online"] = .stringConvertible(session.isOnline)
            return facts
        }
        session.drops.isTold = isTold
        if isTold {
            clientLog.dropping.append(session.handle)
            setClientLogTimer()
        }
    }

    /// Nothing was lost for a minute, or the session has ended.
    func tellDropsEnded(_ session: Session) {
        let spell = session.drops
        session.drops = DropSpell()
        var facts = session.logFacts
        facts["event"] = "client_drops_ended"
        facts["dropped"] = .stringConvertible(spell.count)
        facts["lasted_s"] = .stringConvertible(spell.seconds)
        facts["reason"] = .string(spell.reason.label)
        log.info("client has stopped losing messages", metadata: facts)
    }
}

extension Session {
    /// A message for the client was lost. What the standard loses, or an operator, is no event of the client.
    @inline(__always)
    func noteLost(_ reason: DropReason, _ count: Int = 1) {
        noteError(.messageLost(reason))
        guard count > 0, reason != .offlineQoS0, reason != .queuePurged else { return }
        lostCount &+= UInt32(truncatingIfNeeded: count)
        if drops.goesOn(shard.logSecond, count) { return }
        shard.dropsBegan(self, reason, count)
    }

    /// The client's output has reached its high-water mark: it is sent nothing more until it reads. Told once in a minute.
    func noteSlow() {
        let second = shard.logSecond
        guard slowAt == 0 || second &- slowAt >= 60 else { return }
        slowAt = second
        shard.tell(.slow, "client does not take what it is sent") {
            var facts = logFacts
            facts["reason"] = "output_full"
            facts["output_bytes"] = .stringConvertible(connection.output.byteCount)
            facts["waiting"] = .stringConvertible(waitingCount)
            return facts
        }
    }

    /// Who the client is, for a line of the log.
    var logFacts: Logger.Metadata {
        Shard.clientFacts(
            connection.transport, clientID: id.clientID, mountpoint: id.mountpoint, userName: userName)
    }
}

extension Shard {
    /// Who a client is, for a line of the log. Its texts are cut and escaped as the line is written (`LogLine`).
    ///
    /// - Parameter transport: nil while it is away.
    package static func clientFacts(
        _ transport: (any ClientTransport)?, clientID: UTF8Text?, mountpoint: Mountpoint? = nil,
        userName: UTF8Text? = nil
    ) -> Logger.Metadata {
        var facts: Logger.Metadata = [:]
        if let clientID { facts["client"] = .string(clientID.description) }
        if let userName { facts["user"] = .string(userName.description) }
        if let transport {
            facts["peer"] = .string(transport.clientPeer.logText)
            facts["listener"] = .string(transport.listenerFacts.name)
            // Listeners of two kinds may have the same name.
            facts["protocol"] = .string(transport.listenerFacts.kind.rawValue)
        }
        let mountpoint = mountpoint ?? transport?.listenerFacts.mountpoint ?? .default
        if mountpoint != .default { facts["mountpoint"] = .string(mountpoint.name.description) }
        return facts
    }
}

extension ClientPeer {
    /// Address and port; an address of IPv6 in brackets, so that the port stands apart.
    var logText: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }
}
