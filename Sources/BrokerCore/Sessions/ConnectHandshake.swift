import BrokerMetrics
package import MQTTCodec
import Primitives

/// Takes one CONNECT through its stages on the client's home loop: enhanced authentication, `auth_on_register`,
/// take-over of an older session, authorisation of the will, CONNACK.
///
/// A hook may answer any stage later; the connection is not read meanwhile. The order is VerneMQ's: the will is
/// authorised after the take-over, so a client whose will is forbidden still displaces its older session.
package final class ConnectHandshake {
    package private(set) var attempt: ConnectAttempt
    private unowned let shard: Shard
    /// nil once the handshake has ended, one way or the other.
    private var transport: (any ClientTransport)?
    /// The hook question that is open: its serial, and which hook of the chain was asked.
    private var waiting: (serial: UInt64, index: Int)?
    private var authStep: AuthEvent?
    /// The deadline for the client's next AUTH; nil while none is awaited.
    private var clientDeadline: UInt64?

    package init(_ attempt: ConnectAttempt, shard: Shard, transport: any ClientTransport) {
        self.attempt = attempt
        self.shard = shard
        self.transport = transport
    }

    private var packet: ConnectPacket { attempt.packet }
    private var counters: LoopCounters { shard.counters }

    package func run() {
        switch attempt.stage {
        case .authenticating: authenticate()
        case .registering: register(from: 0)
        case .takingOver: takeOver()
        }
    }

    /// The connection has gone: nobody waits for an answer any more.
    package func cancel() {
        if let waiting { shard.forgetHandshake(waiting.serial) }
        waiting = nil
        stopClientDeadline()
        transport = nil
    }

    // MARK: Enhanced authentication [MQTT5 §4.12]

    private func authenticate() {
        guard let method = packet.properties.authenticationMethod else {
            attempt.stage = .registering
            register(from: 0)
            return
        }
        authStep = AuthEvent(
            subscriber: attempt.subscriber, userName: attempt.userName, method: method,
            data: packet.properties.authenticationData, reasonCode: .success)
        askOnAuth(from: 0)
    }

    /// An AUTH packet before CONNACK: the next step of the exchange. Anything else there is a protocol error.
    package func receive(_ auth: AuthPacket) {
        stopClientDeadline()
        guard attempt.stage == .authenticating, waiting == nil, var step = authStep else {
            refuse(.serverUnavailable, .protocolError)
            return
        }
        counters.add(.authReceived, .v5, code: auth.reasonCode.rawValue)
        guard auth.reasonCode == .continueAuthentication, auth.properties.authenticationMethod == step.method
        else {
            refuse(.serverUnavailable, .protocolError)  // [MQTT-4.12.0-5]
            return
        }
        step.data = auth.properties.authenticationData
        step.reasonCode = auth.reasonCode
        authStep = step
        askOnAuth(from: 0)
    }

    private func askOnAuth(from start: Int) {
        guard let step = authStep else { return }
        let serial = shard.nextHookSerial()
        let ticket = shard.ticket(.connect, serial: serial)
        let outcome: HookOutcome<AuthModifiers> = shard.hooks.ask(.onAuthM5, from: start, counters: counters)
        {
            $0.onAuth(step, ticket)
        }
        switch outcome {
        case .nobody, .exhausted: refuse(.notAuthorized, .badAuthenticationMethod)
        case .refused(let refusal): refuse(.notAuthorized, refusal.code(in: .connack), refusal)
        case .pending(let index): wait(serial, index)
        case .ok(let modifiers):
            continueAuthentication(modifiers ?? AuthModifiers(reasonCode: .success), step)
        }
    }

    private func continueAuthentication(_ modifiers: AuthModifiers, _ step: AuthEvent) {
        var properties = Properties()
        properties.authenticationMethod = step.method
        properties.authenticationData = modifiers.data
        if packet.properties.requestProblemInformation != 0 {
            properties.reasonString = modifiers.reasonString
        }
        guard modifiers.reasonCode == .continueAuthentication else {
            attempt.connackProperties.authenticationMethod = step.method
            attempt.connackProperties.authenticationData = modifiers.data
            attempt.stage = .registering
            register(from: 0)
            return
        }
        guard let output = transport?.output else { return }
        counters.add(.authSent, .v5, code: ReasonCode.continueAuthentication.rawValue)
        let auth = AuthPacket(reasonCode: .continueAuthentication, properties: properties)
        shard.encode(
            .auth(auth), version: .v5, limit: packet.properties.maximumPacketSize ?? 0, to: output)
        let serial = shard.nextHookSerial()
        clientDeadline = serial
        shard.awaitClient(self, serial: serial)
    }

    private func stopClientDeadline() {
        if let clientDeadline { shard.forgetHandshake(clientDeadline) }
        clientDeadline = nil
    }

    // MARK: auth_on_register

    private func register(from start: Int) {
        guard let transport else { return }
        let point = HookPoint.authOnRegister.forVersion(packet.version)
        guard !shard.settings.allowsAnonymous, !transport.listenerFacts.allowsAnonymous else {
            registered()
            return
        }
        let event = event(transport)
        let serial = shard.nextHookSerial()
        let ticket = shard.ticket(.connect, serial: serial)
        let outcome: HookOutcome<RegisterModifiers> = shard.hooks.ask(point, from: start, counters: counters)
        {
            $0.authOnRegister(event, ticket)
        }
        switch outcome {
        case .nobody, .exhausted: refuse(.notAuthorized, .badUserNameOrPassword)
        case .refused(let refusal): refuseRegistration(refusal)
        case .pending(let index): wait(serial, index)
        case .ok(let modifiers):
            if let modifiers { attempt.apply(modifiers) }
            registered()
        }
    }

    private func refuseRegistration(_ refusal: HookRefusal) {
        refuse(
            refusal.isInvalidCredentials ? .badUserNameOrPassword : .notAuthorized,
            refusal.code(in: .connack, else: .badUserNameOrPassword), refusal)
    }

    private func event(_ transport: any ClientTransport) -> RegisterEvent {
        RegisterEvent(
            peer: transport.clientPeer, subscriber: attempt.subscriber, userName: attempt.userName,
            password: packet.password, cleanStart: attempt.cleanStart, version: packet.version,
            properties: packet.properties, listener: transport.listenerFacts.name)
    }

    /// The client may come in; a hook may have given it an identity that lives on another loop.
    private func registered() {
        attempt.stage = .takingOver
        let home = shard.homeLoop(of: attempt.subscriber)
        guard home == shard.index else {
            let moving = transport
            transport = nil
            moving?.move(to: home, with: attempt)
            return
        }
        takeOver()
    }

    // MARK: The session

    private func takeOver() {
        guard let transport else { return }
        guard !shard.isUnstorable(attempt) else {
            shard.counters.add(.storeConnectsRefused)
            refuse(.serverUnavailable, .quotaExceeded)
            return
        }
        if !attempt.settings.allowsMultipleSessions { shard.displace(attempt.subscriber) }
        // The order is VerneMQ's: a queue wakes up before its client counts as registered.
        shard.hooks.notify(.onClientWakeup, .clientWakeup(attempt.subscriber))
        let point = HookPoint.onRegister.forVersion(packet.version)
        shard.hooks.notify(point, .registered(event(transport)))
        authorizeWill(from: 0)
    }

    private func authorizeWill(from start: Int) {
        guard let will = attempt.will, shard.hooks.wantsPublishes else {
            connect()
            return
        }
        let event = PublishEvent(
            subscriber: attempt.subscriber, userName: attempt.userName, message: will.message(at: shard.now),
            version: packet.version)
        let serial = shard.nextHookSerial()
        let ticket = shard.ticket(.connect, serial: serial)
        let point = HookPoint.authOnPublish.forVersion(packet.version)
        let outcome: HookOutcome<PublishModifiers> = shard.hooks.ask(point, from: start, counters: counters) {
            $0.authOnPublish(event, ticket)
        }
        switch outcome {
        case .nobody: connect()
        case .exhausted: refuse(.notAuthorized, .notAuthorized)
        case .refused(let refusal): refuse(.notAuthorized, refusal.code(in: .connack), refusal)
        case .pending(let index): wait(serial, index)
        case .ok(let modifiers):
            if let modifiers { attempt.will?.apply(modifiers) }
            connect()
        }
    }

    private func connect() {
        guard let transport else { return }
        self.transport = nil
        let session = shard.connect(attempt, transport)
        transport.connected(to: session)
    }

    // MARK: Refusing and waiting

    private func refuse(_ code: ConnectReturnCode, _ reason: ReasonCode, _ refusal: HookRefusal? = nil) {
        guard let transport else { return }
        self.transport = nil
        shard.refuse(transport, packet, code, reason, refusal)
    }

    private func wait(_ serial: UInt64, _ index: Int) {
        waiting = (serial, index)
        transport?.pauseReading(.hook)
        shard.await(self, serial: serial)
    }

    /// A hook's answer, or what stands for it when the deadline has passed.
    func answered(_ reply: HookReply, serial: UInt64) {
        guard let waiting, waiting.serial == serial, let transport else { return }
        self.waiting = nil
        transport.resumeReading(.hook)
        switch (attempt.stage, reply) {
        case (_, .auth(.next)): askOnAuth(from: waiting.index + 1)
        case (_, .auth(.ok(let modifiers))):
            guard let step = authStep else { return }
            continueAuthentication(modifiers ?? AuthModifiers(reasonCode: .success), step)
        case (_, .auth(.refuse(let refusal))):
            refuse(.notAuthorized, refusal.code(in: .connack), refusal)
        case (_, .register(.next)): register(from: waiting.index + 1)
        case (_, .register(.ok(let modifiers))):
            if let modifiers { attempt.apply(modifiers) }
            registered()
        case (_, .register(.refuse(let refusal))): refuseRegistration(refusal)
        case (_, .publish(.next)): authorizeWill(from: waiting.index + 1)
        case (_, .publish(.ok(let modifiers))):
            if let modifiers { attempt.will?.apply(modifiers) }
            connect()
        case (_, .publish(.refuse(let refusal))):
            refuse(.notAuthorized, refusal.code(in: .connack), refusal)
        default: refuse(.serverUnavailable, .implementationSpecificError)  // an answer to another question
        }
    }

    func timedOut(serial: UInt64) {
        if serial == clientDeadline {
            // Its AUTH may wait in the socket, or its end.
            guard let transport, transport.readWaiting(), serial == clientDeadline else { return }
            counters.add(.socketCloseTimeout)
            transport.close(.connectTimeout)
            self.transport = nil
            return
        }
        guard let waiting, waiting.serial == serial else { return }
        counters.add(.hookTimeout)
        let point: HookPoint
        switch attempt.stage {
        case .authenticating: point = .onAuthM5
        case .registering: point = .authOnRegister.forVersion(packet.version)
        case .takingOver: point = .authOnPublish.forVersion(packet.version)
        }
        let behaviour = shard.timeoutBehaviour(point, waiting.index)
        switch attempt.stage {
        case .authenticating: answered(.auth(behaviour.answer()), serial: serial)
        case .registering: answered(.register(behaviour.answer()), serial: serial)
        case .takingOver: answered(.publish(behaviour.answer()), serial: serial)
        }
    }
}

