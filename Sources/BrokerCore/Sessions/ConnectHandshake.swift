import BrokerMetrics
package import MQTTCodec
import Primitives

/// Takes one CONNECT through its stages on the client's home loop: enhanced authentication, `auth_on_register`,
/// take-over of an older session, authorisation of the will, CONNACK.
///
/// A hook may answer any stage later; the connection is not read meanwhile. The order is VerneMQ's: the will is
/// authorised after the take-over, so a client whose will is forbidden still displaces its older session.
package final class ConnectHandshake: HookAsker {
    /// What is known of the CONNECT so far.
    package let attempt: ConnectAttempt
    private let shard: Shard
    /// nil when the handshake has ended, with success or without.
    private var transport: (any ClientTransport)?
    /// The question to a hook that is not answered yet.
    private var waiting: PendingHook?
    private var authStep: AuthEvent?
    /// The deadline for the client's next AUTH; nil while none is awaited.
    private var clientDeadline: UInt64?
    /// The answer to a login that was refused, held back; nil = there is none.
    private var lateRefusal: (serial: UInt64, refusal: HookRefusal)?
    /// The number under which it waits until the store has caught up; nil = it does not wait.
    private var storeSerial: UInt64?

    /// The handshake of a connection whose home is this loop.
    package init(_ attempt: ConnectAttempt, shard: Shard, transport: any ClientTransport) {
        self.attempt = attempt
        self.shard = shard
        self.transport = transport
    }

    private var counters: LoopCounters { shard.counters }

    /// Begins with the stage that `attempt` is at. Later stages follow when their answers are there.
    package func run() {
        shard.lookForChoosingListeners()
        beginWatching()
        switch attempt.stage {
        case .authenticating: authenticate()
        case .registering: register()
        case .takingOver: takeOver()
        }
    }

    /// The CONNECT is shown where its client id lives. A hook may give the client another identity, and so another loop:
    /// the watch goes along.
    private func beginWatching() {
        guard attempt.watch == nil, let transport else { return }
        attempt.watch = shard.newWatch(attempt, transport)
        attempt.watch?.began(attempt.packet)
    }

    /// The connection has ended: answers that still come are ignored.
    package func cancel() {
        if let waiting {
            shard.questions.takeHandshake(waiting.serial)
            waiting.abandon()
        }
        waiting = nil
        stopClientDeadline()
        if let lateRefusal { shard.questions.takeHandshake(lateRefusal.serial) }
        lateRefusal = nil
        if let storeSerial { shard.forgetStorePause(storeSerial) }
        storeSerial = nil
        if transport != nil { attempt.watch?.ended() }
        transport = nil
    }

    // MARK: Enhanced authentication [MQTT5 §4.12]

    private func authenticate() {
        guard let method = attempt.packet.properties.authenticationMethod else {
            attempt.stage = .registering
            register()
            return
        }
        authStep = AuthEvent(
            subscriber: attempt.subscriber, userName: attempt.userName, method: method,
            data: attempt.packet.properties.authenticationData, reasonCode: .success)
        askOnAuth()
    }

    /// An AUTH packet before CONNACK: the next step of the exchange. Anything else there is a protocol error.
    package func receive(_ auth: AuthPacket) {
        stopClientDeadline()
        guard attempt.stage == .authenticating, waiting == nil, var step = authStep else {
            refuse(.serverUnavailable, .protocolError)
            return
        }
        counters.add(.authReceived, .v5, code: auth.reasonCode.rawValue)
        attempt.watch?.saw(shard.now, isReceived: true) { .auth(auth) }
        guard auth.reasonCode == .continueAuthentication, auth.properties.authenticationMethod == step.method
        else {
            refuse(.serverUnavailable, .protocolError)  // [MQTT-4.12.0-5]
            return
        }
        step.data = auth.properties.authenticationData
        step.reasonCode = auth.reasonCode
        authStep = step
        askOnAuth()
    }

    private func askOnAuth() {
        guard let step = authStep else { return }
        let question = shard.question(about: step, plugins) {
            [unowned self] outcome in
            switch outcome {
            case .nobody, .exhausted, .pending: refuse(.notAuthorized, .badAuthenticationMethod)
            case .refused(let refusal): refuse(.notAuthorized, refusal.code(in: .connack), refusal)
            case .ok(let modifiers):
                continueAuthentication(modifiers ?? AuthModifiers(reasonCode: .success), step)
            }
        }
        shard.ask(question, self)
    }

    private func continueAuthentication(_ modifiers: AuthModifiers, _ step: AuthEvent) {
        var properties = Properties()
        properties.authenticationMethod = step.method
        properties.authenticationData = modifiers.data
        if attempt.packet.properties.requestProblemInformation != 0 {
            properties.reasonString = modifiers.reasonString
        }
        guard modifiers.reasonCode == .continueAuthentication else {
            attempt.connackProperties.authenticationMethod = step.method
            attempt.connackProperties.authenticationData = modifiers.data
            attempt.stage = .registering
            register()
            return
        }
        guard let output = transport?.output else { return }
        var client = ClientOutput(
            output, version: .v5, packetSizeLimit: attempt.packet.properties.maximumPacketSize ?? 0,
            watch: attempt.watch)
        client.send(
            .auth(AuthPacket(reasonCode: .continueAuthentication, properties: properties)), from: shard)
        let serial = shard.questions.takeSerial()
        clientDeadline = serial
        shard.expectClient(self, serial: serial)
    }

    private func stopClientDeadline() {
        if let clientDeadline { shard.questions.takeHandshake(clientDeadline) }
        clientDeadline = nil
    }

    // MARK: auth_on_register

    private func register() {
        guard let transport else { return }
        guard !shard.settings.allowsAnonymous, !transport.listenerFacts.allowsAnonymous else {
            registered()
            return
        }
        let failures = shard.broker.authFailures
        let limits = shard.settings.authFailures
        guard !failures.isBanned(transport.clientPeer, attempt.userName, limits, now: shard.now) else {
            refuse(.notAuthorized, .banned)
            return
        }
        let question = shard.question(about: event(transport), plugins) {
            [unowned self] outcome in
            switch outcome {
            case .nobody, .exhausted, .pending: loginFailed(HookRefusal())
            case .refused(let refusal): loginFailed(refusal)
            case .ok(let modifiers):
                shard.broker.authFailures.succeeded(attempt.userName)
                if let modifiers { attempt.apply(modifiers) }
                registered()
            }
        }
        shard.ask(question, self)
    }

    /// Refuses the client, later if logins have failed before from there or with that name.
    private func loginFailed(_ refusal: HookRefusal) {
        guard let transport else { return }
        // That a plugin had no time is not the client's failure.
        let busy: [ReasonCode] = [.serverBusy, .serverUnavailable, .implementationSpecificError]
        guard refusal.reasonCode.map(busy.contains) != true else { return refuseRegistration(refusal) }
        let delay = shard.broker.authFailures.failed(
            transport.clientPeer, attempt.userName, shard.settings.authFailures, now: shard.now)
        guard delay > 0 else { return refuseRegistration(refusal) }
        let serial = shard.questions.takeSerial()
        lateRefusal = (serial, refusal)
        transport.pauseReading(.hook)
        shard.expectDelay(self, serial: serial, milliseconds: delay)
    }

    private func refuseRegistration(_ refusal: HookRefusal) {
        refuse(
            refusal.isInvalidCredentials ? .badUserNameOrPassword : .notAuthorized,
            refusal.code(in: .connack, else: .badUserNameOrPassword), refusal)
    }

    private func event(_ transport: any ClientTransport) -> RegisterEvent {
        RegisterEvent(
            peer: transport.clientPeer, subscriber: attempt.subscriber, userName: attempt.userName,
            password: attempt.packet.password, cleanStart: attempt.cleanStart,
            version: attempt.packet.version,
            properties: attempt.packet.properties, listener: transport.listenerFacts.name,
            identity: transport.clientIdentity)
    }

    /// The client may connect. A hook may have given it another identity, whose home is another loop.
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
        guard !shard.mustWaitForStore(attempt) else {
            storeSerial = shard.pauseForStore(self)
            if storeSerial == nil { refuseBusy() } else { transport.pauseReading(.overload) }
            return
        }
        if !attempt.settings.allowsMultipleSessions { shard.displace(attempt.subscriber, by: transport) }
        // As in VerneMQ, `on_client_wakeup` comes before `on_register`.
        shard.hooks.notify(.onClientWakeup, .clientWakeup(attempt.subscriber))
        let point = HookPoint.onRegister.forVersion(attempt.packet.version)
        shard.hooks.notify(point, .registered(event(transport)))
        authorizeWill()
    }

    func storeHasCaughtUp() {
        storeSerial = nil
        transport?.resumeReading(.overload)
        takeOver()
    }

    /// A newer connection of the same client waits for the store instead of this one.
    func giveUpWaitingForStore() {
        if let storeSerial { shard.forgetStorePause(storeSerial) }
        storeSerial = nil
        refuseBusy()
    }

    private func refuseBusy() {
        counters.add(.storeConnectsRefused)
        refuse(.serverUnavailable, .serverBusy)
    }

    private func authorizeWill() {
        guard let will = attempt.will, shard.asksAboutPublishes else {
            connect()
            return
        }
        let client = HookClient(
            subscriber: attempt.subscriber, userName: attempt.userName, version: attempt.packet.version,
            plugins: plugins)
        let message = will.message(at: shard.now)
        let event = PublishEvent(
            subscriber: client.subscriber, userName: client.userName, message: message,
            version: client.version)
        let question = shard.question(
            about: message, of: client, subject: .other, shown: { .publish(event) }
        ) { [unowned self] outcome in
            switch outcome {
            case .nobody where shard.settings.allowsAllTopics: connect()
            case .nobody, .exhausted, .pending: refuse(.notAuthorized, .notAuthorized)
            case .refused(let refusal): refuse(.notAuthorized, refusal.code(in: .connack), refusal)
            case .ok(let modifiers):
                if let modifiers { attempt.will?.apply(modifiers) }
                connect()
            }
        }
        shard.ask(question, self)
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
        shard.refuse(transport, attempt.packet, code, reason, refusal, watch: attempt.watch)
        attempt.watch?.ended()
    }

    /// The plugins that the listener names; nil = all.
    private var plugins: ListenerPlugins? {
        shard.hasChoosingListener ? transport?.listenerFacts.plugins : nil
    }

    var hookAsker: HookQuestionID.Asker { .connect }
    var hookWatch: ConnectionWatch? { attempt.watch }

    func wait(for pending: PendingHook) {
        waiting = pending
        transport?.pauseReading(.hook)
        shard.expectAnswer(self, serial: pending.serial)
    }

    /// Takes a hook's answer. It must be an answer to what was asked; any other kind of answer refuses the client.
    ///
    /// - Returns: false when the question is no longer open; nothing happens then.
    @discardableResult
    func answered(_ reply: HookReply, serial: UInt64) -> Bool {
        guard let pending = takeQuestion(serial) else { return false }
        pending.take(reply, on: shard, self)
        return true
    }

    private func takeQuestion(_ serial: UInt64) -> PendingHook? {
        guard let waiting, waiting.serial == serial, let transport else { return nil }
        self.waiting = nil
        transport.resumeReading(.hook)
        return waiting
    }

    func timedOut(serial: UInt64) {
        if let lateRefusal, serial == lateRefusal.serial {
            self.lateRefusal = nil
            transport?.resumeReading(.hook)
            refuseRegistration(lateRefusal.refusal)
            return
        }
        if serial == clientDeadline {
            // The client's AUTH, or the end of its connection, may be in the socket.
            guard let transport, transport.readWaiting(), serial == clientDeadline else { return }
            counters.add(.socketCloseTimeout)
            transport.close(.connectTimeout)
            self.transport = nil
            return
        }
        takeQuestion(serial)?.takeTimeout(on: shard, self)
    }
}

extension WillMessage {
    func message(at now: MonotonicTime) -> ApplicationMessage {
        ApplicationMessage(
            facts: MessageFacts(
                qos: qos, isRetained: isRetained, mountpoint: mountpoint, publisher: nil,
                expiryDeadline: messageExpiryInterval.map { now.adding(seconds: UInt64($0)) }, receivedAt: now
            ),
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
