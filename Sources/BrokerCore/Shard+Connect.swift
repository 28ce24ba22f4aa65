package import BrokerMetrics
import Logging
package import MQTTCodec
package import Primitives

/// From CONNECT to a session.
extension Shard {
    /// Takes a CONNECT on the loop that accepted the connection: refuses it, goes on with it here, or moves the
    /// connection to the client's home loop.
    ///
    /// - Returns: the handshake, when it goes on here and has not ended at once.
    package func admit(_ packet: ConnectPacket, _ transport: any ClientTransport) -> ConnectHandshake? {
        counters.add(.connectReceived, packet.version.label)
        let listener = transport.listenerFacts
        if listener.plugins != nil { broker.noteChoosingListener() }
        guard listener.allowedProtocolVersions.contains(packet.protocolLevel) else {
            refuse(transport, packet, .unacceptableProtocolVersion, .unsupportedProtocolVersion)
            return nil
        }
        var assigned: UTF8Text?
        if packet.clientID.isEmpty {
            // 3.1 asks for an identifier; 3.1.1 lets it be empty with a clean session only [3.1.1 MQTT-3.1.3-8].
            guard packet.version == .v5 || (packet.version == .v311 && packet.cleanStart) else {
                refuse(transport, packet, .identifierRejected, .clientIdentifierNotValid)
                return nil
            }
            assigned = assignClientID(listener.mountpoint)
        } else if packet.clientID.count > settings.maxClientIDSize {
            refuse(transport, packet, .identifierRejected, .clientIdentifierNotValid)
            return nil
        }
        if let reason = unsupported(packet.will) {
            refuse(transport, packet, .notAuthorized, reason)
            return nil
        }
        let attempt = ConnectAttempt(packet, settings, listener: listener, assignedClientID: assigned)
        let home = homeLoop(of: attempt.subscriber)
        guard home == index else {
            counters.add(.connectionsMoved)
            transport.move(to: home, with: attempt)
            return nil
        }
        return begin(attempt, transport)
    }

    /// What a will asks for that this broker does not do [MQTT-3.2.2-12, 3.2.2-13].
    private func unsupported(_ will: WillPacketFields?) -> ReasonCode? {
        guard let will else { return nil }
        if will.qos > settings.publish.maxQoS { return .qosNotSupported }
        let levelCount = will.topic.bytes.count { $0 == UInt8(ascii: "/") } + 1
        if settings.publish.topicMaxDepth > 0, levelCount > settings.publish.topicMaxDepth {
            return .topicNameInvalid
        }
        if will.isRetained, !settings.publish.retainAvailable { return .retainNotSupported }
        if settings.publish.checksPayloadFormat, will.properties.payloadFormatIndicator == 1 {
            guard unsafe ByteRange.isUTF8(will.payload.span.bytes) else { return .payloadFormatInvalid }
        }
        return nil
    }

    /// Goes on with a connection that lives here, or has just moved here.
    package func begin(_ attempt: ConnectAttempt, _ transport: any ClientTransport) -> ConnectHandshake? {
        let handshake = ConnectHandshake(attempt, shard: self, transport: transport)
        handshake.run()
        return handshake
    }

    /// `anon-` and 28 letters or digits; its home is this loop, so the connection need not move.
    private func assignClientID(_ mountpoint: Mountpoint) -> UTF8Text {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var system = SystemRandomNumberGenerator()
        while true {
            var bytes = Array("anon-".utf8)
            for _ in 0..<28 { bytes.append(alphabet[Int.random(in: 0..<alphabet.count, using: &system)]) }
            let id = UTF8Text(bytes: bytes)
            let subscriber = SubscriberID(mountpoint: mountpoint, clientID: id)
            if homeLoop(of: subscriber) == index, sessions.isFree(subscriber) { return id }
        }
    }

    /// Ends the client's connection for a newer one; each of them, where it had several [MQTT-3.1.4-3].
    func displace(_ subscriber: SubscriberID, by newer: any ClientTransport) {
        while let older = session(subscriber), older.isOnline {
            counters.add(.sessionTakenOver)
            tell(.takenOver, "session taken over") {
                var facts = older.logFacts
                facts["new_peer"] = .string(newer.clientPeer.logText)
                facts["new_listener"] = .string(newer.listenerFacts.name)
                facts["new_protocol"] = .string(newer.listenerFacts.kind.rawValue)
                facts["reason"] = "same_client_id"
                facts["connected_s"] = .stringConvertible(
                    now.nanoseconds(since: older.connectedAt) / 1_000_000_000)
                return facts
            }
            older.disconnect(.sessionTakenOver, .takenOver)
        }
    }

