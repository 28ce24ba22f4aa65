import BrokerMetrics
import MQTTCodec
import Primitives

/// A packet or a copy that waits for a hook, and the answer that it waits for.
extension Session {
    /// The packet waits for a hook; so does everything behind it, which keeps the order.
    func wait(for pending: PendingHook) {
        inbound.ask(pending)
        if case .publish = pending.question { counters.move(.publishesPending, by: 1) }
        connection.transport?.pauseReading(.hook)
        shard.startHookDeadline(for: .session(handle), serial: pending.serial)
    }

    func hookTimedOut(serial: UInt64) {
        guard let pending = inbound.question(serial: serial) ?? outbound.question(serial: serial) else {
            return
        }
        counters.add(.hookTimeout)
        let behaviour = pending.course.asked.timeoutBehaviour
        switch pending.question {
        case .publish: answered(.publish(behaviour.answer()), serial: serial)
        case .subscribe: answered(.subscribe(behaviour.answer()), serial: serial)
        case .unsubscribe: answered(.unsubscribe(behaviour.answer()), serial: serial)
        case .reauthenticate: answered(.auth(behaviour.answer()), serial: serial)
        case .deliver: answered(.deliver(behaviour.answer()), serial: serial)
        }
    }

    /// Goes on with the packet that waited, or the copy. Only the question's own kind of answer counts, and not another
    /// `later`; for any other stands the safe one.
    ///
    /// - Returns: false when the question is no longer open; nothing happens then.
    @discardableResult
    func answered(_ reply: HookReply, serial: UInt64) -> Bool {
        if let pending = outbound.question(serial: serial) {
            answeredDelivery(pending, reply)
            return true
        }
        guard let pending = inbound.takeQuestion(serial: serial) else { return false }
        switch pending.question {
        case .publish(let publish): answeredPublish(publish, pending.course, reply)
        case .subscribe(let packet): answeredSubscribe(packet, pending.course, reply)
        case .unsubscribe(let packet): answeredUnsubscribe(packet, pending.course, reply)
        case .reauthenticate(let packet): answeredAuth(packet, pending.course, reply)
        case .deliver: break
        }
        // Only now: what waited in the socket comes after the packet that was answered.
        if !inbound.isAsking { connection.transport?.resumeReading(.hook) }
        return true
    }

    private func answeredPublish(_ publish: PendingPublish, _ course: HookCourse, _ reply: HookReply) {
        counters.move(.publishesPending, by: -1)
        guard case .publish(let answer) = reply, !answer.isLater else {
            shard.questions.check.countWrongKind(.hookInvalidPublish, course.asked)
            return deny(publish, HookRefusal(reasonCode: .implementationSpecificError))
        }
        let checked = shard.questions.check.checked(answer, course.asked)
        if let shown = checked.watched({ .publish($0) }) { watchAnswered(shown) }
        switch checked {
        case .next, .later: authorize(publish, after: course)
        case .ok(let modifiers): finish(publish, with: modifiers)
        case .refuse(let refusal): deny(publish, refusal)
        }
    }

    private func answeredSubscribe(_ packet: SubscribePacket, _ course: HookCourse, _ reply: HookReply) {
        guard case .subscribe(let answer) = reply, !answer.isLater else {
            shard.questions.check.countWrongKind(.hookInvalidSubscribe, course.asked)
            return deny(packet, HookRefusal())
        }
        let checked = shard.questions.check.checked(answer, count: packet.filters.count, course.asked)
        if let shown = checked.watched({ .subscribe($0) }) { watchAnswered(shown) }
        switch checked {
        case .next, .later: authorize(packet, after: course)
        case .ok(let verdicts): grant(packet, verdicts)
        case .refuse(let refusal): deny(packet, refusal)
        }
    }

