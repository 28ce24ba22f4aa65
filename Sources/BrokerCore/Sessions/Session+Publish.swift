import BrokerMetrics
import MQTTCodec
import Primitives

/// PUBLISH from the client: checks, hooks, routing, acknowledgement.
extension Session {
    func receivePublish(flags: UInt8, body: RawSpan) throws(MalformedPacket) {
        let header = try PublishHeader.decode(flags: flags, body: body, version: version)
        counters.add(.publishReceived, version.label)
        counters.add(.ledgerReceived)
        guard admits(header, payload: header.payload.bytes(in: body)) else { return }
        if header.qos == .exactlyOnce {
            if received.contains(header.packetIdentifier) {
                counters.add(.ledgerDuplicate)
                // The first may not be committed yet.
                answer(
                    .pubrec, header.packetIdentifier, .success,
                    after: receivedBatch == 0 ? .none : StoreWait(batch: receivedBatch))
                return
            }
            // Only unreleased QoS 2 fills our Receive Maximum: QoS 1 waits for no more than its commit.
            guard version != .v5 || received.count < Int(shard.settings.receiveMaxBroker) else {
                reject(.receiveMaximumExceeded, .receiveMaximumExceeded, .protocolError)
                return
            }
        }
        let facts = MessageFacts(
            qos: header.qos, isRetained: header.isRetained, mountpoint: id.mountpoint,
            publisher: publisherHandle,
            expiryDeadline: header.messageExpiryInterval.map { shard.now.adding(seconds: UInt64($0)) },
            payloadIsUTF8: header.payloadFormatIsUTF8)
        let isPlain = header.topicAlias == 0 && header.propertiesAreForwardable && !shard.hooks.wantsPublishes
        if isPlain {
            let topic = header.topic.bytes(in: body)
            if topic.byteCount > 0, topic.byte(at: 0) == UInt8(ascii: "$") {
                refuseDollarTopic(header)
                return
            }
            var publication = Publication(
                topic: topic, properties: header.properties.bytes(in: body),
                payload: header.payload.bytes(in: body), facts: facts)
            route(&publication, header.packetIdentifier, header.qos)
            return
        }
        guard let topic = resolveTopic(header, body: body) else { return }
        if topic.bytes.first == UInt8(ascii: "$") {
            refuseDollarTopic(header)
            return
        }
        let message = unsafe ApplicationMessage(
            facts: facts, topic: topic.bytes.span.bytes,
            properties: header.forwardedProperties(in: body).span.bytes,
            payload: header.payload.bytes(in: body))
        let pending = PendingPublish(
            message: message, packetIdentifier: header.packetIdentifier, alias: header.topicAlias,
            topic: topic)
        authorize(pending, from: 0)
    }

    /// Checks that need no look at routing. False: the packet was answered or the connection ended.
    private func admits(_ header: PublishHeader, payload: RawSpan) -> Bool {
        let settings = shard.settings
        if settings.topicMaxDepth > 0, header.topicLevelCount > settings.topicMaxDepth {
            reject(.topicInvalid, .malformedPacket, .malformed)
            return false
        }
        if header.qos > settings.maxQoS {
            reject(.qosNotSupported, .qosNotSupported, .protocolError)  // [MQTT-3.2.2-11]
            return false
        }
        if header.isRetained, !settings.retainAvailable {
            reject(.retainNotSupported, .retainNotSupported, .protocolError)  // [MQTT-3.2.2-14]
            return false
        }
        if header.payloadFormatIsUTF8, settings.checksPayloadFormat, !ByteRange.isUTF8(payload) {
            // QoS 0 has no acknowledgement that could say so (§3.3.2.3.2).
            guard header.qos != .atMostOnce else {
                reject(.payloadFormatInvalid, .payloadFormatInvalid, .protocolError)
                return false
            }
            counters.add(RejectReason.payloadFormatInvalid)
            refuse(header.qos, header.packetIdentifier, .payloadFormatInvalid)
            return false
        }
        if self.settings.maxMessageRate > 0 || shard.isOverloaded { throttle() }
        return true
    }

