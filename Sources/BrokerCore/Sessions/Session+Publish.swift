import BrokerMetrics
import MQTTCodec
import Primitives

/// PUBLISH from the client: checks, hooks, routing, acknowledgement.
extension Session {
    func receivePublish(flags: UInt8, body: RawSpan) throws(MalformedPacket) {
        let header = try PublishHeader.decode(flags: flags, body: body, version: version)
        counters.add(.publishReceived, version.label)
        counters.add(.ledgerReceived)
        shard.sampleParsing()
        let admission = inbound.admission(
            of: header, version, shard.settings.publish,
            isUTF8: ByteRange.isUTF8(header.payload.bytes(in: body)))
        // A message that is repeated costs as much as a new one.
        if admission == .accept || admission == .answerAgain,
            settings.maxMessageRate > 0 || shard.isOverloaded
        {
            throttle()
        }
        guard admission == .accept else { return answer(header.qos, header.packetIdentifier, admission) }
        let facts = MessageFacts(
            qos: header.qos, isRetained: header.isRetained, mountpoint: id.mountpoint,
            publisher: publisherHandle,
            expiryDeadline: header.messageExpiryInterval.map { shard.now.adding(seconds: UInt64($0)) },
            payloadIsUTF8: header.payloadFormatIsUTF8, receivedAt: shard.now)
        let isPlain = header.topicAlias == 0 && header.propertiesAreForwardable && !shard.hooks.wantsPublishes
        guard isPlain else { return receivePublish(header, facts, body: body) }
        let topic = header.topic.bytes(in: body)
        let decision = PublishDecision.topic(firstByte: topic.byteCount > 0 ? topic.byte(at: 0) : nil)
        guard decision == .accept else { return answer(header.qos, header.packetIdentifier, decision) }
        var publication = Publication(
            topic: topic, properties: header.properties.bytes(in: body),
            payload: header.payload.bytes(in: body), facts: facts)
        route(&publication, header.packetIdentifier, header.qos)
    }

    /// Goes on with a message that must be an object: it has a topic alias, or properties that cannot be forwarded as
    /// they are, or a hook is asked.
    private func receivePublish(_ header: PublishHeader, _ facts: MessageFacts, body: RawSpan) {
        let (found, decision) = inbound.topic(of: header, body: body)
        guard let topic = found, decision == .accept else {
            return answer(header.qos, header.packetIdentifier, decision)
        }
        let message = unsafe ApplicationMessage(
            facts: facts, topic: topic.bytes.span.bytes,
            properties: header.forwardedProperties(in: body).span.bytes,
            payload: header.payload.bytes(in: body))
        let pending = PendingPublish(
            message: message, packetIdentifier: header.packetIdentifier, alias: header.topicAlias,
            topic: topic)
        authorize(pending, after: nil)
    }

    /// Carries out a decision by which a PUBLISH is not routed: counts it, and answers or ends the connection.
    ///
    /// - Parameter qos: of the packet.
    private func answer(_ qos: QoS, _ identifier: UInt16, _ decision: PublishDecision) {
        switch decision {
        case .accept: break
        case .answerAgain:
            counters.add(.ledgerDuplicate)
            answer(.pubrec, identifier, .success, after: inbound.repeatedWait)
        case .refuse(let reason, let code):
            count(reason, qos)
            switch qos {
            case .atMostOnce: break
            case .atLeastOnce: sendAck(.puback, identifier, code)
            case .exactlyOnce: sendAck(.pubrec, identifier, code)
            }
        case .ignore(let reason): count(reason, qos)
        case .acknowledge(let reason):
            count(reason, qos)
            acknowledge(qos, identifier, .success)
        case .disconnect(let reason, let code, let close):
            count(reason, qos)
            disconnect(code, close)
        }
    }

    /// Counts a PUBLISH that is not routed; also under VerneMQ's name, if it has one and the client is not told.
    private func count(_ reason: RejectReason, _ qos: QoS) {
        counters.add(reason)
        noteError(.publishRefused(reason))
        guard !PublishDecision.isTold(version, qos) else { return }
        switch reason {
        case .storageUnavailable: counters.add(.publishError, version.label)
        case .notAuthorized: counters.add(.publishAuthError, version.label)
        default: break
        }
    }

