package import MQTTCodec
package import Primitives

/// A plugin's part in the life of clients and messages.
///
/// A hook is called on the event loop of the client that the question is about, so it must never block. If it needs
/// time, it answers `.later` and calls `HookTicket.answer` on any thread when it knows. Until then the broker takes no
/// further packet of that connection, while all others go on (architecture §7). While `on_deliver` is asked, only that
/// client's deliveries wait.
///
/// Every loop calls the hook, so several threads may call it at the same time.
package protocol Hook: AnyObject, Sendable {
    /// The plugin's name, for logs and `plugin show`.
    var name: String { get }
    /// The points this hook wants to be asked at; it is never called for others.
    var points: Set<HookPoint> { get }
    /// What the broker does when the answer does not come within `hook_timeout` milliseconds; `.deny` unless stated.
    var timeoutBehaviour: HookTimeoutBehaviour { get }

    /// `auth_on_register`: may this client connect? If no hook says so, the client is refused.
    func authOnRegister(_ event: RegisterEvent, _ ticket: HookTicket<RegisterModifiers>) -> HookAnswer<
        RegisterModifiers
    >
    /// `on_auth_m5`: the next step of enhanced authentication. `.ok(nil)` means success. If no hook answers, the client
    /// is refused with 0x8C (Bad authentication method).
    func onAuth(_ event: AuthEvent, _ ticket: HookTicket<AuthModifiers>) -> HookAnswer<AuthModifiers>
    /// `auth_on_subscribe`: may the client subscribe? One verdict for each filter, in their order; `.ok(nil)` grants
    /// all as they are. If there are hooks at this point and none says so, all filters are refused.
    func authOnSubscribe(_ event: SubscribeEvent, _ ticket: HookTicket<[SubscribeVerdict]>) -> HookAnswer<
        [SubscribeVerdict]
    >
    /// `on_unsubscribe`: filters to unsubscribe in place of those of the packet, as many as it has. `.refuse` changes
    /// nothing.
    func onUnsubscribe(_ event: UnsubscribeEvent, _ ticket: HookTicket<[UTF8Text]>) -> HookAnswer<[UTF8Text]>
    /// `auth_on_publish`: may the client publish this message, or have this will? If there are hooks at this point and
    /// none says so, it may not.
    ///
    /// This form gets the message where it lies in the loop's buffer: a hook that looks at bytes alone costs no object.
    func authOnPublish(
        _ publication: inout Publication, by client: HookClient, _ ticket: HookTicket<PublishModifiers>
    ) -> HookAnswer<PublishModifiers>
    /// `auth_on_publish`, for hooks that keep the message or hand it on. It is called unless the hook has the form above.
    func authOnPublish(_ event: PublishEvent, _ ticket: HookTicket<PublishModifiers>)
        -> HookAnswer<PublishModifiers>
    /// Whether what it says at `auth_on_publish` depends on nothing but the client's identity and the topic, until it calls
    /// `Broker.forgetDecisions`. Then the broker may remember that it said yes.
    var decidesByTopic: Bool { get }
    /// `on_deliver`: changes the copy that one subscriber gets. `.refuse` drops the copy (`denied_by_hook`).
    func onDeliver(_ event: PublishEvent, _ ticket: HookTicket<PublishModifiers>) -> HookAnswer<
        PublishModifiers
    >
    /// Something has happened. The hook cannot change it, and the broker does not wait for anything.
    func notify(_ notification: HookNotification)
}

/// What a hook does unless it says otherwise. A hook implements only the functions of the points that it names in
/// `points`; the broker never calls the others.
extension Hook {
    /// `.deny`: an answer that does not come in time counts as no.
    package var timeoutBehaviour: HookTimeoutBehaviour { .deny }
    /// Answers `.next`, for hooks that do not decide who may connect.
    package func authOnRegister(_ event: RegisterEvent, _ ticket: HookTicket<RegisterModifiers>)
        -> HookAnswer<RegisterModifiers>
    { .next }
    /// Answers `.next`, for hooks that take no part in enhanced authentication.
    package func onAuth(_ event: AuthEvent, _ ticket: HookTicket<AuthModifiers>) -> HookAnswer<AuthModifiers>
    { .next }
    /// Answers `.next`, for hooks that do not decide about subscriptions.
    package func authOnSubscribe(_ event: SubscribeEvent, _ ticket: HookTicket<[SubscribeVerdict]>)
        -> HookAnswer<
            [SubscribeVerdict]
        >
    {
        .next
    }
    /// Answers `.next`, for hooks that change no UNSUBSCRIBE.
    package func onUnsubscribe(_ event: UnsubscribeEvent, _ ticket: HookTicket<[UTF8Text]>) -> HookAnswer<
        [UTF8Text]
    > {
        .next
    }
    /// Answers `.next`, for hooks that do not decide what may be published.
    package func authOnPublish(_ event: PublishEvent, _ ticket: HookTicket<PublishModifiers>)
        -> HookAnswer<PublishModifiers>
    {
        .next
    }
    /// Makes an event of the message, and asks with that.
    package func authOnPublish(
        _ publication: inout Publication, by client: HookClient, _ ticket: HookTicket<PublishModifiers>
    ) -> HookAnswer<PublishModifiers> {
        let event = PublishEvent(
            subscriber: client.subscriber, userName: client.userName, message: publication.sharedMessage(),
            version: client.version)
        return authOnPublish(event, ticket)
    }
    /// false: it may decide by anything.
    package var decidesByTopic: Bool { false }
    /// Answers `.next`, for hooks that change no deliveries.
    package func onDeliver(_ event: PublishEvent, _ ticket: HookTicket<PublishModifiers>) -> HookAnswer<
        PublishModifiers
    > {
        .next
    }
    /// Does nothing, for hooks that only answer questions.
    package func notify(_ notification: HookNotification) {}
}

/// What takes the place of an answer that did not come in time: no, "ask the next hook", or yes without changes.
package enum HookTimeoutBehaviour: Sendable { case deny, next, allow }

/// What one hook says.
package enum HookAnswer<Modifiers: Sendable>: Sendable {
    /// This hook does not decide: the broker asks the next one.
    case next
    /// Yes, with these changes (nil = with none); no other hook is asked.
    case ok(Modifiers?)
    /// No; no other hook is asked.
    case refuse(HookRefusal)
    /// The hook will answer through the ticket.
    case later
}

extension HookAnswer {
    /// No answer: a ticket was to bring one.
    var isLater: Bool {
        if case .later = self { return true }
        return false
    }
}

/// Why a hook said no.
package struct HookRefusal: Sendable, Equatable {
    /// What an MQTT 5 client is told; nil = the point's own default (mostly 0x87).
    package var reasonCode: ReasonCode?
    /// Text for an MQTT 5 client that is refused at CONNECT; nil = none.
    package var reasonString: UTF8Text?
    /// Another server for an MQTT 5 client that is refused at CONNECT; nil = none.
    package var serverReference: UTF8Text?
    /// VerneMQ's `invalid_credentials`: CONNACK 4 rather than 5 for MQTT 3.
    package var isInvalidCredentials: Bool

    /// Without arguments: no, with the point's own code and no text.
    package init(
        reasonCode: ReasonCode? = nil, reasonString: UTF8Text? = nil, serverReference: UTF8Text? = nil,
        isInvalidCredentials: Bool = false
    ) {
        self.reasonCode = reasonCode
        self.reasonString = reasonString
        self.serverReference = serverReference
        self.isInvalidCredentials = isInvalidCredentials
    }
}
