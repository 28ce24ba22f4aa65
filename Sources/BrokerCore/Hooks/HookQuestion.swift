import BrokerMetrics
import MQTTCodec
import Primitives

/// A question to the hooks of one point, with all that is different between points: how a hook is asked, how its answer is
/// checked and shown, and what follows. Asking, waiting, time-outs and going on are written once (`Shard+Hooks.swift`).
///
///     ask ──→ hook 0 ─ next ─→ hook 1 ─ … ─→ finish(exhausted)
///               │ ok, refuse                 └──────────────────→ finish(ok, refused)
///               │ later → open (`PendingHook`) ── answer, or what stands for it ──→ next: go on behind the hook that
///               └──────                                                               was asked; else finish
///
/// It is owned by who waits for the answer, so its closures hold that one `unowned`.
struct HookQuestion<Modifiers: HookModifiers> {
    let point: HookPoint
    /// The plugins that the client's listener asks; nil = all.
    let plugins: ListenerPlugins?
    /// What the question keeps from going on.
    var subject = PendingHook.Subject.other
    /// Counted when an answer is none to this question.
    let invalid: Counter
    /// What stands for such an answer.
    let standIn: HookAnswer<Modifiers>
    /// As a watcher sees it; nil = it is not shown.
    let shown: (() -> WatchedQuestion)?
    /// As a watcher sees changes.
    let shownChanges: (Modifiers) -> WatchedModifiers
    /// Asks one hook.
    let call: (any Hook, HookTicket<Modifiers>) -> HookAnswer<Modifiers>
    /// Puts a safe answer in the place of one that is not valid.
    let check: (HookAnswer<Modifiers>, any Hook) -> HookAnswerCheck.Checked<Modifiers>
    /// Goes on. Never called with `pending`.
    let finish: (HookOutcome<Modifiers>) -> Void
}

/// Who asks questions: a session, or a CONNECT that has none yet. It is touched by its loop alone.
protocol HookAsker: AnyObject {
    /// As tickets name it.
    var hookAsker: HookQuestionID.Asker { get }
    /// Who watches the client; nil = nobody.
    var hookWatch: ConnectionWatch? { get }
    /// Keeps the question until its answer comes, and lets nothing pass what the question is about.
    func wait(for pending: PendingHook)
}

/// A question that one hook answers later. It is a class, so that a session without a question holds only a pointer.
class PendingHook {
    /// What a question keeps from going on.
    enum Subject {
        /// A PUBLISH that has been counted as received.
        case publish
        /// A copy that has left the queue.
        case delivery(QueuedMessage)
        case other
    }

    let id: HookQuestionID
    /// Which hook was asked last, and which ones come after it.
    let course: HookCourse
    let subject: Subject
    let askedAt: MonotonicTime

    init(_ id: HookQuestionID, _ course: HookCourse, _ subject: Subject, askedAt: MonotonicTime) {
        self.id = id
        self.course = course
        self.subject = subject
        self.askedAt = askedAt
    }

    var serial: UInt64 { id.serial }

    /// Takes the answer, and finishes the question or asks the next hook. The asker has given the question up before.
    func take(_ reply: HookReply, on shard: Shard, _ asker: any HookAsker) {}

    /// As `take`, with what stands for an answer that did not come in time.
    func takeTimeout(on shard: Shard, _ asker: any HookAsker) {}

    /// The asker has gone.
    func abandon() {
        course.asked.tally.count(.abandoned)
        course.asked.tally.close(after: nil)
    }
}

/// The same for one kind of answer.
final class PendingQuestion<Modifiers: HookModifiers>: PendingHook {
    let question: HookQuestion<Modifiers>

    init(
        _ question: HookQuestion<Modifiers>, _ id: HookQuestionID, _ course: HookCourse,
        askedAt: MonotonicTime
    ) {
        self.question = question
        super.init(id, course, question.subject, askedAt: askedAt)
    }

    override func take(_ reply: HookReply, on shard: Shard, _ asker: any HookAsker) {
        let link = course.asked
        link.tally.close(after: shard.now.nanoseconds(since: askedAt))
        guard let answer = Modifiers.answer(in: reply), !answer.isLater else {
            shard.questions.check.countWrongKind(question.invalid, link.hook)
            link.tally.count(.invalid)
            return goOn(question.standIn, on: shard, asker)
        }
        let checked = question.check(answer, link.hook)
        link.tally.count(checked)
        goOn(checked.answer, on: shard, asker)
    }

    override func takeTimeout(on shard: Shard, _ asker: any HookAsker) {
        shard.counters.add(.hookTimeout)
        let link = course.asked
        link.tally.count(.timedOut)
        link.tally.close(after: nil)
        goOn(link.hook.timeoutBehaviour.answer(), on: shard, asker)
    }

    private func goOn(_ answer: HookAnswer<Modifiers>, on shard: Shard, _ asker: any HookAsker) {
        switch answer {
        case .next, .later: shard.ask(question, course.chain, from: course.index + 1, asker)
        case .ok(let modifiers): shard.finish(question, .ok(modifiers), asker)
        case .refuse(let refusal): shard.finish(question, .refused(refusal), asker)
        }
    }
}

extension HookTimeoutBehaviour {
    /// What takes the place of an answer that did not come in time.
    func answer<Modifiers>() -> HookAnswer<Modifiers> {
        switch self {
        case .deny: .refuse(HookRefusal(reasonCode: .serverUnavailable))
        case .next: .next
        case .allow: .ok(nil)
        }
    }
}