    /// Gives the message to its subscribers and acknowledges it, at once or when all that keep it have it.
    ///
    /// - Parameter qos: of the packet; a hook may have given the message another.
    /// - Returns: false when it needs the store and the store takes nothing.
    @discardableResult
    private func route(_ publication: inout Publication, _ identifier: UInt16, _ qos: QoS) -> Bool {
        let storage = PublishDecision.storage(version, isFailing: shard.isUnstorable(publication))
        guard storage == .accept else {
            answer(qos, identifier, storage)
            return false
        }
        let outcome = shard.publish(
            &publication, origin: .client, publisher: qos == .atLeastOnce ? handle : nil,
            reply: qos == .atMostOnce
                ? nil : FanOutReply(session: handle, qos: qos, identifier: identifier))
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
            inbound.accept(identifier, fanOut: wait.fanOut)
            var wait = wait
            // With a fan-out the rest comes with its last copy.
            if wait.fanOut == 0, !wait.isNone {
                wait.message = -1
                noteReceived(identifier, in: wait.batch)
            }
            answer(.pubrec, identifier, code, after: wait)
        }
    }

    /// Keeps the identifier of a QoS 2 message in the batch with its copies, with them or not at all: sent again after a
    /// crash the message is new, or it is known.
    func noteReceived(_ identifier: UInt16, in batch: UInt64) {
        if inbound.store(identifier, in: batch, isKept: isKept) {
            shard.note(.received(session: record.number, packetIdentifier: identifier))
        }
        shard.handOverSoon()
    }

    // MARK: Hooks

    /// Asks `auth_on_publish`, or those who come after `course`, and goes on with the answer.
    func authorize(_ pending: PendingPublish, after course: HookCourse?) {
        let point = HookPoint.authOnPublish.forVersion(version)
        let event = PublishEvent(
            subscriber: id, userName: connection.userName, message: pending.message, version: version)
        let serial = shard.questions.takeSerial()
        let ticket = shard.ticket(.session(handle), serial: serial)
        if course == nil, shard.hooks.wants(point) { watchAsked(.publish(event)) }
        let outcome: HookOutcome<PublishModifiers> = shard.hooks.ask(point, after: course, counters: counters)
        {
            shard.questions.check.checked($0.authOnPublish(event, ticket), $0)
        }
        if let answer = outcome.watched({ .publish($0) }) { watchAnswered(answer) }
        switch outcome {
        case .nobody: finish(pending, with: nil)
        case .ok(let modifiers): finish(pending, with: modifiers)
        case .refused(let refusal): deny(pending, refusal)
        case .exhausted: deny(pending, HookRefusal())
        case .pending(let course):
            wait(for: PendingHook(serial: serial, course: course, question: .publish(pending)))
        }
    }

    func finish(_ pending: PendingPublish, with modifiers: PublishModifiers?) {
        var message = pending.message
        if let received = message.facts.receivedAt, received < shard.now {
            var facts = message.facts
            facts.hookMicroseconds = UInt32(clamping: shard.now.nanoseconds(since: received) / 1_000)
            message = ApplicationMessage(message, facts: facts)
        }
        if let modifiers { message = message.applying(modifiers, now: shard.now) }
        // Set only now, with the topic the hook put in place: what it refused must not become an alias.
        guard inbound.setAlias(pending.alias, to: UTF8Text(copying: message.topic)) else {
            return answer(message.facts.qos, pending.packetIdentifier, .aliasesFull)
        }
        var publication = Publication(message)
        guard route(&publication, pending.packetIdentifier, pending.message.facts.qos) else { return }
        shard.hooks.notify(
            .onPublish.forVersion(version),
            .published(
                PublishEvent(
                    subscriber: id, userName: connection.userName, message: message, version: version)))
        if let pause = modifiers?.throttle, pause > 0 { pauseReading(milliseconds: pause) }
    }

    func deny(_ pending: PendingPublish, _ refusal: HookRefusal) {
        answer(
            pending.message.facts.qos, pending.packetIdentifier,
            .denial(version, refusal.code(in: .puback), shard.settings.publish))
    }

    // MARK: Rate

    /// Stops reading this client for the rest of the second when it publishes faster than `max_message_rate`, or
    /// while another loop has more waiting than it should.
    private func throttle() {
        if shard.isOverloaded { shard.pauseForOverload(self) }
        if let pause = inbound.countPublish(limit: settings.maxMessageRate, now: shard.now) {
            pauseReading(milliseconds: pause)
        }
    }

    private func pauseReading(milliseconds: UInt64) {
        counters.add(.publisherThrottled)
        pauseReading(.rate)
        shard.timers.add(
            .resumeReading(handle, connection.epoch), at: shard.now.adding(milliseconds: milliseconds))
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
