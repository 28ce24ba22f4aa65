import BrokerMetrics
import MQTTCodec
import Primitives

/// A packet or a copy that waits for a hook, and the answer that it waits for.
extension Session: HookAsker {
    var hookAsker: HookQuestionID.Asker { .session(handle) }
    var hookWatch: ConnectionWatch? { connection.output.watch }
    /// The plugins that its listener asks; nil = all.
    var plugins: ListenerPlugins? {
        shard.hasChoosingListener ? connection.transport?.listenerFacts.plugins : nil
    }

    /// The packet waits for a hook; so does everything behind it, which keeps the order. A copy waits in front of the
    /// queue, and still counts as queued.
    func wait(for pending: PendingHook) {
        shard.startHookDeadline(for: .session(handle), serial: pending.serial)
        if case .delivery(let copy) = pending.subject {
            countQueued(copy, by: 1)
            outbound.ask(pending)
            return
        }
        inbound.ask(pending)
        if case .publish = pending.subject { counters.move(.publishesPending, by: 1) }
        connection.transport?.pauseReading(.hook)
    }

    func hookTimedOut(serial: UInt64) {
        goOn(serial: serial) { $0.takeTimeout(on: shard, self) }
    }

    /// Goes on with the packet that waited, or the copy. Only the question's own kind of answer counts, and not another
    /// `later`; for any other stands the safe one.
    ///
    /// - Returns: false when the question is no longer open; nothing happens then.
    @discardableResult
    func answered(_ reply: HookReply, serial: UInt64) -> Bool {
        goOn(serial: serial) { $0.take(reply, on: shard, self) }
    }

    @discardableResult
    private func goOn(serial: UInt64, _ take: (PendingHook) -> Void) -> Bool {
        if let pending = outbound.question(serial: serial) {
            guard let copy = outbound.takeAskedCopy() else { return true }
            countQueued(copy, by: -1)
            take(pending)
            drain()
            return true
        }
        guard let pending = inbound.takeQuestion(serial: serial) else { return false }
        if case .publish = pending.subject { counters.move(.publishesPending, by: -1) }
        take(pending)
        // Only now: what waited in the socket comes after the packet that was answered.
        if !inbound.isAsking { connection.transport?.resumeReading(.hook) }
        return true
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
        reauthenticate(packet, method)
    }

    private func reauthenticate(_ packet: AuthPacket, _ method: UTF8Text) {
        let event = AuthEvent(
            subscriber: id, userName: connection.userName, method: method,
            data: packet.properties.authenticationData, reasonCode: packet.reasonCode)
        let question = shard.question(about: event, plugins) { [unowned self] outcome in
            switch outcome {
            case .nobody, .exhausted, .pending: disconnect(.badAuthenticationMethod, .administrative)
            case .refused(let refusal): disconnect(refusal.code(in: .disconnect), .administrative)
            case .ok(let modifiers): sendAuth(modifiers)
            }
        }
        shard.ask(question, self)
    }

    private func sendAuth(_ modifiers: AuthModifiers?) {
        var properties = Properties()
        properties.authenticationMethod = connection.authenticationMethod
        properties.authenticationData = modifiers?.data
        if connection.requestsProblemInformation { properties.reasonString = modifiers?.reasonString }
        send(.auth(AuthPacket(reasonCode: modifiers?.reasonCode ?? .success, properties: properties)))
    }
}
