package import MQTTCodec
package import Primitives

/// A plugin's part in the life of clients and messages.
///
/// Called on a client's home loop, so a hook must never block: what takes time answers `.later` and calls
/// `HookTicket.answer` from wherever the answer arrives. Until then the session takes no further packet of its
/// own connection; every other connection goes on (architecture §7).
package protocol Hook: AnyObject, Sendable {
    /// The plugin's name, for logs and `plugin show`.
    var name: String { get }
    /// The points this hook wants to be asked at; it is never called for others.
    var points: Set<HookPoint> { get }
    /// What stands for an answer that does not come within `hook_timeout`.
    var timeoutBehaviour: HookTimeoutBehaviour { get }

    func authOnRegister(_ event: RegisterEvent, _ ticket: HookTicket) -> HookAnswer<RegisterModifiers>
    func onAuth(_ event: AuthEvent, _ ticket: HookTicket) -> HookAnswer<AuthModifiers>
    func authOnSubscribe(_ event: SubscribeEvent, _ ticket: HookTicket) -> HookAnswer<[SubscribeVerdict]>
    func onUnsubscribe(_ event: UnsubscribeEvent, _ ticket: HookTicket) -> HookAnswer<[UTF8Text]>
    func authOnPublish(_ event: PublishEvent, _ ticket: HookTicket) -> HookAnswer<PublishModifiers>
    func onDeliver(_ event: PublishEvent, _ ticket: HookTicket) -> HookAnswer<PublishModifiers>
    /// Something has happened; nothing can be changed any more.
    func notify(_ notification: HookNotification)
}

extension Hook {
    package var timeoutBehaviour: HookTimeoutBehaviour { .deny }
    package func authOnRegister(_ event: RegisterEvent, _ ticket: HookTicket) -> HookAnswer<RegisterModifiers>
    { .next }
    package func onAuth(_ event: AuthEvent, _ ticket: HookTicket) -> HookAnswer<AuthModifiers> { .next }
    package func authOnSubscribe(_ event: SubscribeEvent, _ ticket: HookTicket) -> HookAnswer<
        [SubscribeVerdict]
    > {
        .next
    }
    package func onUnsubscribe(_ event: UnsubscribeEvent, _ ticket: HookTicket) -> HookAnswer<[UTF8Text]> {
        .next
    }
    package func authOnPublish(_ event: PublishEvent, _ ticket: HookTicket) -> HookAnswer<PublishModifiers> {
        .next
    }
    package func onDeliver(_ event: PublishEvent, _ ticket: HookTicket) -> HookAnswer<PublishModifiers> {
        .next
    }
    package func notify(_ notification: HookNotification) {}
}

package enum HookTimeoutBehaviour: Sendable { case deny, next, allow }

/// What one hook says.
package enum HookAnswer<Modifiers: Sendable>: Sendable {
    /// Not mine: ask the next one.
    case next
    /// Yes, perhaps with changes; nobody else is asked.
    case ok(Modifiers?)
    /// No; nobody else is asked.
    case refuse(HookRefusal)
    /// The answer comes through the ticket.
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
    package var reasonString: UTF8Text?
    package var serverReference: UTF8Text?
    /// VerneMQ's `invalid_credentials`: CONNACK 4 rather than 5 for MQTT 3.
    package var isInvalidCredentials: Bool

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

/// An answer that came later, on its way home.
package enum HookReply: Sendable {
    case register(HookAnswer<RegisterModifiers>)
    case auth(HookAnswer<AuthModifiers>)
    case subscribe(HookAnswer<[SubscribeVerdict]>)
    case unsubscribe(HookAnswer<[UTF8Text]>)
    case publish(HookAnswer<PublishModifiers>)
    case deliver(HookAnswer<PublishModifiers>)
}

/// Where a later answer is to be sent. Good for one answer; a second one, or one after the deadline, is ignored.
package struct HookTicket: Sendable {
    package enum Asker: Sendable, Hashable {
        /// A CONNECT that has no session yet; its serial says which.
        case connect
        case session(SessionHandle)
    }

    package let asker: Asker
    package let serial: UInt64
    let post: @Sendable (HookTicket, HookReply) -> Void

    /// Thread-safe.
    package func answer(_ reply: HookReply) { post(self, reply) }
}
