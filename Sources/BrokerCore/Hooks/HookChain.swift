package import BrokerMetrics
import MQTTCodec

/// The hooks of one loop, by point, in the order in which their plugins were started.
///
/// An immutable value that a loop replaces as a whole when a plugin comes or goes, so running sessions use the new
/// chain for their next call. A point that nobody wants costs one load and one branch.
package struct HookChains {
    private let chains: [[any Hook]]
    /// Bit i is set when point i has a hook.
    private let occupied: UInt64

    /// The chains of these hooks, each in the order of `hooks`.
    package init(_ hooks: [any Hook] = []) {
        var occupied: UInt64 = 0
        chains = HookPoint.allCases.enumerated().map { index, point in
            let chain = hooks.filter { $0.points.contains(point) }
            if !chain.isEmpty { occupied |= 1 << UInt64(index) }
            return chain
        }
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

    /// The hooks at `point`, in the order in which they are asked.
    package subscript(point: HookPoint) -> [any Hook] { chains[point.index] }

    /// Whether a hook is registered at `point`.
    package func wants(_ point: HookPoint) -> Bool { occupied & 1 << UInt64(point.index) != 0 }

    /// Tells every hook at `point`; the event is only made when somebody listens.
    package func notify(_ point: HookPoint, _ notification: @autoclosure () -> HookNotification) {
        guard wants(point) else { return }
        let event = notification()
        for hook in self[point] { hook.notify(event) }
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

extension HookChains {
    /// Asks the hooks at `point` in order until one of them decides (`all_till_ok`).
    ///
    /// - Parameters:
    ///   - course: where to go on, if a hook that answered later said `next`; nil = begin with the first hook.
    ///   - call: asks one hook and checks its answer.
    package func ask<Modifiers>(
        _ point: HookPoint, after course: HookCourse? = nil, counters: LoopCounters,
        _ call: (any Hook) -> HookAnswer<Modifiers>
    ) -> HookOutcome<Modifiers> {
        guard course != nil || wants(point) else { return .nobody }
        let chain = course?.rest ?? self[point][...]
        for index in chain.indices {
            counters.add(.hookCalls)
            switch call(chain[index]) {
            case .next: continue
            case .ok(let modifiers): return .ok(modifiers)
            case .refuse(let refusal):
                counters.add(.hookDenied)
                return .refused(refusal)
            case .later:
                counters.add(.hookDeferred)
                return .pending(HookCourse(asked: chain[index], rest: chain[(index + 1)...]))
            }
        }
        return .exhausted
    }
}
