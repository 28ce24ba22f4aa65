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
        epoch &+= 1
        if expiryDeadline != nil { counters.move(.sessionsOffline, by: -1) }
        counters.move(.sessionsOnline, by: 1)
        expiryDeadline = nil
        willDeadline = nil  // back in time: the delayed will is not published [MQTT-3.1.3-9]
        self.transport = transport
        output = transport.output
        connectedAt = shard.now
        lastPacketAt = shard.now
        version = packet.version
        isBridge = packet.isBridge
        userName = attempt.userName
        settings = attempt.settings
        let wanted = attempt.sessionExpiryInterval
        sessionExpiryInterval = wanted
        connectExpiryWasZero = wanted == 0
        maximumPacketSize = packet.properties.maximumPacketSize ?? 0
        requestsProblemInformation = packet.properties.requestProblemInformation != 0
        authenticationMethod = packet.properties.authenticationMethod
        if version == .v5 {
            receiveMaximum = Int(min(packet.properties.receiveMaximum ?? 65535, settings.receiveMaxClient))
        } else {
            receiveMaximum = settings.maxInflightMessages > 0 ? settings.maxInflightMessages : 65535
        }
        let aliasesIn = version == .v5 ? shard.settings.topicAliasMaxClient : 0
        let aliasBytes = shard.settings.maxTopicAliasByteCount
        incomingAliases =
            aliasesIn > 0 ? IncomingTopicAliases(maximum: aliasesIn, byteLimit: aliasBytes) : nil
        let aliasesOut = min(packet.properties.topicAliasMaximum ?? 0, shard.settings.topicAliasMaxBroker)
        outgoingAliases =
            aliasesOut > 0 ? OutgoingTopicAliases(maximum: aliasesOut, byteLimit: aliasBytes) : nil
        will = attempt.will
        keepAlive = packet.keepAlive
        let cap = shard.settings.serverKeepAliveMax
        var properties = attempt.connackProperties
        if version == .v5, cap > 0, keepAlive == 0 || keepAlive > cap {
            keepAlive = cap
            properties.serverKeepAlive = cap
        }
        if version == .v5 { announce(in: &properties, attempt) }
        let connack = ConnackPacket(isSessionPresent: isPresent, code: 0, properties: properties)
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
                "listener": "\(transport.listenerFacts.name)", "version": "\(version)",
                "resumed": "\(isPresent)",
            ])
        inflight.beginConnection()
        noteAttached()
        noteWill()
        startTimers()
        setPresence(.online)
        shrinkToOnlineLimit()
        resume()
        startRetry()
        drain()
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
        if broker.receiveMaxBroker < 65535 { properties.receiveMaximum = broker.receiveMaxBroker }
        if broker.topicAliasMaxClient > 0 { properties.topicAliasMaximum = broker.topicAliasMaxClient }
        if settings.maxMessageSize < 268_435_455 {
            // The limit is on the remaining length; the property counts the fixed header too.
            let limit = settings.maxMessageSize
            let lengthBytes = limit < 128 ? 1 : limit < 16_384 ? 2 : limit < 2_097_152 ? 3 : 4
            properties.maximumPacketSize = UInt32(clamping: limit + 1 + lengthBytes)
        }
        if broker.maxQoS < .exactlyOnce { properties.maximumQoS = broker.maxQoS.rawValue }
        if !broker.retainAvailable { properties.retainAvailable = 0 }
        if sessionExpiryInterval != attempt.packet.properties.sessionExpiryInterval ?? 0 {
            properties.sessionExpiryInterval = sessionExpiryInterval
        }
    }

    private func startTimers() {
        retryTimerIsSet = false
        if keepAlive > 0 { shard.timers.add(.keepAlive(handle, epoch), at: keepAliveDeadline) }
        if let lifetimeDeadline { shard.timers.add(.lifetime(handle, epoch), at: lifetimeDeadline) }
    }

    /// When the connection must end; nil = there is no limit.
    private var lifetimeDeadline: MonotonicTime? {
        settings.maxConnectionLifetime > 0
            ? connectedAt.adding(seconds: settings.maxConnectionLifetime) : nil
    }

    func lifetimeTimerFired() {
        // The limit may have changed, or the timer was set for another session of this client.
        guard isOnline, let deadline = lifetimeDeadline else { return }
        guard shard.now >= deadline else {
            shard.timers.add(.lifetime(handle, epoch), at: deadline)
            return
        }
        disconnect(.administrativeAction, .lifetime)
    }

    private func startRetry() {
        if !inflight.isEmpty { startRetryTimer() }
    }

    /// One and a half times the keep alive after the last packet [MQTT-3.1.2-22].
    private var keepAliveDeadline: MonotonicTime {
        lastPacketAt.adding(milliseconds: UInt64(keepAlive) * 1500)
    }

    func keepAliveTimerFired() {
        // Packets of the client may be in its socket, so the time in which the broker did not read it does not count.
        if transport?.isHeldBack == true { lastPacketAt = shard.now }
        guard isSilent, readWaiting() else { return }
        // Packets that were read now have moved the deadline.
        guard isSilent else { return }
        counters.add(.keepaliveExpired, version.label)
        if let omitted = shard.silenceLines.take(shard.now) {
            var facts: Logger.Metadata = [
                "client": "\(id.clientID)", "keep_alive": .stringConvertible(keepAlive),
            ]
            if omitted > 0 { facts["others_before"] = .stringConvertible(omitted) }
            shard.log.log(
                level: shard.settings.logsKeepAliveAsWarning ? .warning : .info,
                "client sent nothing for too long", metadata: facts)
        }
        disconnect(.keepAliveTimeout, .keepAliveTimeout)
    }

    /// Whether the keep alive is over; sets the timer anew when it is not.
    private var isSilent: Bool {
        let unseen = shard.lapses.nanoseconds(since: lastPacketAt)
        let deadline = keepAliveDeadline.adding(nanoseconds: unseen)
        guard shard.now < deadline else { return true }
        shard.timers.add(.keepAlive(handle, epoch), at: deadline)
        return false
    }

    /// Reads what is in the socket before the client is closed for having sent nothing.
    ///
    /// - Returns: false when this connection has ended meanwhile.
    func readWaiting() -> Bool {
        let before = epoch
        return transport?.readWaiting() == true && epoch == before
    }

    /// Applies `max_online_messages` to the copies that waited while the client was away, unless
    /// `override_max_online_messages` is on.
    private func shrinkToOnlineLimit() {
        let limit = settings.maxOnlineMessages
        // Copies of a stored session are read from the store as the client takes them, so none has to be dropped for
        // lack of memory.
        guard !isKept, !settings.overridesMaxOnlineMessages, limit >= 0, queue.count > limit else { return }
        var index = 0
        let surplus = queue.count - limit
        let isFifo = settings.queueType == .fifo
        let dropped = queue.removeAll { _ in
            index += 1
            return isFifo ? index > limit : index <= surplus
        }
        for copy in dropped { lose(copy, .queueFull) }
    }

    // MARK: DISCONNECT

    func receive(_ packet: DisconnectPacket) {
        counters.add(.disconnectReceived, version.label, code: packet.reasonCode.rawValue)
        if let interval = packet.properties.sessionExpiryInterval, version == .v5 {
            if connectExpiryWasZero, interval != 0 {
                disconnect(.protocolError, .protocolError)  // [MQTT-3.14.2-2]
                return
            }
            sessionExpiryInterval = interval
        }
        if packet.reasonCode == .success { will = nil }  // [MQTT-3.14.4-3]
        transport?.close(.clientDisconnect)
        detach(.clientDisconnect)
    }

    /// The transport says that its connection has ended.
    package func connectionClosed(_ reason: CloseReason, by closed: any ClientTransport) {
        guard let transport, transport === closed else { return }
        detach(reason)
    }

    // MARK: Offline

    /// The session loses its connection: publishes the will, and then either waits for the client or ends.
    func detach(_ reason: CloseReason) {
        guard transport != nil else { return }
        transport = nil
        output = nil
        epoch &+= 1
        // In the same batch as what is done with the will here, so that after a crash the will is published once.
        defer { forgetWill() }
        counters.add(reason)
        counters.move(.sessionsOnline, by: -1)
        shard.log.debug(
            "client disconnected", metadata: ["client": "\(id.clientID)", "reason": "\(reason)"])
        incomingAliases = nil
        outgoingAliases = nil
        dropHeldAnswers()
        shard.overloadPaused.remove(handle)
        shard.forgetHeldForStore(self)
        dropPendingHooks()
        filterDecoding = nil
        filterJob = nil
        subscribesAnswered = subscribesGranted
        let isSuppressed = reason == .takenOver && shard.settings.suppressesWillOnTakeover
        let ending = isSuppressed ? nil : will
        will = nil
        if leaveSiblings() {
            if let ending { shard.publish(ending, from: self) }
            return
        }
        guard sessionExpiryInterval != 0 else {
            if let ending { shard.publish(ending, from: self) }
            end(.clientGone(id), at: .onClientGone)
            return
        }
        counters.move(.sessionsOffline, by: 1)
        dropQoS0()
        setPresence(.offline)
        // Set even when the session never expires: it says that the session is offline, and since when.
        expiryDeadline =
            sessionExpiryInterval == .max
            ? .distantFuture : shard.now.adding(seconds: UInt64(sessionExpiryInterval))
        if sessionExpiryInterval != .max, let expiryDeadline {
            shard.timers.add(.sessionExpiry(handle, epoch), at: expiryDeadline)
        }
        if let ending {
            // When the broker stops, the client has not failed: its delayed will waits in the store for its return.
            if ending.delayInterval > 0, reason != .shutdown || isKept {
                let delay = min(ending.delayInterval, sessionExpiryInterval)
                let deadline = shard.now.adding(seconds: UInt64(delay))
                will = ending
                willDeadline = deadline
                shard.timers.add(.will(handle, epoch), at: deadline)
            } else {
                shard.publish(ending, from: self)
            }
        }
        noteDetached()
        shard.hooks.notify(.onClientOffline, .clientOffline(id))
    }

    /// A hook's answer to a packet is not needed any more when the connection has ended. A PUBLISH that waited for it
    /// was counted as received, so it is counted as rejected here.
    private func dropPendingHooks() {
        if let pending = pendingHook, case .publish = pending.question {
            counters.add(RejectReason.sessionClosed)
            counters.move(.publishesPending, by: -1)
        }
        pendingHook = nil
        if let pending = pendingDelivery, case .deliver(let copy) = pending.question {
            queue.putBack(copy, settings.queueType)
        }
        pendingDelivery = nil
    }

    /// Drops QoS 0 copies: they do not wait for a client that is away.
    private func dropQoS0() {
        let dropped = queue.removeAll { $0.qos == .atMostOnce }
        for copy in dropped { lose(copy, .offlineQoS0) }
        retainedScans.removeAll()
    }

    func willTimerFired() {
        guard will != nil, let willDeadline else { return }
        if isOver(willDeadline) {
            publishOverdueWill()
        } else {
            shard.timers.add(.will(handle, epoch), at: max(willDeadline, shard.settledAt))
        }
    }

    /// Publishes a delayed will if its delay has passed [MQTT-3.1.3-9].
    func publishOverdueWill() {
        guard let will, let willDeadline, isOver(willDeadline) else { return }
        self.will = nil
        self.willDeadline = nil
        shard.publish(will, from: self)
        noteWillPublished()
    }

    func expiryTimerFired() {
        guard let expiryDeadline else { return }
        if isOver(expiryDeadline) {
            expire()
        } else {
            shard.timers.add(.sessionExpiry(handle, epoch), at: max(expiryDeadline, shard.settledAt))
        }
    }

    /// Whether the session has expired, and only its timer has not fired yet.
    var isExpired: Bool { !isOnline && expiryDeadline.map(isOver) == true }

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
        guard let will, !(isKept && (!isOnline || will.delayInterval > 0 && sessionExpiryInterval != 0))
        else { return }
        self.will = nil
        willDeadline = nil
        shard.publish(will, from: self)
        noteWillPublished()
        forgetWill()
    }

    func publishWaitingWill() {
        guard let will else { return }
        self.will = nil
        willDeadline = nil
        shard.publish(will, from: self)
    }
}
