import BrokerMetrics
import MQTTCodec

/// One hook of a chain, and where its calls are counted.
struct HookLink {
    let hook: any Hook
    let tally: HookTally
}

/// The hooks of one point in the order in which they are asked. An immutable value: a question that is open keeps the one
/// in which it was asked, so a plugin that comes or goes meanwhile neither skips a hook nor repeats one.
struct HookChain {
    let links: [HookLink]
    /// Whether every hook decides by client and topic alone, so that a yes may be remembered.
    let decidesByTopic: Bool

    init(_ links: [HookLink] = []) {
        self.links = links
        decidesByTopic = !links.isEmpty && links.allSatisfy { $0.hook.decidesByTopic }
    }

    var isEmpty: Bool { links.isEmpty }
}

/// The hooks of one loop, by point, in the order in which their plugins were started.
///
/// An immutable value that a loop replaces as a whole when a plugin comes or goes, so running sessions use the new
/// chain for their next call. A point that nobody wants costs one load and one branch.
package struct HookChains {
    private let chains: [HookChain]
    /// Those of listeners that choose their plugins; made when they are asked for.
    private let chosen: ChosenChains
    /// Bit i is set when point i has a hook.
    private let occupied: UInt64

    /// Chains without hooks.
    package init() { self.init([], nil, loop: 0) }

    /// The chains of these hooks, each in the order of `hooks`.
    ///
    /// - Parameter tallies: where calls are counted; nil = nowhere that is read.
    init(_ hooks: [any Hook], _ tallies: HookTallies?, loop: Int) {
        var occupied: UInt64 = 0
        chains = HookPoint.allCases.enumerated().map { index, point in
            let links = hooks.filter { $0.points.contains(point) }.map { hook in
                HookLink(hook: hook, tally: tallies?.tally(hook.name, point, loop: loop) ?? HookTally())
            }
            if !links.isEmpty { occupied |= 1 << UInt64(index) }
            return HookChain(links)
        }
        chosen = ChosenChains()
        self.occupied = occupied
        let deliver: UInt64 =
            1 << UInt64(HookPoint.onDeliver.index) | 1 << UInt64(HookPoint.onDeliverM5.index)
        wantsDeliveries = occupied & deliver != 0
        let publish = [HookPoint.authOnPublish, .authOnPublishM5, .onPublish, .onPublishM5]
        wantsPublishes = publish.contains { occupied & 1 << UInt64($0.index) != 0 }
        let drop: UInt64 = 1 << UInt64(HookPoint.onMessageDrop.index)
        wantsDrops = occupied & drop != 0
    }

    /// Whether a hook is registered at `auth_on_publish` or `on_publish`, for any version. Kept as a value, as the next
    /// two are, because each message asks for it.
    package let wantsPublishes: Bool
    /// Whether a hook is registered at `on_deliver`, for any version.
    package let wantsDeliveries: Bool
    /// Whether a hook is registered at `on_message_drop`.
    package let wantsDrops: Bool

    /// The chain at `point`, of all plugins.
    subscript(point: HookPoint) -> HookChain { chains[point.index] }

    /// The chain at `point` for clients of a listener.
    ///
    /// - Parameter plugins: which plugins the listener asks, in its order; nil = all.
    /// - Returns: nil = nobody decides here, for there is no plugin at this point and the listener asks for none. A
    ///   listener that asks for plugins which are not there has a chain without hooks, which lets nothing through.
    @inline(__always)
    func chain(_ point: HookPoint, _ plugins: ListenerPlugins?) -> HookChain? {
        guard let plugins, let names = plugins.names(at: point) else {
            return wants(point) ? self[point] : nil
        }
        return chosen.chain(point, plugins, names, of: self[point])
    }

    /// Whether a hook is registered at `point`.
    package func wants(_ point: HookPoint) -> Bool { occupied & 1 << UInt64(point.index) != 0 }

    /// Tells every hook at `point`; the event is only made when somebody listens.
    package func notify(_ point: HookPoint, _ notification: @autoclosure () -> HookNotification) {
        guard wants(point) else { return }
        let event = notification()
        for link in self[point].links {
            link.tally.count(.allowed)
            link.hook.notify(event)
        }
    }
}