    /// Makes or resumes the session of a client that may come in, and answers its CONNECT.
    func connect(_ attempt: ConnectAttempt, _ transport: any ClientTransport) -> Session {
        var existing = session(attempt.subscriber)
        if let first = existing, first.isOnline, attempt.settings.allowsMultipleSessions {
            let session = makeSession(attempt.subscriber, attempt.settings)
            sessions.register(first)  // the directory goes on knowing the first
            session.join(first)
            session.attach(transport, attempt, isPresent: true)
            return session
        }
        if existing?.isOnline == true {
            // Another newcomer with the same id was quicker while a hook was asked: the later one wins.
            displace(attempt.subscriber, by: transport)
            existing = session(attempt.subscriber)
        }
        if let older = existing, older.isExpired {
            // Its timer has not fired yet: this is the first turn, or a long one.
            older.expire()
            existing = nil
        }
        if attempt.cleanStart, let older = existing {
            older.publishWaitingWill()
            older.end(.clientGone(older.id), at: .onClientGone)
            existing = nil
        }
        let isPresent = existing != nil
        let session = existing ?? makeSession(attempt.subscriber, attempt.settings)
        if isPresent { counters.add(.sessionResumed) }
        session.attach(transport, attempt, isPresent: isPresent)
        return session
    }

    /// Answers a CONNECT of a protocol level that no version of MQTT has, and closes.
    package func refuseProtocolLevel(_ transport: any ClientTransport) {
        let code = ConnectReturnCode.unacceptableProtocolVersion.rawValue
        counters.add(CloseReason.refused)
        tellRefused(transport, code, .unsupportedProtocolVersion)
        var output = ClientOutput(transport.output, version: .v311)
        output.send(.connack(ConnackPacket(code: code)), from: self)
        transport.close(.refused)
    }

    /// Answers a CONNECT for which there is no room, of which only the version is known, and closes.
    package func refuseOverLimit(_ transport: any ClientTransport, _ version: ProtocolVersion) {
        let code =
            version == .v5
            ? ReasonCode.quotaExceeded.rawValue : ConnectReturnCode.serverUnavailable.rawValue
        counters.add(.connectReceived, version.label)
        counters.add(CloseReason.refused)
        tellRefused(transport, code, .quotaExceeded, event: .connectOverLimit)
        var output = ClientOutput(transport.output, version: version)
        output.send(.connack(ConnackPacket(code: code)), from: self)
        transport.close(.refused)
    }

    /// - Parameter packet: nil = only its version is known.
    private func tellRefused(
        _ transport: any ClientTransport, _ code: UInt8, _ reason: ReasonCode, packet: ConnectPacket? = nil,
        event: ClientEvent = .connectRefused
    ) {
        tell(event, "CONNECT refused") {
            var facts = Self.clientFacts(transport, clientID: packet?.clientID, userName: packet?.userName)
            facts["code"] = .stringConvertible(code)
            facts["reason"] = .string(reason.vernemqName)
            if let packet { facts["version"] = .string("\(packet.version)") }
            return facts
        }
    }

    /// A connection that has no session has sent a packet that must not come.
    package func tellProtocolError(
        _ transport: any ClientTransport, clientID: UTF8Text? = nil, reason: CloseReason, problem: String
    ) {
        tell(.protocolError, "client broke the protocol") {
            var facts = Self.clientFacts(transport, clientID: clientID)
            facts["reason"] = .string(reason.label)
            facts["problem"] = .string(problem)
            return facts
        }
    }

    /// Answers CONNECT with a refusal and closes [MQTT-3.2.2-7].
    func refuse(
        _ transport: any ClientTransport, _ packet: ConnectPacket, _ code: ConnectReturnCode,
        _ reason: ReasonCode,
        _ refusal: HookRefusal? = nil, watch: ConnectionWatch? = nil
    ) {
        let version = packet.version
        let wireCode = version == .v5 ? reason.rawValue : code.rawValue
        counters.add(CloseReason.refused)
        tellRefused(transport, wireCode, reason, packet: packet)
        var properties = Properties()
        if version == .v5 {
            if packet.properties.requestProblemInformation != 0 {
                properties.reasonString = refusal?.reasonString
            }
            properties.serverReference = refusal?.serverReference
        }
        var output = ClientOutput(
            transport.output, version: version,
            packetSizeLimit: packet.properties.maximumPacketSize ?? 0, watch: watch)
        output.send(
            .connack(ConnackPacket(isSessionPresent: false, code: wireCode, properties: properties)),
            from: self)
        transport.close(.refused)
    }
}
