import BrokerCore
import BrokerMetrics
import Logging
import MQTTCodec
import Primitives
import Transport

/// A client's connection: where bytes become packets and packets reach a session.
///
///     awaitingConnect → handshaking   [CONNECT, client lives here]
///     awaitingConnect → (moved)       [CONNECT, client lives on another loop]
///     handshaking     → connected     [accepted]
///     any             → closing       [refused, malformed, time-out, disconnect]
final class ClientConnection: Connection, ClientTransport {
    /// A constant, which is used without being counted each time. The loop forgets its connections when they end.
    private let owner: BrokerLoop
    let listenerFacts: ListenerFacts
    private var session: Session?
    private var handshake: ConnectHandshake?
    /// It will live on another loop, once `received` has returned.
    private var isMoving = false
    /// Why we closed it; nil while we have not.
    private var closeReason: CloseReason?
    /// Its place among those whose CONNECT is awaited; nil = it has come, or was read on another loop.
    var newcomerPlace: DeadlineList<ClientConnection>.Place?
    /// Bytes of the CONNECT that is being decided on.
    private var handshakeByteCount = 0
    /// What it holds of the budget of those that have no session, and where it stands among them; -1 = it holds nothing.
    /// Both are `NewcomerMemory`'s.
    var newcomerByteCount = 0
    var newcomerIndex = -1

    init(socket: DetachedSocket, slot: Int, loop: EventLoop, owner: BrokerLoop, facts: ListenerFacts) {
        self.owner = owner
        listenerFacts = facts
        super.init(socket: socket, slot: slot, loop: loop)
        owner.counters.move(.connectionsOpen, by: 1)
    }

    // MARK: Bytes

    override func received(_ bytes: RawSpan) -> Int {
        guard overLimit == nil else { return receiveOverLimit(bytes) }
        var offset = 0
        if session == nil {
            offset = receiveBeforeSession(bytes)
            guard offset < bytes.byteCount else { return offset }
        }
        // From now on it is the same one until the connection ends. To ask for it with each packet would count a reference
        // four times a packet.
        guard let session else { return offset }
        return receive(bytes, from: offset, for: session)
    }

    /// Takes packets of `session` as long as there are whole ones, and nothing holds them up.
    ///
    /// - Returns: where the first stands that was not taken.
    private func receive(_ bytes: RawSpan, from start: Int, for session: Session) -> Int {
        let shard = owner.shard
        var offset = start
        var packetCount = 0
        var stepsBefore = shard.steps
        var offsetBefore = start
        while offset < bytes.byteCount {
            // Thousands of small packets, or one with many subscribers each, must not make a long turn.
            packetCount += 1
            if packetCount & 15 == 0 || shard.steps &- stepsBefore > Shard.stepsBetweenLooks
                || offset &- offsetBefore > Self.bytesBetweenLooks
            {
                stepsBefore = shard.steps
                offsetBefore = offset
                if loop.isTurnOver { yieldTurn() }
            }
            if let stop = stop(bytes, at: offset) { return stop }
            let rest = bytes.extracting(offset...)
            if !session.takesPackets {
                if session.isOnline { return offset }
                discarded(rest)
                return bytes.byteCount
            }
            do throws(MalformedPacket) {
                let decoded = try FixedHeader.decode(
                    rest, maximumRemainingLength: session.settings.maxMessageSize,
                    allowsDuplicateFlag: session.version == .v31)
                guard let header = decoded else { return offset }
                // Before its body has come, so that nobody fills our memory with what we do not want.
                if header.remainingLength > Self.plainPacketLimit, !Self.mayBeLong(header.type) {
                    throw MalformedPacket(.packetTooLarge, at: 1, in: header.type)
                }
                guard rest.byteCount >= header.packetByteCount else {
                    neededByteCount = header.packetByteCount
                    return offset
                }
                guard session.takes(header) else { return offset }
                let body = rest.extracting(header.headerByteCount..<header.packetByteCount)
                guard session.receive(header, body: body) else {
                    // A list of filters that is looked through in parts: the packet stays where it is.
                    yieldTurn()
                    return offset
                }
                offset += header.packetByteCount
            } catch {
                return refuse(bytes, at: offset, error)
            }
        }
        return offset
    }

    /// Takes CONNECT, and what comes until it has been decided on.
    ///
    /// - Returns: where the first packet stands that was not taken: the session's, should there be one now.
    private func receiveBeforeSession(_ bytes: RawSpan) -> Int {
        var offset = 0
        while offset < bytes.byteCount, session == nil {
            if let stop = stop(bytes, at: offset) { return stop }
            let rest = bytes.extracting(offset...)
            do throws(MalformedPacket) {
                let decoded = try FixedHeader.decode(
                    rest, maximumRemainingLength: packetLimit, allowsDuplicateFlag: false)
                guard let header = decoded else { return offset }
                guard mayBegin(header) else {
                    owner.counters.add(.bytesUndecoded, rest.byteCount)
                    return bytes.byteCount
                }
                guard rest.byteCount >= header.packetByteCount else {
                    neededByteCount = header.packetByteCount
                    return offset
                }
                try receiveBeforeSession(
                    header, rest.extracting(header.headerByteCount..<header.packetByteCount))
                offset += header.packetByteCount
            } catch {
                return refuse(bytes, at: offset, error)
            }
        }
        return offset
    }

