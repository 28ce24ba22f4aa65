package import BrokerMetrics
import DequeModule
import Logging
import MQTTCodec
import Primitives

/// How a session gets a connection, loses it, and ends.
extension Session {
    // MARK: Online

    /// Gives the session a connection, and answers CONNECT with CONNACK.
    func attach(_ transport: any ClientTransport, _ attempt: ConnectAttempt, isPresent: Bool) {
        let packet = attempt.packet
        publishOverdueWill()
        if lifetime.expiryDeadline != nil { counters.move(.sessionsOffline, by: -1) }
        counters.move(.sessionsOnline, by: 1)
        settings = attempt.settings
        lifetime.beginConnection(expiryInterval: attempt.sessionExpiryInterval, attempt.will)
        let broker = shard.settings
        let aliasBytes = broker.aliases.byteLimit
        let aliasesIn = packet.version == .v5 ? broker.aliases.clientMaximum : 0
        inbound.beginConnection(
            aliasesIn > 0 ? IncomingTopicAliases(maximum: aliasesIn, byteLimit: aliasBytes) : nil)
        outbound.beginConnection(receiveMaximum: receiveMaximum(of: packet))
        let aliasesOut = min(packet.properties.topicAliasMaximum ?? 0, broker.aliases.brokerMaximum)
        var properties = attempt.connackProperties
        let keepAlive = keepAlive(of: packet, &properties)
        connection.begin(
            transport, attempt, keepAlive: keepAlive,
            aliases: aliasesOut > 0
                ? OutgoingTopicAliases(maximum: aliasesOut, byteLimit: aliasBytes) : nil,
            epoch: shard.takeEpoch(), now: shard.now)
        if version == .v5 { announce(in: &properties, attempt) }
        let connack = ConnackPacket(isSessionPresent: isPresent, code: 0, properties: properties)
        counters.move(.online(version), by: 1)
        guard send(.connack(connack)) else {
            transport.close(.packetTooLarge)  // a client that cannot take CONNACK cannot go on
            detach(.packetTooLarge)
            return
        }
        shard.log.debug(
            "client connected",
            metadata: [
                "client": "\(id.clientID)",
                "peer": "\(transport.clientPeer.address):\(transport.clientPeer.port)",
                "listener": "\(transport.listenerFacts.name)",
                "protocol": "\(transport.listenerFacts.kind)", "version": "\(version)",
                "resumed": "\(isPresent)",
            ])
        noteAttached()
        noteWill()
        startTimers()
        setPresence(.online)
        shrinkToOnlineLimit()
        resume()
        startRetry()
        drain()
    }

    /// The keep alive to go by: what CONNECT asks for or a hook has put in its place, and no longer than
    /// `server_keep_alive_max`. MQTT 5 tells the client when it is another [MQTT-3.1.2-21]; MQTT 3 has no way to.
    private func keepAlive(of packet: ConnectPacket, _ properties: inout Properties) -> UInt16 {
        guard packet.version == .v5 else { return packet.keepAlive }
        var keepAlive = properties.serverKeepAlive ?? packet.keepAlive
        let limit = shard.settings.serverKeepAliveMax
        if limit > 0, keepAlive == 0 || keepAlive > limit { keepAlive = limit }
        if keepAlive != packet.keepAlive || properties.serverKeepAlive != nil {
            properties.serverKeepAlive = keepAlive
        }
        return keepAlive
    }

    /// QoS 1 and 2 messages that may be under way to the client [MQTT-3.3.4-9]. MQTT 3 has no word for it.
    private func receiveMaximum(of packet: ConnectPacket) -> Int {
        if packet.version == .v5 {
            return Int(min(packet.properties.receiveMaximum ?? 65_535, settings.receiveMaxClient))
        }
        return settings.sendMaximum
    }

    /// Adds the properties of CONNACK that say what the broker does not support, and its limits [MQTT5 §3.2.2.3].
    private func announce(in properties: inout Properties, _ attempt: ConnectAttempt) {
        let broker = shard.settings
        // Only for a client that asked for it [MQTT-3.1.2-28].
        if attempt.packet.properties.requestResponseInformation != 1 { properties.responseInformation = nil }
        if attempt.packet.properties.authenticationMethod == nil {
            properties.authenticationMethod = nil  // [MQTT-4.12.0-6]
            properties.authenticationData = nil
        }
        if attempt.isAssignedClientID { properties.assignedClientIdentifier = id.clientID }
        if broker.publish.receiveMaxBroker < 65535 {
            properties.receiveMaximum = broker.publish.receiveMaxBroker
        }
        if broker.aliases.clientMaximum > 0 { properties.topicAliasMaximum = broker.aliases.clientMaximum }
        if settings.maxMessageSize < 268_435_455 {
            // The limit is on the remaining length; the property counts the fixed header too.
            let limit = settings.maxMessageSize
            let lengthBytes = limit < 128 ? 1 : limit < 16_384 ? 2 : limit < 2_097_152 ? 3 : 4
            properties.maximumPacketSize = UInt32(clamping: limit + 1 + lengthBytes)
        }
        if broker.publish.maxQoS < .exactlyOnce { properties.maximumQoS = broker.publish.maxQoS.rawValue }
        if !broker.publish.retainAvailable { properties.retainAvailable = 0 }
        if lifetime.expiryInterval != attempt.packet.properties.sessionExpiryInterval ?? 0 {
            properties.sessionExpiryInterval = lifetime.expiryInterval
        }
    }