    /// The topic the packet names, by itself or by its alias [MQTT-3.3.2-8…12].
    private func resolveTopic(_ header: PublishHeader, body: RawSpan) -> UTF8Text? {
        guard header.topicAlias != 0 else { return UTF8Text(copying: header.topic.bytes(in: body)) }
        guard let aliases = incomingAliases, Int(header.topicAlias) <= aliases.maximum else {
            reject(.topicAliasInvalid, .topicAliasInvalid, .protocolError)
            return nil
        }
        if header.topic.count > 0 { return UTF8Text(copying: header.topic.bytes(in: body)) }
        guard let topic = aliases.topic(for: header.topicAlias) else {
            reject(.topicAliasInvalid, .protocolError, .protocolError)
            return nil
        }
        return topic
    }

    /// Counts a PUBLISH that is not routed and ends the connection.
    private func reject(_ reason: RejectReason, _ code: ReasonCode, _ close: CloseReason) {
        counters.add(reason)
        disconnect(code, close)
    }

    /// Topics that begin with `$` are the broker's own: a client's message there is acknowledged and goes nowhere.
    private func refuseDollarTopic(_ header: PublishHeader) {
        counters.add(RejectReason.dollarTopic)
        refuse(header.qos, header.packetIdentifier, .notAuthorized)
    }

    /// Answers a PUBLISH that is not routed while the connection goes on; MQTT 3 has no code for that.
    private func refuse(_ qos: QoS, _ identifier: UInt16, _ code: ReasonCode) {
        switch qos {
        case .atMostOnce: break
        case .atLeastOnce: sendAck(.puback, identifier, code)
        case .exactlyOnce: sendAck(.pubrec, identifier, code)
        }
    }

    /// Gives the message to its subscribers and acknowledges it, at once or when all that keep it have it.
    ///
    /// - Parameter qos: of the packet; a hook may have given the message another.
    /// - Returns: false when it needs the store and the store takes nothing.
    @discardableResult
    private func route(_ publication: inout Publication, _ identifier: UInt16, _ qos: QoS) -> Bool {
        guard !shard.isUnstorable(publication) else {
            counters.add(RejectReason.storageUnavailable)
            // MQTT 3 has no code for it: without an acknowledgement the client keeps the message.
            if version == .v5 { refuse(qos, identifier, .quotaExceeded) }
            return false
        }
        let outcome = shard.publish(
            &publication, copies: .ledgerCopiesLocal, publisher: qos == .atLeastOnce ? handle : nil)
        let code: ReasonCode = outcome.matchCount == 0 ? .noMatchingSubscribers : .success
        acknowledge(qos, identifier, code, after: outcome.wait)
        return true
    }

    /// Acknowledges a PUBLISH that was routed, or will not be routed but was taken.
    private func acknowledge(
        _ qos: QoS, _ identifier: UInt16, _ code: ReasonCode, after wait: StoreWait = .none
    ) {
        switch qos {
        case .atMostOnce: break
        case .atLeastOnce: answer(.puback, identifier, code, after: wait)
        case .exactlyOnce:
            _ = received.insert(identifier)
            var wait = wait
            if !wait.isNone {
                // With its copies or not at all: sent again after a crash it is new, or it is known.
                if isKept {
                    shard.note(.received(session: storeNumber, packetIdentifier: identifier))
                    _ = storedReceived.insert(identifier)
                }
                wait.message = -1
                shard.outbox.isUrgent = true
                receivedBatch = wait.batch
            }
            answer(.pubrec, identifier, code, after: wait)
        }
    }

    // MARK: Hooks

    /// Asks `auth_on_publish` from hook number `start` on, and goes on with its answer.
    func authorize(_ pending: PendingPublish, from start: Int) {
        let point = HookPoint.authOnPublish.forVersion(version)
        let event = PublishEvent(
            subscriber: id, userName: userName, message: pending.message, version: version)
        let serial = shard.nextHookSerial()
        let ticket = shard.ticket(.session(handle), serial: serial)
        let outcome: HookOutcome<PublishModifiers> = shard.hooks.ask(point, from: start, counters: counters) {
            $0.authOnPublish(event, ticket)
        }
        switch outcome {
        case .nobody: finish(pending, with: nil)
        case .ok(let modifiers): finish(pending, with: modifiers)
        case .refused(let refusal): deny(pending, refusal)
        case .exhausted: deny(pending, HookRefusal())
        case .pending(let index):
            wait(for: PendingHook(serial: serial, point: point, index: index, question: .publish(pending)))
        }
    }

