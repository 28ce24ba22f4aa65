import BrokerMetrics
package import MQTTCodec

/// What happens while more is on its way to the store than memory should hold: everything that adds to it waits, in the
/// sockets, until the store has caught up. Nothing else waits. What waiting CONNECTs hold has the same mark: beyond it a
/// client is told that the server is busy, and so is one that has been replaced by a newer connection of its client id.
///
///     bytes on their way ≥ mark    PUBLISH (QoS 1, 2, RETAIN), SUBSCRIBE, UNSUBSCRIBE, acknowledgements, CONNECT wait
///     a commit, and below half     they go on
struct StoreQueue {
    /// Bytes on this loop's way to the store above which clients wait.
    let mark: Int
    /// Sessions whose connections are not read for it.
    fileprivate var paused: Set<SessionHandle> = []
    /// Clients whose CONNECT waits, by number.
    fileprivate var connecting: [UInt64: ConnectHandshake] = [:]
    fileprivate var numbers: [SubscriberID: UInt64] = [:]
    fileprivate var connectingByteCount = 0
    /// Clients that may go on are being let in, some at a time.
    fileprivate var isReleasing = false
    /// Somebody waits.
    var isHeld: Bool { !paused.isEmpty || !connecting.isEmpty }

    init(mark: Int) { self.mark = mark }
}

extension Shard {
    /// More is on its way to the store than should be.
    @inline(__always)
    var isStoreBehind: Bool { outbox.byteCount >= storeQueue.mark }

    /// Nothing more of the session's connection is taken until the store has caught up.
    func holdForStore(_ session: Session, _ counter: Counter) {
        counters.add(counter)
        session.transport?.pauseReading(.overload)
        storeQueue.paused.insert(session.handle)
        awaitRemovals()
    }

    func forgetHeldForStore(_ session: Session) {
        if !storeQueue.paused.isEmpty { storeQueue.paused.remove(session.handle) }
    }

    /// Whether a client must wait before its session is made, resumed or replaced.
    func mustWaitForStore(_ attempt: ConnectAttempt) -> Bool {
        isStoreBehind
            && (attempt.sessionExpiryInterval != 0 || attempt.will != nil
                || session(attempt.subscriber)?.isKept == true)
    }

    /// - Returns: a number for `forgetHeldForStore`; nil when no more may wait.
    func holdForStore(_ handshake: ConnectHandshake) -> UInt64? {
        let subscriber = handshake.attempt.subscriber
        if let older = storeQueue.numbers[subscriber] {
            storeQueue.connecting[older]?.giveUpWaitingForStore()
        }
        let byteCount = handshake.attempt.byteCount
        guard storeQueue.connectingByteCount + byteCount <= storeQueue.mark else { return nil }
        counters.add(.storePausesConnect)
        let serial = nextHookSerial()
        storeQueue.connecting[serial] = handshake
        storeQueue.numbers[subscriber] = serial
        storeQueue.connectingByteCount += byteCount
        awaitRemovals()
        return serial
    }

    func forgetHeldForStore(_ serial: UInt64) {
        guard let handshake = storeQueue.connecting.removeValue(forKey: serial) else { return }
        storeQueue.numbers[handshake.attempt.subscriber] = nil
        storeQueue.connectingByteCount -= handshake.attempt.byteCount
    }

    /// At the end of a turn: lets those go on who wait, once the store has caught up.
    func releaseHeldForStore() {
        guard storeQueue.isHeld else { return }
        for loop in outbox.sentRemovals.indices { trimRemovals(loop) }
        guard outbox.byteCount <= storeQueue.mark / 2 else { return }
        for handle in storeQueue.paused { session(handle)?.transport?.resumeReading(.overload) }
        storeQueue.paused = []
        guard !storeQueue.connecting.isEmpty, !storeQueue.isReleasing else { return }
        storeQueue.isReleasing = true
        performLater(ConnectRelease(storeQueue.connecting.keys.sorted()))
    }

    /// - Returns: false when the client did not wait any more.
    fileprivate func releaseHeldForStore(_ serial: UInt64) -> Bool {
        guard let handshake = storeQueue.connecting[serial] else { return false }
        forgetHeldForStore(serial)
        handshake.storeHasCaughtUp()
        return true
    }

    /// Removals that other loops have not committed count as well: they tell when they have.
    func awaitRemovals() {
        for other in broker.horizons { other.await(for: index) }
    }

    func setStoreGauges() {
        guard isStoring else { return }
        for loop in outbox.sentRemovals.indices { trimRemovals(loop) }
        counters.set(.storeBacklogBytes, to: outbox.byteCount)
        counters.set(.storeBacklogMark, to: storeQueue.mark)
        counters.set(.storeHeldClients, to: storeQueue.paused.count + storeQueue.connecting.count)
    }
}

/// Clients whose CONNECT waited for the store go on, in the order in which they came. Each looks again: those before it
/// may have filled what had become free.
private final class ConnectRelease: DeferredJob {
    private var serials: ArraySlice<UInt64>
    /// What a session's start takes, in steps.
    private static let cost = 8

    init(_ serials: [UInt64]) { self.serials = serials[...] }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while shard.steps < end, let serial = serials.popFirst() {
            shard.count(steps: shard.releaseHeldForStore(serial) ? Self.cost : 1)
        }
        if serials.isEmpty { shard.storeQueue.isReleasing = false }
        return !serials.isEmpty
    }
}

extension Session {
    /// Whether the packet may be taken now. If not, it stays where it is, and the connection is not read until the store
    /// has caught up.
    @inline(__always)
    package func takes(_ header: FixedHeader) -> Bool {
        // QoS 0 that is not retained never gets there.
        if header.type == .publish, header.flags & 0b0111 == 0 { return true }
        return !shard.isStoreBehind || takesWhileStoreIsBehind(header.type)
    }

    private func takesWhileStoreIsBehind(_ type: PacketType) -> Bool {
        let counter: Counter
        let isRefused = shard.broker.store.health.isFailing  // and adds nothing: the client had better know
        switch type {
        case .publish where !isRefused: counter = .storePausesPublish
        case .subscribe where subscriptionHolder.isKept && !isRefused: counter = .storePausesSubscribe
        case .unsubscribe where subscriptionHolder.isKept && !isRefused: counter = .storePausesUnsubscribe
        case .puback, .pubrec, .pubrel, .pubcomp:
            guard isKept else { return true }
            counter = .storePausesAcks
        default: return true
        }
        shard.holdForStore(self, counter)
        return false
    }

    /// Keeps what is known of the session now. What was noted of it before, and has not been handed over, is replaced.
    func noteState(isNew: Bool = false) {
        guard isKept else { return }
        forgetWill()  // the session's row has it from now on
        if notedBatch == shard.outbox.openNumber, shard.outbox.open.replace(stored, at: notedChange) {
            return
        }
        shard.note(.session(stored, isNew: isNew))
        notedBatch = shard.outbox.openNumber
        notedChange = shard.outbox.open.changes.count - 1
    }
}
