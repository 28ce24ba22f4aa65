import BrokerMetrics
package import MQTTCodec

/// Clients that wait while more is on its way to the store than memory should hold. Packets that would add to it stay
/// in their sockets until the store has caught up; nothing else waits. CONNECT packets that wait may hold as many bytes
/// together as the mark says. Beyond that a client is told that the server is busy, and so is a client that waits when
/// a newer connection with its client id comes.
///
///     bytes on their way ≥ mark    PUBLISH (QoS 1, 2, RETAIN), SUBSCRIBE, UNSUBSCRIBE, acknowledgements, CONNECT wait
///     a commit, and below half     they go on
struct StoreQueue {
    /// Bytes on this loop's way to the store above which clients wait.
    let mark: Int
    /// Sessions whose connections are not read because of it.
    fileprivate var paused: Set<SessionHandle> = []
    /// Clients whose CONNECT waits, by number.
    fileprivate var connecting: [UInt64: ConnectHandshake] = [:]
    fileprivate var numbers: [SubscriberID: UInt64] = [:]
    fileprivate var connectingByteCount = 0
    /// A `ConnectRelease` is under way.
    fileprivate var isReleasing = false
    /// Whether a client waits.
    var isHeld: Bool { !paused.isEmpty || !connecting.isEmpty }

    init(mark: Int) { self.mark = mark }
}

extension Shard {
    /// Whether more is on its way to the store than the mark allows.
    @inline(__always)
    var isStoreBehind: Bool { outbox.byteCount >= storage.queue.mark }

    /// Stops reading the session's connection until the store has caught up, and counts that.
    func pauseForStore(_ session: Session, _ counter: Counter) {
        counters.add(counter)
        session.pauseReading(.overload)
        storage.queue.paused.insert(session.handle)
        askForRemovalNotices()
    }

    /// The session's connection has ended: nobody has to read it again.
    func forgetPauses(of session: Session) {
        overload.forget(session.handle)
        if !storage.queue.paused.isEmpty { storage.queue.paused.remove(session.handle) }
    }

    /// Whether a client must wait before its session is made, resumed or replaced.
    func mustWaitForStore(_ attempt: ConnectAttempt) -> Bool {
        isStoreBehind
            && (attempt.sessionExpiryInterval != 0 || attempt.will != nil
                || session(attempt.subscriber)?.isKept == true)
    }

    /// - Returns: a number for `forgetStorePause`; nil when no more may wait.
    func pauseForStore(_ handshake: ConnectHandshake) -> UInt64? {
        let subscriber = handshake.attempt.subscriber
        if let older = storage.queue.numbers[subscriber] {
            storage.queue.connecting[older]?.giveUpWaitingForStore()
        }
        let byteCount = handshake.attempt.byteCount
        guard storage.queue.connectingByteCount + byteCount <= storage.queue.mark else { return nil }
        counters.add(.storePausesConnect)
        let serial = questions.takeSerial()
        storage.queue.connecting[serial] = handshake
        storage.queue.numbers[subscriber] = serial
        storage.queue.connectingByteCount += byteCount
        askForRemovalNotices()
        return serial
    }

    func forgetStorePause(_ serial: UInt64) {
        guard let handshake = storage.queue.connecting.removeValue(forKey: serial) else { return }
        storage.queue.numbers[handshake.attempt.subscriber] = nil
        storage.queue.connectingByteCount -= handshake.attempt.byteCount
    }

    /// At the end of a turn: lets the clients that wait go on, if the store has caught up.
    func resumeAfterStore() {
        guard storage.queue.isHeld else { return }
        for loop in outbox.removals.sent.indices { trimRemovals(loop) }
        guard outbox.byteCount <= storage.queue.mark / 2 else { return }
        for handle in storage.queue.paused { session(handle)?.resumeReading(.overload) }
        storage.queue.paused = []
        guard !storage.queue.connecting.isEmpty, !storage.queue.isReleasing else { return }
        storage.queue.isReleasing = true
        performLater(ConnectRelease(storage.queue.connecting.keys.sorted()))
    }

    /// - Returns: false when the client did not wait any more.
    fileprivate func resumeAfterStore(_ serial: UInt64) -> Bool {
        guard let handshake = storage.queue.connecting[serial] else { return false }
        forgetStorePause(serial)
        handshake.storeHasCaughtUp()
        return true
    }

    /// Removals that other loops have not committed count as well. Asks those loops for a letter when they have.
    func askForRemovalNotices() {
        for other in broker.horizons { other.requestNotice(for: index) }
    }

    func setStoreGauges() {
        guard isStoring else { return }
        for loop in outbox.removals.sent.indices { trimRemovals(loop) }
        counters.set(.storeBacklogBytes, to: outbox.byteCount)
        counters.set(.storeBacklogMark, to: storage.queue.mark)
        counters.set(.storeHeldClients, to: storage.queue.paused.count + storage.queue.connecting.count)
    }
}

/// Lets clients whose CONNECT waited for the store go on, in the order in which they came. Each checks again whether it
/// must wait, for those before it may have filled the store's backlog again.
private final class ConnectRelease: DeferredJob {
    private var serials: ArraySlice<UInt64>
    /// Steps that the start of a session counts for.
    private static let cost = 8

    init(_ serials: [UInt64]) { self.serials = serials[...] }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while shard.steps < end, let serial = serials.popFirst() {
            shard.count(steps: shard.resumeAfterStore(serial) ? Self.cost : 1)
        }
        if serials.isEmpty { shard.storage.queue.isReleasing = false }
        return !serials.isEmpty
    }
}

extension Session {
    /// Whether the packet may be taken now. If not, it stays where it is, and the connection is not read until the
    /// store has caught up.
    @inline(__always)
    package func takes(_ header: FixedHeader) -> Bool {
        // QoS 0 without RETAIN is never stored.
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
        shard.pauseForStore(self, counter)
        return false
    }

    /// Notes the state of the session to be stored. It replaces a state of the session that is in the open batch
    /// already.
    func noteState(isNew: Bool = false) {
        guard isKept else { return }
        forgetWill()  // the session's row has it from now on
        let state = stored
        shard.noteState(state, isNew: isNew, in: &record)
    }
}