/// Chains of listeners that name their plugins, each made once.
private final class ChosenChains {
    private struct Key: Hashable {
        let plugins: ObjectIdentifier
        let point: HookPoint
    }

    private var chains: [Key: (plugins: ListenerPlugins, chain: HookChain)] = [:]
    /// Listeners come and go at run time; so many chains are kept, then all are made anew.
    private static let limit = 1024

    func chain(_ point: HookPoint, _ plugins: ListenerPlugins, _ names: [String], of all: HookChain)
        -> HookChain
    {
        let key = Key(plugins: ObjectIdentifier(plugins), point: point)
        if let found = chains[key] { return found.chain }
        if chains.count >= Self.limit { chains = [:] }
        let chain = HookChain(names.flatMap { name in all.links.filter { $0.hook.name == name } })
        // The object is kept, so that its identity is not given to another meanwhile.
        chains[key] = (plugins, chain)
        return chain
    }
}

extension HookRefusal {
    /// The hook's code where packets of `type` may carry it and it says that something failed, else `standard`
    /// [MQTT-3.2.2-8, 3.4.2-1, 3.5.2-1, 3.14.2-1].
    func code(in type: PacketType, else standard: ReasonCode = .notAuthorized) -> ReasonCode {
        guard let reasonCode, reasonCode.isError, reasonCode.isAllowed(in: type) else { return standard }
        return reasonCode
    }
}

/// What the hooks of a point have decided together.
package enum HookOutcome<Modifiers: Sendable> {
    /// No hook is registered at this point.
    case nobody
    /// A hook said yes, with these changes; nil = with none.
    case ok(Modifiers?)
    /// A hook said no.
    case refused(HookRefusal)
    /// All hooks said `next`.
    case exhausted
    /// One hook answers later; the course says which, and which ones come after it.
    case pending(HookCourse)
}

extension HookChain {
    /// Asks the hooks in order until one of them decides (`all_till_ok`).
    ///
    /// - Parameters:
    ///   - start: the hook to begin with.
    ///   - call: asks one hook and checks its answer.
    func ask<Modifiers>(
        from start: Int = 0, counters: LoopCounters,
        _ call: (any Hook) -> HookAnswerCheck.Checked<Modifiers>
    ) -> HookOutcome<Modifiers> {
        for index in start..<links.count {
            let link = links[index]
            counters.add(.hookCalls)
            let checked = call(link.hook)
            link.tally.count(checked)
            switch checked.answer {
            case .next: continue
            case .ok(let modifiers): return .ok(modifiers)
            case .refuse(let refusal):
                counters.add(.hookDenied)
                return .refused(refusal)
            case .later:
                counters.add(.hookDeferred)
                return .pending(HookCourse(chain: self, index: index))
            }
        }
        return .exhausted
    }

    /// Asks `auth_on_publish` of a message that lies in the loop's buffer. With hooks that answer at once it costs no
    /// object.
    func ask(
        of publication: inout Publication, by client: HookClient, _ ticket: HookTicket<PublishModifiers>,
        _ check: borrowing HookAnswerCheck, counters: LoopCounters
    ) -> HookOutcome<PublishModifiers> {
        for index in links.indices {
            counters.add(.hookCalls)
            let answer = links[index].hook.authOnPublish(&publication, by: client, ticket)
            switch answer {
            case .next: links[index].tally.count(.next)
            case .ok(nil):
                links[index].tally.count(.allowed)
                return .ok(nil)
            case .later:
                links[index].tally.count(.later)
                counters.add(.hookDeferred)
                return .pending(HookCourse(chain: self, index: index))
            case .ok, .refuse:
                let checked = check.checked(answer, links[index].hook)
                links[index].tally.count(checked)
                if case .ok(let modifiers) = checked.answer { return .ok(modifiers) }
                guard case .refuse(let refusal) = checked.answer else { continue }
                counters.add(.hookDenied)
                return .refused(refusal)
            }
        }
        return .exhausted
    }
}

extension HookTally {
    /// Counts an answer.
    func count<Modifiers>(_ checked: HookAnswerCheck.Checked<Modifiers>) {
        guard checked.isValid else { return count(.invalid) }
        switch checked.answer {
        case .next: count(.next)
        case .ok(nil): count(.allowed)
        case .ok: count(.changed)
        case .refuse: count(.refused)
        case .later: count(.later)
        }
    }
}
