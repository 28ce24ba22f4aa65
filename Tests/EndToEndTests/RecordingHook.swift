import BrokerCore
import MQTTCodec
import Primitives
import Synchronization

/// A hook that writes down what it is asked and told, and answers as a test wants.
final class RecordingHook: Hook, Sendable {
    let name = "recording"
    let points: Set<HookPoint>
    let timeoutBehaviour: HookTimeoutBehaviour

    private struct Memory {
        var register:
            @Sendable (RegisterEvent, HookTicket<RegisterModifiers>) -> HookAnswer<RegisterModifiers> = {
                _, _ in
                .ok(nil)
            }
        var auth: @Sendable (AuthEvent, HookTicket<AuthModifiers>) -> HookAnswer<AuthModifiers> = { _, _ in
            .ok(nil)
        }
        var subscribe:
            @Sendable (SubscribeEvent, HookTicket<[SubscribeVerdict]>) -> HookAnswer<[SubscribeVerdict]> = {
                _, _ in
                .ok(nil)
            }
        var unsubscribe: @Sendable (UnsubscribeEvent, HookTicket<[UTF8Text]>) -> HookAnswer<[UTF8Text]> = {
            _, _ in
            .ok(nil)
        }
        var publish: @Sendable (PublishEvent, HookTicket<PublishModifiers>) -> HookAnswer<PublishModifiers> =
            { _, _ in .ok(nil)
            }
        var deliver: @Sendable (PublishEvent, HookTicket<PublishModifiers>) -> HookAnswer<PublishModifiers> =
            { _, _ in .ok(nil)
            }
        var lines: [String] = []
        var tickets: [KeptTicket] = []
    }

    private let memory = Mutex(Memory())

    init(_ points: Set<HookPoint> = Set(HookPoint.allCases), timeout: HookTimeoutBehaviour = .deny) {
        self.points = points
        timeoutBehaviour = timeout
    }

    // MARK: What a test sets

    var registerAnswer:
        @Sendable (RegisterEvent, HookTicket<RegisterModifiers>) -> HookAnswer<RegisterModifiers>
    {
        get { memory.withLock { $0.register } }
        set { memory.withLock { $0.register = newValue } }
    }
    var authAnswer: @Sendable (AuthEvent, HookTicket<AuthModifiers>) -> HookAnswer<AuthModifiers> {
        get { memory.withLock { $0.auth } }
        set { memory.withLock { $0.auth = newValue } }
    }
    var subscribeAnswer:
        @Sendable (SubscribeEvent, HookTicket<[SubscribeVerdict]>) -> HookAnswer<[SubscribeVerdict]>
    {
        get { memory.withLock { $0.subscribe } }
        set { memory.withLock { $0.subscribe = newValue } }
    }
    var unsubscribeAnswer: @Sendable (UnsubscribeEvent, HookTicket<[UTF8Text]>) -> HookAnswer<[UTF8Text]> {
        get { memory.withLock { $0.unsubscribe } }
        set { memory.withLock { $0.unsubscribe = newValue } }
    }
    var publishAnswer: @Sendable (PublishEvent, HookTicket<PublishModifiers>) -> HookAnswer<PublishModifiers>
    {
        get { memory.withLock { $0.publish } }
        set { memory.withLock { $0.publish = newValue } }
    }
    var deliverAnswer: @Sendable (PublishEvent, HookTicket<PublishModifiers>) -> HookAnswer<PublishModifiers>
    {
        get { memory.withLock { $0.deliver } }
        set { memory.withLock { $0.deliver = newValue } }
    }

    // MARK: What a test reads

    /// One line for each call, in the order of the calls.
    var lines: [String] { memory.withLock { $0.lines } }

    /// Tickets of the calls that were answered `.later`.
    var tickets: [KeptTicket] { memory.withLock { $0.tickets } }

    func keep<Modifiers>(_ ticket: HookTicket<Modifiers>) {
        memory.withLock { $0.tickets.append(KeptTicket(ticket)) }
    }

    /// Waits for a line, which the broker may write after the client has its answer.
    func has(_ line: String) -> Bool { wait { $0.lines.contains(line) } }

    /// Waits until `count` questions are open.
    func hasTickets(_ count: Int) -> Bool { wait { $0.tickets.count >= count } }