extension HookTimeoutBehaviour {
    /// What stands for the answer that did not come.
    func answer<Modifiers>() -> HookAnswer<Modifiers> {
        switch self {
        case .deny: .refuse(HookRefusal(reasonCode: .serverUnavailable))
        case .next: .next
        case .allow: .ok(nil)
        }
    }
}

extension WillMessage {
    func message(at now: MonotonicTime) -> ApplicationMessage {
        ApplicationMessage(
            facts: MessageFacts(
                qos: qos, isRetained: isRetained, mountpoint: mountpoint, publisher: nil,
                expiryDeadline: messageExpiryInterval.map { now.adding(seconds: UInt64($0)) }),
            topic: unsafe topic.bytes.span.bytes, properties: unsafe properties.span.bytes,
            payload: unsafe payload.span.bytes)
    }

    mutating func apply(_ modifiers: PublishModifiers) {
        if let topic = modifiers.topic { self.topic = topic }
        if let payload = modifiers.payload { self.payload = payload }
        if let qos = modifiers.qos { self.qos = qos }
        if let isRetained = modifiers.isRetained { self.isRetained = isRetained }
        if let mountpoint = modifiers.mountpoint { self.mountpoint = mountpoint }
        if let properties = modifiers.properties {
            self.properties = properties.forwardedBytes()
            messageExpiryInterval = properties.messageExpiryInterval
        }
    }
}