    private func answeredUnsubscribe(_ packet: UnsubscribePacket, _ course: HookCourse, _ reply: HookReply) {
        guard case .unsubscribe(let answer) = reply, !answer.isLater else {
            shard.questions.check.countWrongKind(.hookInvalidUnsubscribe, course.asked)
            return finish(packet, packet.filters)
        }
        switch shard.questions.check.checked(answer, count: packet.filters.count, course.asked) {
        case .next, .later: ask(packet, after: course)
        case .ok(let filters): finish(packet, filters ?? packet.filters)
        case .refuse: finish(packet, packet.filters)
        }
    }

    private func answeredDelivery(_ pending: PendingHook, _ reply: HookReply) {
        guard let copy = outbound.takeAskedCopy() else { return }
        countQueued(copy, by: -1)
        if case .deliver(let answer) = reply, !answer.isLater {
            switch shard.questions.check.checkedDelivery(answer, pending.course.asked) {
            case .next, .later: askOnDeliver(copy, after: pending.course)
            case .ok(let modifiers): finishDelivery(copy, modifiers)
            case .refuse: refuseDelivery(copy)
            }
        } else {
            shard.questions.check.countWrongKind(.hookInvalidDeliver, pending.course.asked)
            finishDelivery(copy, nil)
        }
        drain()
    }

    // MARK: Re-authentication [MQTT5 §4.12.1]

    func receive(_ packet: AuthPacket) {
        counters.add(.authReceived, .v5, code: packet.reasonCode.rawValue)
        guard let method = connection.authenticationMethod, packet.properties.authenticationMethod == method,
            packet.reasonCode != .success
        else {
            disconnect(.protocolError, .protocolError)  // [MQTT-4.12.1-1]
            return
        }
        reauthenticate(packet, after: nil)
    }

    private func reauthenticate(_ packet: AuthPacket, after course: HookCourse?) {
        let event = AuthEvent(
            subscriber: id, userName: connection.userName, method: connection.authenticationMethod ?? "",
            data: packet.properties.authenticationData, reasonCode: packet.reasonCode)
        let serial = shard.questions.takeSerial()
        let ticket = shard.ticket(.session(handle), serial: serial)
        if course == nil, shard.hooks.wants(.onAuthM5) { watchAsked(.authenticate(event)) }
        let outcome: HookOutcome<AuthModifiers> = shard.hooks.ask(
            .onAuthM5, after: course, counters: counters
        ) {
            shard.questions.check.checked($0.onAuth(event, ticket), $0)
        }
        if let answer = outcome.watched({ .authenticate($0) }) { watchAnswered(answer) }
        switch outcome {
        case .nobody, .exhausted: disconnect(.badAuthenticationMethod, .administrative)
        case .refused(let refusal): disconnect(refusal.code(in: .disconnect), .administrative)
        case .ok(let modifiers): sendAuth(modifiers)
        case .pending(let course):
            wait(for: PendingHook(serial: serial, course: course, question: .reauthenticate(packet)))
        }
    }

    private func answeredAuth(_ packet: AuthPacket, _ course: HookCourse, _ reply: HookReply) {
        guard case .auth(let answer) = reply, !answer.isLater else {
            shard.questions.check.countWrongKind(.hookInvalidAuth, course.asked)
            return disconnect(.implementationSpecificError, .administrative)
        }
        let checked = shard.questions.check.checked(answer, course.asked)
        if let shown = checked.watched({ .authenticate($0) }) { watchAnswered(shown) }
        switch checked {
        case .next, .later: reauthenticate(packet, after: course)
        case .ok(let modifiers): sendAuth(modifiers)
        case .refuse(let refusal): disconnect(refusal.code(in: .disconnect), .administrative)
        }
    }

    private func sendAuth(_ modifiers: AuthModifiers?) {
        var properties = Properties()
        properties.authenticationMethod = connection.authenticationMethod
        properties.authenticationData = modifiers?.data
        if connection.requestsProblemInformation { properties.reasonString = modifiers?.reasonString }
        send(.auth(AuthPacket(reasonCode: modifiers?.reasonCode ?? .success, properties: properties)))
    }
}