    private func wait(_ condition: (Memory) -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if memory.withLock({ condition($0) }) { return true }
        }
        return false
    }

    private func record(_ line: String) { memory.withLock { $0.lines.append(line) } }

    // MARK: Hook

    func authOnRegister(_ event: RegisterEvent, _ ticket: HookTicket<RegisterModifiers>) -> HookAnswer<
        RegisterModifiers
    > {
        record("auth_on_register\(suffix(event.version)) \(line(event))")
        return registerAnswer(event, ticket)
    }

    func onAuth(_ event: AuthEvent, _ ticket: HookTicket<AuthModifiers>) -> HookAnswer<AuthModifiers> {
        let data = event.data.map { String(decoding: $0, as: UTF8.self) } ?? "-"
        record("on_auth_m5 \(name(event.subscriber)) \(event.method) \(data) \(event.reasonCode)")
        return authAnswer(event, ticket)
    }

    func authOnSubscribe(_ event: SubscribeEvent, _ ticket: HookTicket<[SubscribeVerdict]>) -> HookAnswer<
        [SubscribeVerdict]
    > {
        record("auth_on_subscribe\(suffix(event.version)) \(line(event))")
        return subscribeAnswer(event, ticket)
    }

    func onUnsubscribe(_ event: UnsubscribeEvent, _ ticket: HookTicket<[UTF8Text]>) -> HookAnswer<[UTF8Text]>
    {
        record("on_unsubscribe\(suffix(event.version)) \(name(event.subscriber)) \(event.filters)")
        return unsubscribeAnswer(event, ticket)
    }

    func authOnPublish(_ event: PublishEvent, _ ticket: HookTicket<PublishModifiers>) -> HookAnswer<
        PublishModifiers
    > {
        record("auth_on_publish\(suffix(event.version)) \(line(event))")
        return publishAnswer(event, ticket)
    }

    func onDeliver(_ event: PublishEvent, _ ticket: HookTicket<PublishModifiers>) -> HookAnswer<
        PublishModifiers
    > {
        record("on_deliver\(suffix(event.version)) \(line(event))")
        return deliverAnswer(event, ticket)
    }

    func notify(_ notification: HookNotification) {
        switch notification {
        case .registered(let event): record("on_register\(suffix(event.version)) \(line(event))")
        case .clientWakeup(let id): record("on_client_wakeup \(name(id))")
        case .clientOffline(let id): record("on_client_offline \(name(id))")
        case .clientGone(let id): record("on_client_gone \(name(id))")
        case .sessionExpired(let id): record("on_session_expired \(name(id))")
        case .subscribed(let event): record("on_subscribe\(suffix(event.version)) \(line(event))")
        case .topicUnsubscribed(let id, let filters):
            record("on_topic_unsubscribed \(name(id)) \(filters.map { "\($0)" } ?? "all")")
        case .published(let event): record("on_publish\(suffix(event.version)) \(line(event))")
        case .offlineMessage(let id, let message, let qos):
            record(
                "on_offline_message \(name(id)) \(qos.rawValue) \(text(message.topic)) \(text(message.payload))"
            )
        case .messageDropped(let event):
            let subscriber = event.subscriber.map(name) ?? "-"
            let payload = event.message.map { text($0.payload) } ?? "\(event.count)"
            record("on_message_drop \(subscriber) \(payload) \(event.reasonName)")
        }
    }

    // MARK: Lines

    private func suffix(_ version: ProtocolVersion) -> String { version == .v5 ? "_m5" : "" }
    private func name(_ id: SubscriberID) -> String { "\(id.mountpoint.name)|\(id.clientID)" }
    private func text(_ span: RawSpan) -> String { String(decoding: span.copiedBytes(), as: UTF8.self) }

    private func line(_ event: RegisterEvent) -> String {
        let password = event.password.map { String(decoding: $0, as: UTF8.self) } ?? "-"
        return
            "\(name(event.subscriber)) \(event.userName.map { "\($0)" } ?? "-") \(password) \(event.cleanStart)"
    }

    private func line(_ event: SubscribeEvent) -> String {
        "\(name(event.subscriber)) \(event.filters.map { "\($0.filter):\($0.options.qos.rawValue)" })"
    }

    private func line(_ event: PublishEvent) -> String {
        let facts = event.message.facts
        let retain = facts.isRetained ? " retain" : ""
        return
            "\(name(event.subscriber)) \(facts.qos.rawValue) \(text(event.message.topic)) \(text(event.message.payload))\(retain)"
    }
}

/// A ticket of any kind, kept by a test.
struct KeptTicket: Sendable {
    let id: HookQuestionID
    private let send: @Sendable (HookReply) -> Void

    init<Modifiers>(_ ticket: HookTicket<Modifiers>) {
        id = ticket.id
        send = { reply in
            guard let answer = Modifiers.answer(in: reply) else {
                fatalError("a test answers another question than was asked")
            }
            ticket.answer(answer)
        }
    }

    func answer(_ reply: HookReply) { send(reply) }
}