    /// Whether nothing further is taken now.
    ///
    /// - Returns: what `received` returns then; nil = the next packet may be taken.
    @inline(__always)
    private func stop(_ bytes: RawSpan, at offset: Int) -> Int? {
        guard isOpen else {
            // What comes after the end is not acted upon.
            discarded(bytes.extracting(offset...))
            return bytes.byteCount
        }
        // What comes behind CONNECT goes along to the other loop. The reasons are compared by their bits: `isEmpty` of an
        // option set of another module is a generic call.
        guard !isMoving, pauseReasons.rawValue == 0 else { return offset }
        guard !output.isOverfull else {
            pauseReading(PauseReason.backpressure)
            return offset
        }
        return nil
    }

    /// The packet at `offset` is not one that may come: the connection ends.
    private func refuse(_ bytes: RawSpan, at offset: Int, _ error: MalformedPacket) -> Int {
        // A session counts the PUBLISHes it gets; this one did not come so far.
        if error.packetType == .publish { owner.counters.countRefusedPublish(RejectReason(error)) }
        owner.counters.add(.bytesUndecoded, bytes.byteCount - offset)
        fail(error)
        return bytes.byteCount
    }

    /// So many bytes of packets after the last look at the clock it is time for another.
    private static let bytesBetweenLooks = 64 * 1024
    /// Bytes of the remaining length of a packet that carries no message or list of filters. Far more than five of the
    /// longest strings.
    private static let plainPacketLimit = 1 << 20
    /// What a CONNECT may hold while it comes: a block of up to twice its bytes.
    static let largestConnect = 2 * plainPacketLimit + 4096

    /// Whether a packet of this type may carry a message or a list of filters.
    private static func mayBeLong(_ type: PacketType) -> Bool {
        type == .publish || type == .subscribe || type == .unsubscribe
    }

    /// Whether a packet of this type and length may come before there is a session; ends the connection if not.
    private func mayBegin(_ header: FixedHeader) -> Bool {
        if handshake == nil, header.type != .connect {
            if header.type == .publish { owner.counters.countRefusedPublish(.protocolError) }
            endBeforeSession(.protocolError, "\(header.type) before CONNECT")  // [MQTT-3.1.0-1]
            return false
        }
        guard header.remainingLength <= Self.plainPacketLimit || Self.mayBeLong(header.type) else {
            fail(MalformedPacket(.packetTooLarge, at: 1, in: header.type))
            return false
        }
        return true
    }

    private var packetLimit: Int {
        session?.settings.maxMessageSize ?? owner.shard.settings.maxMessageSize
    }

    /// CONNECT came first, or comes now; while it is being decided on, AUTH and DISCONNECT may follow.
    private func receiveBeforeSession(_ header: FixedHeader, _ body: RawSpan) throws(MalformedPacket) {
        if let handshake {
            switch header.type {
            case .auth: handshake.receive(try AuthPacket.decode(body: body, version: .v5))
            default:
                if header.type == .publish { owner.counters.countRefusedPublish(.protocolError) }
                if header.type == .disconnect {
                    close(CloseReason.clientDisconnect)
                } else {
                    endBeforeSession(.protocolError, "\(header.type) before CONNACK")
                }
            }
            return
        }
        var packet = try ConnectPacket.decode(body: body)
        if let name = provenUserName {
            packet.userName = name
        } else if listenerFacts.usesIdentityAsUserName, streamFacts?.tls?.hasCertificate == true {
            // Else the client would say itself who it is.
            return endBeforeSession(
                .protocolError, "the client's certificate has no common name that can be used")
        }
        leaveNewcomers()
        let begun = owner.shard.admit(packet, self)
        waitsForAnswer(begun, body.byteCount)
    }

    /// Keeps a handshake that has not ended at once.
    private func waitsForAnswer(_ begun: ConnectHandshake?, _ byteCount: Int) {
        if session == nil, isOpen, !isMoving, let begun {
            handshake = begun
            handshakeByteCount = byteCount
        }
        updateNewcomerMemory()
    }

    private func leaveNewcomers() {
        if let newcomerPlace { owner.forgetNewcomer(newcomerPlace, isRefused: overLimit != nil) }
        newcomerPlace = nil
    }

    /// It was accepted to be told that there is no room: its version is all that is needed for that.
    private func receiveOverLimit(_ bytes: RawSpan) -> Int {
        guard isOpen else { return bytes.byteCount }
        do throws(MalformedPacket) {
            let decoded = try FixedHeader.decode(
                bytes, maximumRemainingLength: FixedHeader.largestRemainingLength)
            guard let header = decoded else { return 0 }
            guard mayBegin(header) else { return bytes.byteCount }
            let come = min(bytes.byteCount, header.packetByteCount)
            let version = try ConnectPacket.decodeVersion(
                body: bytes.extracting(header.headerByteCount..<come), of: header)
            guard let version else { return 0 }
            leaveNewcomers()
            owner.shard.refuseOverLimit(self, version)
        } catch {
            fail(error)
        }
        return bytes.byteCount
    }

