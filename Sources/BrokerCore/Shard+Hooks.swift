import BrokerMetrics
import MQTTCodec
import Primitives

/// Questions to hooks: asking them, waiting for later answers, going on.
extension Shard {
    /// Replaces the chains, for the next question of each session. Questions that are open go on in the chain in which they
    /// were asked.
    package func setHooks(_ hooks: [any Hook]) {
        self.hooks = HookChains(hooks, broker.tallies, loop: index)
        permits.forget()
        lookWhoAuthorizes()
    }

    /// Whether a PUBLISH goes past `authorize` changes with plugins and settings alone, and is one load for each.
    func lookWhoAuthorizes() {
        asksAboutPublishes = hooks.wantsPublishes || hasChoosingListener || !settings.allowsAllTopics
    }

    /// A client may have come through a listener that names its plugins.
    @inline(__always)
    func lookForChoosingListeners() {
        guard broker.hasChoosingListener, !hasChoosingListener else { return }
        hasChoosingListener = true
        lookWhoAuthorizes()
    }

    /// A ticket for the next question.
    @inline(__always)
    func ticket<Modifiers>(_ asker: HookQuestionID.Asker) -> HookTicket<Modifiers> {
        HookTicket(id: HookQuestionID(asker: asker, serial: questions.takeSerial()), door: questions.door)
    }

    // MARK: Asking

    /// Asks the hooks of a point, and finishes the question at once or when the answer is there.
    func ask<Modifiers>(_ question: HookQuestion<Modifiers>, _ asker: some HookAsker) {
        guard let chain = hooks.chain(question.point, question.plugins) else {
            return question.finish(.nobody)
        }
        if let shown = question.shown, let watch = asker.hookWatch { watch.asked(shown(), now) }
        ask(question, chain, from: 0, asker)
    }

    /// As above, with the hooks of `chain` from the one with the number `start`.
    func ask<Modifiers>(
        _ question: HookQuestion<Modifiers>, _ chain: HookChain, from start: Int, _ asker: any HookAsker
    ) {
        let ticket: HookTicket<Modifiers> = ticket(asker.hookAsker)
        let outcome = chain.ask(from: start, counters: counters) {
            question.check(question.call($0, ticket), $0)
        }
        if case .pending(let course) = outcome {
            asker.wait(for: PendingQuestion(question, ticket.id, course, askedAt: now))
        } else {
            finish(question, outcome, asker)
        }
    }

    func finish<Modifiers>(
        _ question: HookQuestion<Modifiers>, _ outcome: HookOutcome<Modifiers>, _ asker: any HookAsker
    ) {
        if question.shown != nil, let watch = asker.hookWatch,
            let answer = outcome.watched(question.shownChanges)
        {
            watch.answered(answer, now)
        }
        question.finish(outcome)
    }

    // MARK: Waiting

    func expectAnswer(_ handshake: ConnectHandshake, serial: UInt64) {
        questions.keep(handshake, serial)
        startHookDeadline(for: .connect, serial: serial)
    }

    /// The client has `mqtt_connect_timeout` for its next AUTH, as it had for CONNECT.
    func expectClient(_ handshake: ConnectHandshake, serial: UInt64) {
        questions.keep(handshake, serial)
        timers.add(
            .hookDeadline(.connect, serial: serial), at: now.adding(milliseconds: settings.connectTimeout))
    }

    /// The handshake goes on after some time.
    func expectDelay(_ handshake: ConnectHandshake, serial: UInt64, milliseconds: UInt64) {
        questions.keep(handshake, serial)
        timers.add(.hookDeadline(.connect, serial: serial), at: now.adding(milliseconds: milliseconds))
    }

    func startHookDeadline(for asker: HookQuestionID.Asker, serial: UInt64) {
        timers.add(.hookDeadline(asker, serial: serial), at: now.adding(milliseconds: settings.hookTimeout))
    }

    /// An answer has come through its ticket. The second one, one that comes after the deadline, and one for a client
    /// that has gone find no question.
    package func answered(_ id: HookQuestionID, _ reply: HookReply) {
        let isTaken =
            switch id.asker {
            case .connect:
                questions.takeHandshake(id.serial)?.answered(reply, serial: id.serial) ?? false
            case .session(let handle): session(handle)?.answered(reply, serial: id.serial) ?? false
            }
        if !isTaken { counters.add(.hookAnswersIgnored) }
    }

    func hookDeadlinePassed(_ asker: HookQuestionID.Asker, _ serial: UInt64) {
        // Who had to answer while nobody looked gets that time again.
        let grace = absence.lapses.graceEnd(
            min(max(settings.hookTimeout, settings.connectTimeout), 86_400_000) * 1_000_000)
        guard now >= grace else {
            timers.add(.hookDeadline(asker, serial: serial), at: grace)
            return
        }
        switch asker {
        case .connect: questions.takeHandshake(serial)?.timedOut(serial: serial)
        case .session(let handle): session(handle)?.hookTimedOut(serial: serial)
        }
    }
}