    func finish(_ pending: PendingPublish, with modifiers: PublishModifiers?) {
        var message = pending.message
        if let modifiers { message = message.applying(modifiers, now: shard.now) }
        if pending.alias != 0 {
            // Stored only now, with the topic the hook put in place: what it refused must not become an alias.
            guard incomingAliases?.set(pending.alias, to: UTF8Text(copying: message.topic)) != false else {
                reject(.quotaExceeded, .quotaExceeded, .administrative)
                return
            }
        }
        var publication = Publication(message)
        guard route(&publication, pending.packetIdentifier, pending.message.facts.qos) else { return }
        shard.hooks.notify(
            .onPublish.forVersion(version),
            .published(PublishEvent(subscriber: id, userName: userName, message: message, version: version)))
        if let pause = modifiers?.throttle, pause > 0 { pauseReading(milliseconds: pause) }
    }

    func deny(_ pending: PendingPublish, _ refusal: HookRefusal) {
        let qos = pending.message.facts.qos
        counters.add(RejectReason.notAuthorized)
        if version != .v5 || qos == .atMostOnce { counters.add(.publishAuthError, version.label) }
        switch version {
        case .v5: refuse(qos, pending.packetIdentifier, refusal.code(in: .puback))
        case .v31 where !shard.settings.disconnectsOnUnauthorizedPublishV3:
            // VerneMQ: a 3.1 client cannot be told, so it is acknowledged as if the message had been routed.
            acknowledge(qos, pending.packetIdentifier, .success)
        case .v31, .v311: disconnect(.notAuthorized, .administrative)
        }
    }

    // MARK: Rate

    /// Stops reading this client for the rest of the second when it publishes faster than `max_message_rate`, or
    /// while another loop has more waiting than it should.
    private func throttle() {
        if shard.isOverloaded { shard.pauseForOverload(self) }
        guard settings.maxMessageRate > 0 else { return }
        if shard.now.nanoseconds(since: rateWindowStart) >= 1_000_000_000 {
            rateWindowStart = shard.now
            rateCount = 0
        }
        rateCount += 1
        guard rateCount == settings.maxMessageRate else { return }
        let elapsed = shard.now.nanoseconds(since: rateWindowStart) / 1_000_000
        pauseReading(milliseconds: 1000 - min(elapsed, 999))
    }

    private func pauseReading(milliseconds: UInt64) {
        counters.add(.publisherThrottled)
        transport?.pauseReading(.rate)
        shard.timers.add(.resumeReading(handle, epoch), at: shard.now.adding(milliseconds: milliseconds))
    }
}

/// A PUBLISH that waits for `auth_on_publish`.
struct PendingPublish {
    var message: ApplicationMessage
    /// 0 with QoS 0.
    var packetIdentifier: UInt16
    /// 0 = none.
    var alias: UInt16
    var topic: UTF8Text
}

extension ApplicationMessage {
    /// A copy with what a hook has changed.
    func applying(_ modifiers: PublishModifiers, now: MonotonicTime) -> ApplicationMessage {
        var facts = facts
        if let qos = modifiers.qos { facts.qos = qos }
        if let isRetained = modifiers.isRetained { facts.isRetained = isRetained }
        if let mountpoint = modifiers.mountpoint { facts.mountpoint = mountpoint }
        var properties = properties.copiedBytes()
        if let replaced = modifiers.properties {
            properties = replaced.forwardedBytes()
            facts.expiryDeadline = replaced.messageExpiryInterval.map { now.adding(seconds: UInt64($0)) }
            facts.payloadIsUTF8 = replaced.payloadFormatIndicator == 1
        }
        let topic = modifiers.topic?.bytes ?? topic.copiedBytes()
        if let payload = modifiers.payload {
            return unsafe ApplicationMessage(
                facts: facts, topic: topic.span.bytes, properties: properties.span.bytes,
                payload: payload.span.bytes)
        }
        return unsafe ApplicationMessage(
            facts: facts, topic: topic.span.bytes, properties: properties.span.bytes, payload: payload)
    }
}