    private func startTimers() {
        if connection.keepAlive > 0 {
            shard.timers.add(.keepAlive(handle, connection.epoch), at: connection.keepAliveDeadline)
        }
        if let lifetimeDeadline {
            shard.timers.add(.lifetime(handle, connection.epoch), at: lifetimeDeadline)
        }
    }

    /// When the connection must end; nil = there is no limit.
    private var lifetimeDeadline: MonotonicTime? {
        settings.maxConnectionLifetime > 0
            ? connection.connectedAt.adding(seconds: settings.maxConnectionLifetime) : nil
    }

    func lifetimeTimerFired() {
        // The limit may have changed, or the timer was set for another session of this client.
        guard isOnline, let deadline = lifetimeDeadline else { return }
        guard shard.now >= deadline else {
            shard.timers.add(.lifetime(handle, connection.epoch), at: deadline)
            return
        }
        disconnect(.administrativeAction, .lifetime)
    }

    private func startRetry() {
        if !outbound.window.isEmpty { startRetryTimer() }
    }

    func keepAliveTimerFired() {
        // Packets of the client may be in its socket, so the time in which the broker did not read it does not count.
        if connection.transport?.isHeldBack == true { connection.packetCouldNotCome(shard.now) }
        guard isSilent, readWaiting() else { return }
        // Packets that were read now have moved the deadline.
        guard isSilent else { return }
        counters.add(.keepaliveExpired, version.label)
        if let omitted = shard.admitSilenceLine() {
            var facts = logFacts
            facts["event"] = "client_silent"
            facts["keep_alive"] = .stringConvertible(connection.keepAlive)
            if omitted > 0 { facts["others_before"] = .stringConvertible(omitted) }
            shard.log.log(
                level: shard.settings.logsKeepAliveAsWarning ? .warning : .info,
                "client sent nothing for too long", metadata: facts)
        }
        disconnect(.keepAliveTimeout, .keepAliveTimeout)
    }

    /// Whether the keep alive is over; sets the timer anew when it is not.
    private var isSilent: Bool {
        let unseen = shard.unseenNanoseconds(since: connection.lastPacketAt)
        let deadline = connection.keepAliveDeadline.adding(nanoseconds: unseen)
        guard shard.now < deadline else { return true }
        shard.timers.add(.keepAlive(handle, connection.epoch), at: deadline)
        return false
    }

    /// Reads what is in the socket before the client is closed for having sent nothing.
    ///
    /// - Returns: false when this connection has ended meanwhile.
    func readWaiting() -> Bool {
        let before = connection.epoch
        return connection.transport?.readWaiting() == true && connection.epoch == before
    }

    /// Applies `max_online_messages` to the copies that waited while the client was away, unless
    /// `override_max_online_messages` is on.
    private func shrinkToOnlineLimit() {
        let limit = settings.maxOnlineMessages
        // Copies of a stored session are read from the store as the client takes them, so none has to be dropped for
        // lack of memory.
        guard !isKept, !settings.overridesMaxOnlineMessages, limit >= 0, outbound.queue.count > limit else {
            return
        }
        var index = 0
        let surplus = outbound.queue.count - limit
        let isFifo = settings.queueType == .fifo
        let dropped = outbound.removeQueued { _ in
            index += 1
            return isFifo ? index > limit : index <= surplus
        }
        for copy in dropped { lose(copy, .queueFull) }
    }

    // MARK: DISCONNECT

    func receive(_ packet: DisconnectPacket) {
        counters.add(.disconnectReceived, version.label, code: packet.reasonCode.rawValue)
        if let interval = packet.properties.sessionExpiryInterval, version == .v5 {
            guard lifetime.change(expiryInterval: interval) else {
                disconnect(.protocolError, .protocolError)
                return
            }
        }
        if packet.reasonCode == .success { _ = lifetime.takeWill() }  // [MQTT-3.14.4-3]
        connection.transport?.close(.clientDisconnect)
        detach(.clientDisconnect)
    }

    /// The transport says that its connection has ended.
    package func connectionClosed(_ reason: CloseReason, by closed: any ClientTransport) {
        guard let transport = connection.transport, transport === closed else { return }
        detach(reason)
    }

    // MARK: Offline

