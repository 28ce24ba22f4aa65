import BrokerMetrics
import MQTTCodec
import Primitives

/// Questions to hooks that are answered later.
extension Shard {
    /// Replaces the chain, for the next call of each session.
    package func setHooks(_ hooks: [any Hook]) { self.hooks = HookChains(hooks) }

    func ticket(_ asker: HookTicket.Asker, serial: UInt64) -> HookTicket {
        let post = links.post
        let index = index
        return HookTicket(asker: asker, serial: serial) { post(.hookReply($0, $1), index) }
    }

    func await(_ handshake: ConnectHandshake, serial: UInt64) {
        handshakes[serial] = handshake
        startHookDeadline(for: .connect, serial: serial)
    }

    /// The client has `mqtt_connect_timeout` for its next AUTH, as it had for CONNECT.
    func awaitClient(_ handshake: ConnectHandshake, serial: UInt64) {
        handshakes[serial] = handshake
        timers.add(
            .hookDeadline(.connect, serial: serial), at: now.adding(milliseconds: settings.connectTimeout))
    }

    func forgetHandshake(_ serial: UInt64) { handshakes[serial] = nil }

    func startHookDeadline(for asker: HookTicket.Asker, serial: UInt64) {
        timers.add(.hookDeadline(asker, serial: serial), at: now.adding(milliseconds: settings.hookTimeout))
    }

    /// An answer has come through its ticket. The second one, one that comes after the deadline, and one for a client
    /// that has gone find no question.
    package func answered(_ ticket: HookTicket, _ reply: HookReply) {
        let isTaken =
            switch ticket.asker {
            case .connect:
                handshakes.removeValue(forKey: ticket.serial)?.answered(reply, serial: ticket.serial) ?? false
            case .session(let handle): session(handle)?.answered(reply, serial: ticket.serial) ?? false
            }
        if !isTaken { counters.add(.hookAnswersIgnored) }
    }

    func hookDeadlinePassed(_ asker: HookTicket.Asker, _ serial: UInt64) {
        // Who had to answer while nobody looked gets that time again.
        let grace = lapses.graceEnd(
            min(max(settings.hookTimeout, settings.connectTimeout), 86_400_000) * 1_000_000)
        guard now >= grace else {
            timers.add(.hookDeadline(asker, serial: serial), at: grace)
            return
        }
        switch asker {
        case .connect: handshakes.removeValue(forKey: serial)?.timedOut(serial: serial)
        case .session(let handle): session(handle)?.hookTimedOut(serial: serial)
        }
    }
}

extension Session {
    /// The packet waits for a hook; so does everything behind it, which keeps the order.
    func wait(for pending: PendingHook) {
        pendingHook = pending
        if case .publish = pending.question { counters.move(.publishesPending, by: 1) }
        transport?.pauseReading(.hook)
        shard.startHookDeadline(for: .session(handle), serial: pending.serial)
    }

    func hookTimedOut(serial: UInt64) {
        guard
            let pending = [pendingHook, pendingDelivery].compactMap(\.self).first(where: {
                $0.serial == serial
            })
        else { return }
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
        if let pending = pendingDelivery, pending.serial == serial {
            answeredDelivery(pending, reply)
            return true
        }
        guard let pending = pendingHook, pending.serial == serial else { return false }
        pendingHook = nil
        switch pending.question {
        case .publish(let publish): answeredPublish(publish, pending.course, reply)
        case .subscribe(let packet): answeredSubscribe(packet, pending.course, reply)
        case .unsubscribe(let packet): answeredUnsubscribe(packet, pending.course, reply)
        case .reauthenticate(let packet): answeredAuth(packet, pending.course, reply)
        case .deliver: break
        }
        // Only now: what waited in the socket comes after the packet that was answered.
        if pendingHook == nil { transport?.resumeReading(.hook) }
        return true
    }

    private func answeredPublish(_ publish: PendingPublish, _ course: HookCourse, _ reply: HookReply) {
        counters.move(.publishesPending, by: -1)
        guard case .publish(let answer) = reply, !answer.isLater else {
            shard.hookCheck.countWrongKind(.hookInvalidPublish, course.asked)
            return deny(publish, HookRefusal(reasonCode: .implementationSpecificError))
        }
        switch shard.hookCheck.checked(answer, course.asked) {
        case .next, .later: authorize(publish, after: course)
        case .ok(let modifiers): finish(publish, with: modifiers)
        case .refuse(let refusal): deny(publish, refusal)
        }
    }