    // MARK: The memory of those without a session

    override func heldInputChanged() {
        guard session == nil else { return }
        updateNewcomerMemory()
    }

    private func updateNewcomerMemory() {
        let wanted = session == nil && isOpen && !isMoving ? heldInputByteCount + handshakeByteCount : 0
        if wanted != newcomerByteCount { owner.setNewcomerMemory(self, holds: wanted) }
    }

    /// A packet that cannot be decoded. Before CONNECT was accepted nothing is answered.
    private func fail(_ error: MalformedPacket) {
        if let session {
            session.fail(error)
            return
        }
        if error.problem == .packetTooLarge { owner.counters.add(.invalidMessageSizeError, .v4) }
        if error.problem == .unsupportedProtocolLevel, handshake == nil {
            // In the form of 3.1.1, which every client can read [3.1.1 MQTT-3.1.2-2].
            owner.shard.refuseProtocolLevel(self)
            return
        }
        let reason = error.problem == .packetTooLarge ? CloseReason.packetTooLarge : .malformed
        endBeforeSession(reason, "\(error)")
    }

    /// Ends a connection that has no session because of a packet that must not come.
    private func endBeforeSession(_ reason: CloseReason, _ problem: String) {
        guard isOpen else { return }
        owner.shard.tellProtocolError(
            self, clientID: handshake?.attempt.subscriber.clientID, reason: reason, problem: problem)
        close(reason)
    }

    /// Each whole PUBLISH among them has reached us, and goes nowhere because its connection ended first: a client that
    /// was refused or taken over had sent it in advance, or a hook's answer was awaited.
    override func discarded(_ bytes: RawSpan) {
        owner.counters.add(.bytesUndecoded, bytes.byteCount)
        var offset = 0
        while offset < bytes.byteCount {
            let rest = bytes.extracting(offset...)
            let header = try? FixedHeader.decode(
                rest, maximumRemainingLength: packetLimit,
                allowsDuplicateFlag: session?.version == .v31)
            guard let header, header.packetByteCount <= rest.byteCount else { return }
            if header.type == .publish { owner.counters.countRefusedPublish(.sessionClosed) }
            offset += header.packetByteCount
        }
    }

    /// Its CONNECT is awaited from now on: what came before had a time of its own.
    override func established() {
        owner.counters.opened(tlsVersion)
        owner.startConnectTimer(self)
    }

    override func outputDrained() {
        resumeReading(PauseReason.backpressure)
        session?.outputDrained()
    }

    override func closed(_ cause: ConnectionEnd) {
        owner.counters.move(.connectionsOpen, by: -1)
        leaveNewcomers()
        updateNewcomerMemory()
        handshake?.cancel()
        handshake = nil
        if cause == .detached { return }  // it lives on, on another loop
        owner.counters.add(.socketClose)
        if isEstablished { owner.counters.closed(tlsVersion) }
        let reason = closeReason ?? streamProblem.map(CloseReason.init) ?? CloseReason(cause)
        if let streamProblem { owner.tellStreamFailed(self, streamProblem) }
        if let session {
            session.connectionClosed(reason, by: self)
            self.session = nil
        } else if reason != .refused {  // a refusal was counted when it was sent
            owner.counters.add(reason)
        }
    }

    // MARK: ClientTransport

    var clientPeer: ClientPeer { ClientPeer(address: peer.ipText, port: peer.port) }

    /// An operator ends the connection, with its listener.
    func endByOperator() {
        if let session {
            session.disconnect(.administrativeAction, .administrative)
        } else {
            close(CloseReason.administrative)
        }
    }

    func close(_ reason: CloseReason) {
        guard isOpen else { return }
        closeReason = reason
        // A client that said DISCONNECT wants nothing any more: closing at once saves shutdown, epoll_ctl and read,
        // a quarter of what a short connection costs.
        close(.requested, afterFlush: reason != .clientDisconnect || !output.isEmpty)
    }

    /// Ends it at once, with what waits for it.
    func cut(_ reason: CloseReason) {
        guard isOpen else { return }
        closeReason = reason
        close(.requested, afterFlush: false)
    }

    var isHeldBack: Bool {
        !pauseReasons.isDisjoint(with: [.hook, .rate, .overload, .work, .answers, .fanOut, .turn])
    }

    func connected(to session: Session) {
        handshake = nil
        handshakeByteCount = 0
        self.session = session
        updateNewcomerMemory()
    }

    func move(to loop: Int, with attempt: ConnectAttempt) {
        handshake = nil
        isMoving = true
        let facts = listenerFacts
        detach { [owner] socket in owner.post(.adopt(socket, attempt, facts), to: loop) }
    }

    /// Takes up a CONNECT that was read on another loop.
    func goOn(with attempt: ConnectAttempt) {
        let begun = owner.shard.begin(attempt, self)
        waitsForAnswer(begun, attempt.packet.heldByteCount)
    }
}
