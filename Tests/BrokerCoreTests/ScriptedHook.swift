import MQTTCodec
import Primitives
import Synchronization

@testable import BrokerCore

/// A hook that gives the answers a test puts in, to all questions, and keeps the tickets.
final class ScriptedHook: Hook, Sendable {
    let name: String
    let points: Set<HookPoint>
    let timeoutBehaviour: HookTimeoutBehaviour
    private let answer: HookReply?
    private let memory = Mutex<[HookQuestionID]>([])

    /// - Parameter answer: what it says at once to questions of its kind; nil: `later` to everything.
    init(
        _ points: [HookPoint], _ answer: HookReply? = nil, timeout: HookTimeoutBehaviour = .deny,
        name: String = "scripted"
    ) {
        self.name = name
        self.points = Set(points)
        self.answer = answer
        timeoutBehaviour = timeout
    }

    var tickets: [HookQuestionID] { memory.withLock { $0 } }

    private func say<Modifiers>(_ ticket: HookTicket<Modifiers>, _ own: (HookReply) -> HookAnswer<Modifiers>?)
        -> HookAnswer<Modifiers>
    {
        memory.withLock { $0.append(ticket.id) }
        return answer.flatMap(own) ?? .later
    }

    func authOnRegister(_ event: RegisterEvent, _ ticket: HookTicket<RegisterModifiers>) -> HookAnswer<
        RegisterModifiers
    > {
        say(ticket) { if case .register(let answer) = $0 { answer } else { nil } }
    }
    func onAuth(_ event: AuthEvent, _ ticket: HookTicket<AuthModifiers>) -> HookAnswer<AuthModifiers> {
        say(ticket) { if case .auth(let answer) = $0 { answer } else { nil } }
    }
    func authOnSubscribe(_ event: SubscribeEvent, _ ticket: HookTicket<[SubscribeVerdict]>) -> HookAnswer<
        [SubscribeVerdict]
    > {
        say(ticket) { if case .subscribe(let answer) = $0 { answer } else { nil } }
    }
    func onUnsubscribe(_ event: UnsubscribeEvent, _ ticket: HookTicket<[UTF8Text]>) -> HookAnswer<[UTF8Text]>
    {
        say(ticket) { if case .unsubscribe(let answer) = $0 { answer } else { nil } }
    }
    func authOnPublish(_ event: PublishEvent, _ ticket: HookTicket<PublishModifiers>) -> HookAnswer<
        PublishModifiers
    > {
        say(ticket) { if case .publish(let answer) = $0 { answer } else { nil } }
    }
    func onDeliver(_ event: PublishEvent, _ ticket: HookTicket<PublishModifiers>) -> HookAnswer<
        PublishModifiers
    > {
        say(ticket) { if case .publish(let answer) = $0 { answer } else { nil } }
    }
}
