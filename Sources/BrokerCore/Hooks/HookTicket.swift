package import Primitives

/// Where the later answer to one question is to be sent. It takes answers of the question's own kind alone. It serves for
/// one answer: the broker ignores, and counts, a second one and one that comes after the deadline.
package struct HookTicket<Modifiers: HookModifiers>: Sendable {
    /// The question.
    package let id: HookQuestionID
    let door: HookDoor

    /// Sends the answer to the loop that asked. Usable from any thread; returns at once. It must not be `.later`.
    package func answer(_ answer: HookAnswer<Modifiers>) { door.post(id, Modifiers.reply(answer)) }
}

/// A question that is open, among all of a loop.
package struct HookQuestionID: Sendable, Hashable {
    /// Who asked.
    package enum Asker: Sendable, Hashable {
        /// A CONNECT that has no session yet; its serial says which.
        case connect
        /// A client that is connected.
        case session(SessionHandle)
    }

    /// Who waits for the answer.
    package let asker: Asker
    /// The number of the question; each question of a loop has its own.
    package let serial: UInt64
}

/// The way of later answers to one loop. One object for all tickets, so that a question that is answered at once costs no
/// closure.
package final class HookDoor: Sendable {
    private let send: @Sendable (HookQuestionID, HookReply) -> Void

    init(_ send: @escaping @Sendable (HookQuestionID, HookReply) -> Void) { self.send = send }

    /// Posts an answer of any kind; the loop checks that it is one to the question.
    package func post(_ id: HookQuestionID, _ reply: HookReply) { send(id, reply) }
}

/// An answer that comes later, with the kind of question that it answers.
package enum HookReply: Sendable {
    case register(HookAnswer<RegisterModifiers>)
    case auth(HookAnswer<AuthModifiers>)
    case subscribe(HookAnswer<[SubscribeVerdict]>)
    case unsubscribe(HookAnswer<[UTF8Text]>)
    case publish(HookAnswer<PublishModifiers>)
}

/// What a kind of answer may change, and how such an answer travels between threads.
package protocol HookModifiers: Sendable {
    static func reply(_ answer: HookAnswer<Self>) -> HookReply
    /// The answer in `reply`; nil = it answers another kind of question.
    static func answer(in reply: HookReply) -> HookAnswer<Self>?
}

extension RegisterModifiers: HookModifiers {
    package static func reply(_ answer: HookAnswer<Self>) -> HookReply { .register(answer) }
    package static func answer(in reply: HookReply) -> HookAnswer<Self>? {
        if case .register(let answer) = reply { answer } else { nil }
    }
}

extension AuthModifiers: HookModifiers {
    package static func reply(_ answer: HookAnswer<Self>) -> HookReply { .auth(answer) }
    package static func answer(in reply: HookReply) -> HookAnswer<Self>? {
        if case .auth(let answer) = reply { answer } else { nil }
    }
}

extension PublishModifiers: HookModifiers {
    package static func reply(_ answer: HookAnswer<Self>) -> HookReply { .publish(answer) }
    package static func answer(in reply: HookReply) -> HookAnswer<Self>? {
        if case .publish(let answer) = reply { answer } else { nil }
    }
}

/// Answers with one value for each filter of a packet.
extension Array: HookModifiers where Element: HookListItem {
    package static func reply(_ answer: HookAnswer<Self>) -> HookReply { Element.reply(answer) }
    package static func answer(in reply: HookReply) -> HookAnswer<Self>? { Element.answer(in: reply) }
}

/// What a hook says of one filter.
package protocol HookListItem: Sendable {
    static func reply(_ answer: HookAnswer<[Self]>) -> HookReply
    static func answer(in reply: HookReply) -> HookAnswer<[Self]>?
}

extension SubscribeVerdict: HookListItem {
    package static func reply(_ answer: HookAnswer<[Self]>) -> HookReply { .subscribe(answer) }
    package static func answer(in reply: HookReply) -> HookAnswer<[Self]>? {
        if case .subscribe(let answer) = reply { answer } else { nil }
    }
}

/// Of UNSUBSCRIBE.
extension UTF8Text: HookListItem {
    package static func reply(_ answer: HookAnswer<[Self]>) -> HookReply { .unsubscribe(answer) }
    package static func answer(in reply: HookReply) -> HookAnswer<[Self]>? {
        if case .unsubscribe(let answer) = reply { answer } else { nil }
    }
}
