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

    func timeoutBehaviour(_ point: HookPoint, _ index: Int) -> HookTimeoutBehaviour {
        let chain = hooks[point]
        return index < chain.count ? chain[index].timeoutBehaviour : .deny
    }

    func answered(_ ticket: HookTicket, _ reply: HookReply) {
        switch ticket.asker {
        case .connect: handshakes.removeValue(forKey: ticket.serial)?.answered(reply, serial: ticket.serial)
        case .session(let handle): session(handle)?.answered(reply, serial: ticket.serial)
        }
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
        let behaviour = shard.timeoutBehaviour(pending.point, pending.index)
        switch pending.question {
        case .publish: answered(.publish(behaviour.answer()), serial: serial)
        case .subscribe: answered(.subscribe(behaviour.answer()), serial: serial)
        case .unsubscribe: answered(.unsubscribe(behaviour.answer()), serial: serial)
        case .reauthenticate: answered(.auth(behaviour.answer()), serial: serial)
        case .deliver: answered(.deliver(behaviour.answer()), serial: serial)
        }
    }

    /// Goes on with the packet that waited. An answer to a question that is no longer open is ignored.
    func answered(_ reply: HookReply, serial: UInt64) {
        if let pending = pendingDelivery, pending.serial == serial {
            answeredDelivery(pending, reply)
            return
        }
        guard let pending = pendingHook, pending.serial == serial else { return }
        pendingHook = nil
        if case .publish = pending.question { counters.move(.publishesPending, by: -1) }
        let next = pending.index + 1
        switch (pending.question, reply) {
        case (.publish(let publish), .publish(.next)): authorize(publish, from: next)
        case (.publish(let publish), .publish(.ok(let modifiers))): finish(publish, with: modifiers)
        case (.publish(let publish), .publish(.refuse(let refusal))): deny(publish, refusal)
        case (.publish(let publish), _): deny(publish, HookRefusal(reasonCode: .implementationSpecificError))
        case (.subscribe(let packet), .subscribe(.next)): authorize(packet, from: next)
        case (.subscribe(let packet), .subscribe(.ok(let verdicts))):
            grant(packet, verdicts ?? packet.filters.map { .grant($0) })
        case (.subscribe(let packet), .subscribe(.refuse(let refusal))): deny(packet, refusal)
        case (.subscribe(let packet), _): deny(packet, HookRefusal())
        case (.unsubscribe(let packet), .unsubscribe(.next)): ask(packet, from: next)
        case (.unsubscribe(let packet), .unsubscribe(.ok(let filters))):
            finish(packet, filters ?? packet.filters)
        case (.unsubscribe(let packet), _): finish(packet, packet.filters)
        case (.reauthenticate(let packet), .auth(let answer)): answeredAuth(packet, answer, from: next)
        case (.reauthenticate, _): disconnect(.implementationSpecificError, .administrative)
        case (.deliver, _): break
        }
        // Only now: what waited in the socket comes after the packet that was answered.
        if pendingHook == nil { transport?.resumeReading(.hook) }
    }

    private func answeredDelivery(_ pending: PendingHook, _ reply: HookReply) {
        guard case .deliver(let copy) = pending.question else { return }
        pendingDelivery = nil
        countQueued(copy, by: -1)
        switch reply {
        case .deliver(.next): askOnDeliver(copy, from: pending.index + 1)
        case .deliver(.ok(let modifiers)): finishDelivery(copy, modifiers)
        case .deliver(.refuse): refuseDelivery(copy)
        default: finishDelivery(copy, nil)
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
        reauthenticate(packet, from: 0)
    }

    private func reauthenticate(_ packet: AuthPacket, from start: Int) {
        let event = AuthEvent(
            subscriber: id, userName: userName, method: authenticationMethod ?? "",
            data: packet.properties.authenticationData, reasonCode: packet.reasonCode)
        let serial = shard.nextHookSerial()
        let ticket = shard.ticket(.session(handle), serial: serial)
        let outcome: HookOutcome<AuthModifiers> = shard.hooks.ask(.onAuthM5, from: start, counters: counters)
        {
            $0.onAuth(event, ticket)
        }
        switch outcome {
        case .nobody, .exhausted: disconnect(.badAuthenticationMethod, .administrative)
        case .refused(let refusal): disconnect(refusal.code(in: .disconnect), .administrative)
        case .ok(let modifiers): sendAuth(modifiers)
        case .pending(let index):
            wait(
                for: PendingHook(
                    serial: serial, point: .onAuthM5, index: index, question: .reauthenticate(packet)))
        }
    }

    private func answeredAuth(_ packet: AuthPacket, _ answer: HookAnswer<AuthModifiers>, from next: Int) {
        switch answer {
        case .next: reauthenticate(packet, from: next)
        case .ok(let modifiers): sendAuth(modifiers)
        case .refuse(let refusal): disconnect(refusal.code(in: .disconnect), .administrative)
        case .later: break
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