    private func answeredSubscribe(_ packet: SubscribePacket, _ course: HookCourse, _ reply: HookReply) {
        guard case .subscribe(let answer) = reply, !answer.isLater else {
            shard.hookCheck.countWrongKind(.hookInvalidSubscribe, course.asked)
            return deny(packet, HookRefusal())
        }
        switch shard.hookCheck.checked(answer, count: packet.filters.count, course.asked) {
        case .next, .later: authorize(packet, after: course)
        case .ok(let verdicts): grant(packet, verdicts)
        case .refuse(let refusal): deny(packet, refusal)
        }
    }

    private func answeredUnsubscribe(_ packet: UnsubscribePacket, _ course: HookCourse, _ reply: HookReply) {
        guard case .unsubscribe(let answer) = reply, !answer.isLater else {
            shard.hookCheck.countWrongKind(.hookInvalidUnsubscribe, course.asked)
            return finish(packet, packet.filters)
        }
        switch shard.hookCheck.checked(answer, count: packet.filters.count, course.asked) {
        case .next, .later: ask(packet, after: course)
        case .ok(let filters): finish(packet, filters ?? packet.filters)
        case .refuse: finish(packet, packet.filters)
        }
    }

    private func answeredDelivery(_ pending: PendingHook, _ reply: HookReply) {
        guard case .deliver(let copy) = pending.question else { return }
        pendingDelivery = nil
        countQueued(copy, by: -1)
        if case .deliver(let answer) = reply, !answer.isLater {
            switch shard.hookCheck.checkedDelivery(answer, pending.course.asked) {
            case .next, .later: askOnDeliver(copy, after: pending.course)
            case .ok(let modifiers): finishDelivery(copy, modifiers)
            case .refuse: refuseDelivery(copy)
            }
        } else {
            shard.hookCheck.countWrongKind(.hookInvalidDeliver, pending.course.asked)
            finishDelivery(copy, nil)
        }
        drain()
    }

    // MARK: Re-authentication [MQTT5 §4.12.1]

    func receive(_ packet: AuthPacket) {
        counters.add(.authReceived, .v5, code: packet.reasonCode.rawValue)
        guard let method = authenticationMethod, packet.properties.authenticationMethod == method,
            packet.reasonCode != .success
        else {
            disconnect(.protocolError, .protocolError)  // [MQTT-4.12.1-1]
            return
        }
        reauthenticate(packet, after: nil)
    }

    private func reauthenticate(_ packet: AuthPacket, after course: HookCourse?) {
        let event = AuthEvent(
            subscriber: id, userName: userName, method: authenticationMethod ?? "",
            data: packet.properties.authenticationData, reasonCode: packet.reasonCode)
        let serial = shard.nextHookSerial()
        let ticket = shard.ticket(.session(handle), serial: serial)
        let outcome: HookOutcome<AuthModifiers> = shard.hooks.ask(
            .onAuthM5, after: course, counters: counters
        ) {
            shard.hookCheck.checked($0.onAuth(event, ticket), $0)
        }
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
            shard.hookCheck.countWrongKind(.hookInvalidAuth, course.asked)
            return disconnect(.implementationSpecificError, .administrative)
        }
        switch shard.hookCheck.checked(answer, course.asked) {
        case .next, .later: reauthenticate(packet, after: course)
        case .ok(let modifiers): sendAuth(modifiers)
        case .refuse(let refusal): disconnect(refusal.code(in: .disconnect), .administrative)
        }
    }

    private func sendAuth(_ modifiers: AuthModifiers?) {
        var properties = Properties()
        properties.authenticationMethod = authenticationMethod
        properties.authenticationData = modifiers?.data
        if requestsProblemInformation { properties.reasonString = modifiers?.reasonString }
        send(.auth(AuthPacket(reasonCode: modifiers?.reasonCode ?? .success, properties: properties)))
    }
}
