package import BrokerMetrics
import Logging
package import MQTTCodec
package import Primitives

/// One subscription of a session.
package struct Subscription: Sendable {
    /// As the client sent it, `$share/…` included.
    package var filter: UTF8Text
    package var options: SubscriptionOptions
    /// 0 = none.
    package var identifier: UInt32

    package init(filter: UTF8Text, options: SubscriptionOptions, identifier: UInt32) {
        self.filter = filter
        self.options = options
        self.identifier = identifier
    }

    /// Whether the filter begins as that of a shared subscription does.
    package var isShared: Bool { filter.bytes.starts(with: Self.sharePrefix) }

    private static let sharePrefix = Array("$share/".utf8)
}

/// All that the broker knows of one client: its subscriptions, what is under way to it, what waits for it, its
/// will. It lives on its home loop, with a connection or without one.
///
///     (new)   → online    [attach]
///     online  → offline   [detach, when the session outlives its connection]
///     online  → gone      [detach, when it does not]
///     offline → online    [attach]
///     offline → gone      [expire, or a clean start of the same client id]
///
/// It executes. What it decides and remembers is in its parts; all but `connection` know no shard and are tested alone:
///
///     connection   who is connected, and the one way out for a packet (`ClientOutput`)
///     inbound      what the client has sent: QoS 2, aliases, rate, the packet that is being worked off
///     outbound     what goes to it: queue, window, held answers
///     lifetime     session expiry, will
///     record       what the store has of it
///
/// A silent client owns almost nothing: every collection in it is empty storage until its first element.
package final class Session {
    package let id: SubscriberID
    /// A constant, which is used without being counted each time; `Shard.forgetSessions` undoes the cycle.
    let shard: Shard
    /// The shard's: to go through the shard for them would count a reference with each use.
    let counters: LoopCounters
    package internal(set) var handle: SessionHandle { didSet { publisherHandle = handle } }
    /// A second handle that leads here: the one it had before it took that of an ended sibling.
    var formerHandle: SessionHandle?
    /// What no-local compares with: the session that holds this client's subscriptions.
    private(set) var publisherHandle: SessionHandle
    /// Further connections of this client id, on the session that the directory knows.
    var siblings: ContiguousArray<Session> = []
    /// On a sibling: the session that the directory knows. It outlives its siblings or hands over to one.
    weak var first: Session? { didSet { publisherHandle = first?.handle ?? handle } }

    /// When the session began, or was found in the store.
    let startedAt: MonotonicTime
    /// Limits and habits, which a hook may have set for this client.
    package internal(set) var settings: SessionSettings
    var connection: ConnectionState
    var inbound = Inbound()
    var outbound = Outbound()
    var lifetime = SessionLifetime()
    var record = SessionRecord()
    /// nil = nothing went wrong since the session began, or the broker was started.
    private(set) var lastError: LastError?
    /// What of its losses the log is told.
    var drops = DropSpell()
    /// Copies for the client that were lost since the session began, or the broker was started, without those that the
    /// standard loses (QoS 0 for who is away) or an operator.
    var lostCount: UInt32 = 0
    /// When it was last slow, in seconds as `Shard.logSecond` has them; 0 = never.
    var slowAt: UInt32 = 0

    package internal(set) var subscriptions = SubscriptionList()
    /// What its shared groups look at; nil until it has a shared subscription.
    var presence: SessionPresence?
    /// Sorts its shared groups by `presence`.
    var settling: MembershipSettling?

    init(id: SubscriberID, shard: Shard, settings: SessionSettings, now: MonotonicTime) {
        self.id = id
        self.shard = shard
        counters = shard.counters
        self.settings = settings
        startedAt = now
        handle = SessionHandle(loop: 0, slot: 0, generation: 0)
        publisherHandle = handle
        connection = ConnectionState(now: now)
    }

    package var isOnline: Bool { connection.transport != nil }
    /// The version of MQTT that the client speaks.
    package var version: ProtocolVersion { connection.output.version }
    /// Whether the session is stored, so that it outlives the process.
    var isKept: Bool { record.isKept }

    /// Whether the connection may hand over its next packet.
    package var takesPackets: Bool { isOnline && inbound.isFree }

    // MARK: What a shard and its jobs ask

    /// Another one with each beginning and each end of a connection; 0 = there was none.
    var epoch: UInt32 { connection.epoch }
    /// As CONNECT had it, or a hook has put in its place.
    var userName: UTF8Text? { connection.userName }
    /// MQTT 3: the client is a bridge.
    var isBridge: Bool { connection.isBridge }
    /// The session's number in the store; 0 = it is not stored.
    var storeNumber: UInt64 { record.number }

    /// When its connection began.
    var connectedAt: MonotonicTime { connection.connectedAt }
    /// Copies that wait, in memory and in the store alone.
    var waitingCount: Int { outbound.queue.count }

    /// Stops reading the client for a reason, if it has a connection.
    func pauseReading(_ reason: PauseReason) { connection.transport?.pauseReading(reason) }
    /// Takes one reason away.
    func resumeReading(_ reason: PauseReason) { connection.transport?.resumeReading(reason) }

    /// The session waits for `batch`.
    ///
    /// - Returns: false when it waits for a later one already.
    func beginWait(for batch: UInt64) -> Bool { record.beginWait(for: batch) }

    /// Something went wrong with the client; what went wrong before is forgotten.
    func noteError(_ kind: LastError.Kind) { lastError = LastError(kind: kind, at: shard.now) }

    /// Nothing of the session is in the store any more.
    func forgetRecord() { record.forget() }

    // MARK: Packets

    /// Takes one packet of the client. A malformed one ends the connection.
    ///
    /// - Parameter body: the bytes after the fixed header, borrowed from the loop's buffer.
    /// - Returns: false when it has so many filters that only a part of them was looked at: call again in a later turn,
    ///   with the same packet.
    @discardableResult
    package func receive(_ header: FixedHeader, body: RawSpan) -> Bool {
        // A packet that is decoded in parts comes here with each of them.
        if !inbound.isDecoding {
            connection.packetCame(header.type, shard.now)
            if let watch = connection.output.watch { watch.received(header, body, shard.now) }
        }
        do throws(MalformedPacket) {
            switch header.type {
            case .publish: try receivePublish(flags: header.flags, body: body)
            case .puback, .pubrec, .pubrel, .pubcomp: try receiveAck(header, body: body)
            case .pingreq:
                guard body.byteCount == 0 else { throw MalformedPacket(.trailingBytes, at: 0, in: .pingreq) }
                counters.add(.pingreqReceived, version.label)
                connection.output.sendPingResponse(from: shard)
            case .subscribe, .unsubscribe: return try receiveFilters(header.type, body)
            case .disconnect: receive(try DisconnectPacket.decode(body: body, version: version))
            case .auth where version == .v5:
                receive(try AuthPacket.decode(body: body, version: version))
            case .connect, .connack, .suback, .unsuback, .pingresp, .auth:
                // A second CONNECT [MQTT-3.1.0-2], or a packet only a server sends.
                disconnect(.protocolError, .protocolError)
            }
        } catch {
            if header.type == .publish { counters.countRefusedPublish(RejectReason(error)) }
            fail(error)
        }
        return true
    }

    /// Ends the connection because of a packet that breaks the rules [MQTT-4.13.1-1].
    package func fail(_ error: MalformedPacket) {
        if error.problem == .packetTooLarge {
            counters.add(.invalidMessageSizeError, version.label)
            disconnect(.packetTooLarge, .packetTooLarge, because: error)
        } else {
            disconnect(error.reasonCode, .malformed, because: error)
        }
    }

    /// Tells a v5 client why, then closes. The will is published. Nothing further of this connection is taken.
    ///
    /// - Parameter problem: what is wrong with the client's packet; nil = the code says it.
    package func disconnect(
        _ code: ReasonCode, _ reason: CloseReason, because problem: MalformedPacket? = nil
    ) {
        guard let transport = connection.transport else { return }
        switch reason {
        case .malformed, .protocolError, .packetTooLarge: tellProtocolError(code, reason, problem)
        default: break
        }
        if version == .v5 { send(.disconnect(DisconnectPacket(reasonCode: code, properties: Properties()))) }
        transport.close(reason)
        detach(reason)
    }

    private func tellProtocolError(_ code: ReasonCode, _ reason: CloseReason, _ problem: MalformedPacket?) {
        shard.tell(.protocolError, "client broke the protocol") {
            var facts = logFacts
            facts["reason"] = .string(reason.label)
            facts["code"] = .stringConvertible(code.rawValue)
            facts["problem"] = .string(problem.map { "\($0)" } ?? code.vernemqName)
            facts["version"] = .string("\(version)")
            return facts
        }
    }

    // MARK: Sending

    /// Sends a packet that is neither PUBLISH nor an acknowledgement of one.
    ///
    /// - Returns: false when the client's Maximum Packet Size has no room for it, or there is no connection.
    @discardableResult
    func send(_ packet: ControlPacket) -> Bool { connection.output.send(packet, from: shard) }

    /// Sends PUBACK, PUBREC, PUBREL or PUBCOMP.
    @inline(__always)
    func sendAck(_ type: PacketType, _ identifier: UInt16, _ code: ReasonCode = .success) {
        connection.output.sendAck(type, identifier, code, from: shard)
    }

    // MARK: Answers

    /// Sends an acknowledgement, or keeps it back until what it promises is committed. Answers keep their order.
    @inline(__always)
    func answer(_ type: PacketType, _ identifier: UInt16, _ code: ReasonCode, after wait: StoreWait) {
        guard mustHold(wait) else { return sendAck(type, identifier, code) }
        hold(.ack(type, identifier, code), wait)
    }

    /// - Parameter subscribe: the number of the SUBSCRIBE that it answers, if a filter was granted: retained messages
    ///   are sent after this answer.
    func answer(_ packet: ControlPacket, after wait: StoreWait, of subscribe: UInt32? = nil) {
        let answer = HeldAnswer.Answer.packet(packet, subscribe: subscribe)
        if mustHold(wait) { hold(answer, wait) } else { send(answer) }
    }

    @inline(__always)
    private func mustHold(_ wait: StoreWait) -> Bool {
        !outbound.mayAnswer || !(wait.isNone || shard.isSettled(wait))
    }

    private func send(_ answer: HeldAnswer.Answer) {
        switch answer {
        case .ack(let type, let identifier, let code): sendAck(type, identifier, code)
        case .packet(let packet, let subscribe):
            send(packet)
            if let subscribe { inbound.answerSubscribe(subscribe) }
        }
    }

    private func hold(_ answer: HeldAnswer.Answer, _ wait: StoreWait) {
        outbound.hold(HeldAnswer(wait: wait, since: shard.now, answer: answer))
        // Each packet may cause an answer, and the store may take no writes for hours.
        if outbound.answerCount == Outbound.answerLimit { connection.transport?.pauseReading(.answers) }
        counters.add(.answersHeld)
        counters.move(.heldAnswers, by: 1)
        if !wait.isNone { shard.tellOfCommit(of: wait.batch, self) }
    }

    /// All copies of a message of this client, which were given over several turns, have been given.
    func fanOutEnded(_ wait: StoreWait) {
        if !wait.isNone, !shard.isSettled(wait) { shard.tellOfCommit(of: wait.batch, self) }
        sendHeldAnswers()
    }

    func sendHeldAnswers() {
        let count = outbound.answerCount
        defer {
            shard.count(steps: (count - outbound.answerCount) / 16)
            let half = Outbound.answerLimit / 2
            if count >= half, outbound.answerCount < half { connection.transport?.resumeReading(.answers) }
        }
        while let held = outbound.takeAnswer({ shard.isSettled($0) }) {
            counters.move(.heldAnswers, by: -1)
            counters.observe(.answerHoldNanoseconds, shard.now.nanoseconds(since: held.since))
            send(held.answer)
            if case .packet(_, .some) = held.answer { scanRetained() }
        }
    }

    /// The connection has ended. The client sends its packets again when it is back.
    func dropHeldAnswers() { counters.move(.heldAnswers, by: -outbound.dropAnswers()) }
}
