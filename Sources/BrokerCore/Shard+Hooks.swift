import BrokerMetrics
import MQTTCodec
import Primitives

/// Questions to hooks that are answered later.
extension Shard {
    /// Replaces the chain, for the next call of each session.
    package func setHooks(_ hooks: [any Hook]) { self.hooks = HookChains(hooks) }

    func ticket(_ asker: HookTicket.Asker, serial: UInt64) -> HookTicket {
        let post = links.post
        let index = index
        return HookTicket(asker: asker, serial: serial) { post(.hookReply($0, $1), index) }
    }

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

    func startHookDeadline(for asker: HookTicket.Asker, serial: UInt64) {
        timers.add(.hookDeadline(asker, serial: serial), at: now.adding(milliseconds: settings.hookTimeout))
    }

    /// An answer has come through its ticket. The second one, one that comes after the deadline, and one for a client
    /// that has gone find no question.
    package func answered(_ ticket: HookTicket, _ reply: HookReply) {
        let isTaken =
            switch ticket.asker {
            case .connect:
                questions.takeHandshake(ticket.serial)?.answered(reply, serial: ticket.serial) ?? false
            case .session(let handle): session(handle)?.answered(reply, serial: ticket.serial) ?? false
            }
        if !isTaken { counters.add(.hookAnswersIgnored) }
    }

    func hookDeadlinePassed(_ asker: HookTicket.Asker, _ serial: UInt64) {
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