    /// The session loses its connection: publishes the will, and then either waits for the client or ends.
    func detach(_ reason: CloseReason) {
        guard isOnline else { return }
        if reason != .clientDisconnect, reason != .shutdown { noteError(.disconnected(reason)) }
        if reason == .sendTimeout { tellSendTimeout() }
        connection.output.watch?.ended()
        counters.move(.online(version), by: -1)
        connection.end(epoch: shard.takeEpoch())
        // In the same batch as what is done with the will here, so that after a crash the will is published once.
        defer { forgetWill() }
        counters.add(reason)
        counters.move(.sessionsOnline, by: -1)
        shard.log.debug(
            "client disconnected", metadata: ["client": "\(id.clientID)", "reason": "\(reason)"])
        dropHeldAnswers()
        shard.forgetPauses(of: self)
        dropPendingHooks()
        inbound.endConnection()
        let isSuppressed = reason == .takenOver && shard.settings.suppressesWillOnTakeover
        let taken = lifetime.takeWill()
        let will = isSuppressed ? nil : taken
        if leaveSiblings() {
            if let will { shard.publish(will, from: self) }
            return
        }
        guard lifetime.expiryInterval != 0 else {
            if let will { shard.publish(will, from: self) }
            end(.clientGone(id), at: .onClientGone)
            return
        }
        goOffline(will, reason)
    }

    private func tellSendTimeout() {
        shard.tell(.slow, "client does not take what it is sent") {
            var facts = logFacts
            facts["reason"] = "send_timeout"
            facts["waiting"] = .stringConvertible(waitingCount)
            return facts
        }
    }

    /// The session goes on without a connection.
    private func goOffline(_ will: WillMessage?, _ reason: CloseReason) {
        counters.move(.sessionsOffline, by: 1)
        dropQoS0()
        setPresence(.offline)
        let ends = lifetime.beginAbsence(shard.now)
        if ends != .distantFuture { shard.timers.add(.sessionExpiry(handle, connection.epoch), at: ends) }
        if let will {
            // When the broker stops, the client has not failed: its delayed will waits in the store for its return.
            if will.delayInterval > 0, reason != .shutdown || isKept {
                let due = lifetime.delay(will, shard.now)
                shard.timers.add(.will(handle, connection.epoch), at: due)
            } else {
                shard.publish(will, from: self)
            }
        }
        noteDetached()
        shard.hooks.notify(.onClientOffline, .clientOffline(id))
    }

    /// A hook's answer to a packet is not needed any more when the connection has ended. A PUBLISH that waited for it
    /// was counted as received, so it is counted as rejected here.
    private func dropPendingHooks() {
        if let pending = inbound.takeQuestion() {
            pending.abandon()
            if case .publish = pending.subject {
                counters.add(RejectReason.sessionClosed)
                counters.move(.publishesPending, by: -1)
            }
        }
        if let pending = outbound.takeQuestion() {
            pending.abandon()
            if case .delivery(let copy) = pending.subject { outbound.putBack(copy, settings.queueType) }
        }
    }

    /// Drops QoS 0 copies: they do not wait for a client that is away.
    private func dropQoS0() {
        let dropped = outbound.removeQueued { $0.qos == .atMostOnce }
        for copy in dropped { lose(copy, .offlineQoS0) }
        outbound.forgetScans()
    }

    func willTimerFired() {
        guard lifetime.will != nil, let due = lifetime.willDeadline else { return }
        if isOver(due) {
            publishOverdueWill()
        } else {
            shard.timers.add(.will(handle, connection.epoch), at: max(due, shard.settledAt))
        }
    }

    /// Publishes a delayed will if its delay has passed [MQTT-3.1.3-9].
    func publishOverdueWill() {
        guard let will = lifetime.takeOverdueWill(isOver) else { return }
        shard.publish(will, from: self)
        noteWillPublished()
    }

    func expiryTimerFired() {
        guard let ends = lifetime.expiryDeadline else { return }
        if isOver(ends) {
            expire()
        } else {
            shard.timers.add(.sessionExpiry(handle, connection.epoch), at: max(ends, shard.settledAt))
        }
    }

    /// Whether the session has expired, and only its timer has not fired yet.
    var isExpired: Bool { !isOnline && lifetime.expiryDeadline.map(isOver) == true }

    /// Whether the client was away until `deadline`. Time in which the broker did not read sockets does not count, for
    /// the client's CONNECT may be in one.
    private func isOver(_ deadline: MonotonicTime) -> Bool { deadline <= shard.absenceTime }

    /// The expiry interval of the session has passed: publishes its will if that still waits [MQTT-3.1.3-9], and ends
    /// it.
    func expire() {
        counters.add(.sessionExpired)
        publishWaitingWill()
        end(.sessionExpired(id), at: .onSessionExpired)
    }

    /// The broker stops: publishes the will, unless it is to wait in the store for the client.
    func publishWillAtStop() {
        let waits = !isOnline || (lifetime.will?.delayInterval ?? 0 > 0 && lifetime.expiryInterval != 0)
        guard !(isKept && waits), let will = lifetime.takeWill() else { return }
        shard.publish(will, from: self)
        noteWillPublished()
        forgetWill()
    }

    func publishWaitingWill() {
        if let will = lifetime.takeWill() { shard.publish(will, from: self) }
    }
}

extension LoopGauge {
    /// The gauge of the sessions with a connection that speaks this version.
    static func online(_ version: ProtocolVersion) -> LoopGauge {
        switch version {
        case .v31: .onlineV31
        case .v311: .onlineV311
        case .v5: .onlineV5
        }
    }
}
