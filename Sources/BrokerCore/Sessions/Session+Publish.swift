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
        let isPlain = header.topicAlias == 0 && header.propertiesAreForwardable
        guard isPlain else { return receivePublish(header, facts, body: body) }
        let topic = header.topic.bytes(in: body)
        let decision = PublishDecision.topic(firstByte: topic.byteCount > 0 ? topic.byte(at: 0) : nil)
        guard decision == .accept else { return answer(header.qos, header.packetIdentifier, decision) }
        var publication = Publication(
            topic: topic, properties: header.properties.bytes(in: body),
            payload: header.payload.bytes(in: body), facts: facts)
        if shard.asksAboutPublishes {
            authorize(&publication, header.packetIdentifier, alias: 0)
        } else {
            route(&publication, header.packetIdentifier, header.qos)
        }
    }

    /// Goes on with a message that must be an object: it has a topic alias, or properties that cannot be forwarded as
    /// they are.
    private func receivePublish(_ header: PublishHeader, _ facts: MessageFacts, body: RawSpan) {
        let (found, decision) = inbound.topic(of: header, body: body)
        guard let topic = found, decision == .accept else {
            return answer(header.qos, header.packetIdentifier, decision)
        }
        let message = unsafe ApplicationMessage(
            facts: facts, topic: topic.bytes.span.bytes,
            properties: header.forwardedProperties(in: body).span.bytes,
            payload: header.payload.bytes(in: body))
        var publication = Publication(message)
        authorize(&publication, header.packetIdentifier, alias: header.topicAlias)
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

    /// Asks `auth_on_publish` about a message that lies in the loop's buffer, and goes on with the answer. It becomes an
    /// object when a hook needs time or changes it, or wants one.
    private func authorize(_ publication: inout Publication, _ identifier: UInt16, alias: UInt16) {
        let epoch = connection.epoch
        let generation = shard.broker.decisionGeneration
        if connection.output.watch == nil,
            shard.permits.allows(publication.topic, handle, epoch, generation: generation)
        {
            shard.permits.countHit(version)
            return finish(&publication, identifier, alias)
        }
        let point = HookPoint.authOnPublish.forVersion(version)
        let client = hookClient
        guard let chain = shard.hooks.chain(point, client.plugins) else {
            guard shard.settings.allowsAllTopics else {
                return deny(publication.facts.qos, identifier, HookRefusal())
            }
            return finish(&publication, identifier, alias)
        }
        let watch = connection.output.watch
        if let watch {
            let event = event(publication.sharedMessage())
            watch.asked(.publish(event), shard.now)
        }
        let ticket: HookTicket<PublishModifiers> = shard.ticket(.session(handle))
        let outcome = chain.ask(
            of: &publication, by: client, ticket, shard.questions.check, counters: counters)
        if let watch, let answer = outcome.watched({ .publish($0) }) { watch.answered(answer, shard.now) }
        switch outcome {
        case .ok(nil):
            if chain.decidesByTopic, watch == nil {
                shard.permits.remember(
                    publication.topic, handle, epoch, generation: generation, version,
                    chain.links[0].tally)
            }
            finish(&publication, identifier, alias)
        case .nobody: finish(&publication, identifier, alias)
        case .ok(let modifiers):
            finish(PendingPublish(publication.sharedMessage(), identifier, alias), with: modifiers)
        case .refused(let refusal): deny(publication.facts.qos, identifier, refusal)
        case .exhausted: deny(publication.facts.qos, identifier, HookRefusal())
        case .pending(let course):
            let pending = PendingPublish(publication.sharedMessage(), identifier, alias)
            let question = question(about: pending)
            wait(for: PendingQuestion(question, ticket.id, course, askedAt: shard.now))
        }
    }

    /// The client as hooks see it.
    private var hookClient: HookClient {
        if let client = connection.hookClient { return client }
        let client = HookClient(
            subscriber: id, userName: connection.userName, version: version, plugins: plugins)
        connection.hookClient = client
        return client
    }

    private func event(_ message: ApplicationMessage) -> PublishEvent {
        PublishEvent(subscriber: id, userName: connection.userName, message: message, version: version)
    }

    /// The question about a message that waits for a hook.
    private func question(about pending: PendingPublish) -> HookQuestion<PublishModifiers> {
        shard.question(
            about: pending.message, of: hookClient, subject: .publish,
            shown: { [unowned self] in .publish(event(pending.message)) }
        ) { [unowned self] outcome in
            let qos = pending.message.facts.qos
            switch outcome {
            case .nobody: finish(pending, with: nil)
            case .ok(let modifiers): finish(pending, with: modifiers)
            case .refused(let refusal): deny(qos, pending.packetIdentifier, refusal)
            case .exhausted, .pending: deny(qos, pending.packetIdentifier, HookRefusal())
            }
        }
    }

    /// Goes on with a message that may be published as it is.
    private func finish(_ publication: inout Publication, _ identifier: UInt16, _ alias: UInt16) {
        let qos = publication.facts.qos
        // Set only now: what a hook refused must not become an alias.
        guard inbound.setAlias(alias, to: UTF8Text(copying: publication.topic)) else {
            return answer(qos, identifier, .aliasesFull)
        }
        guard route(&publication, identifier, qos) else { return }
        let point = HookPoint.onPublish.forVersion(version)
        guard shard.hooks.wants(point) else { return }
        let event = event(publication.sharedMessage())
        shard.hooks.notify(point, .published(event))
    }

    private func finish(_ pending: PendingPublish, with modifiers: PublishModifiers?) {
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
        shard.hooks.notify(.onPublish.forVersion(version), .published(event(message)))
        if let pause = modifiers?.throttle, pause > 0 { pauseReading(milliseconds: pause) }
    }

    private func deny(_ qos: QoS, _ identifier: UInt16, _ refusal: HookRefusal) {
        answer(qos, identifier, .denial(version, refusal.code(in: .puback), shard.settings.publish))
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

/// A PUBLISH that waits for `auth_on_publish`, or that a hook has changed.
private struct PendingPublish {
    let message: ApplicationMessage
    /// 0 with QoS 0.
    let packetIdentifier: UInt16
    /// 0 = none.
    let alias: UInt16

    init(_ message: ApplicationMessage, _ packetIdentifier: UInt16, _ alias: UInt16) {
        self.message = message
        self.packetIdentifier = packetIdentifier
        self.alias = alias
    }
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
