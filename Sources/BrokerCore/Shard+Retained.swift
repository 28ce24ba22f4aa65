import BrokerMetrics
import MQTTCodec
import Primitives

/// A new subscription's way through the retained messages, a slice at a time.
struct RetainedScan {
    var filter: UTF8Text
    var options: SubscriptionOptions
    var subscriptionIdentifier: UInt32
    var cursor = RetainedTrie<ApplicationMessage>.Cursor()
}

extension Shard {
    /// Sets, replaces or removes the retained message of a topic [MQTT-3.3.1-5…7].
    ///
    /// - Returns: what tells that the change is committed.
    func retain(_ publication: inout Publication) -> StoreWait {
        let mountpoint = publication.facts.mountpoint
        if publication.payload.byteCount == 0 {
            guard broker.retained.remove(publication.topic, mountpoint: mountpoint) != nil else {
                return .none
            }
            counters.add(.retainedDeleted)
            retainedMessagesWent()
            guard isStoring else { return .none }
            return noteRetained(
                .removeRetained(topic: UTF8Text(copying: publication.topic), mountpoint),
                publication.facts.qos)
        }
        let message = publication.sharedMessage()
        let replaced = broker.retained.set(
            message.topic, mountpoint: mountpoint, message: message, byteCount: message.byteCount)
        counters.add(.retainedSet)
        return isStoring
            ? noteRetained(.retain(message, isNew: replaced == nil), publication.facts.qos) : .none
    }

    private func noteRetained(_ change: StoreBatch.Change, _ qos: QoS) -> StoreWait {
        if qos != .atMostOnce { return noteUrgently(change) }
        note(change)
        return .none
    }

    /// An expired message that was found and removed is removed from the store as well.
    func noteExpired(_ message: ApplicationMessage) {
        counters.add(.retainedExpired)
        if isStoring {
            note(.removeRetained(topic: UTF8Text(copying: message.topic), message.facts.mountpoint))
        }
    }

    /// Retained messages each slice delivers at most; several slices share a turn's end.
    private static let sliceSize = 200

    func scheduleScans(of session: Session) {
        if !scanning.contains(session.handle) { scanning.append(session.handle) }
    }

    /// One slice for each session that is being served; those with more to come stay in the list.
    func continueScans() {
        var waiting: ContiguousArray<SessionHandle> = []
        swap(&waiting, &scanning)
        for (position, handle) in waiting.enumerated() {
            // A bounded number in one turn: thousands of clients may subscribe at once.
            guard position < 16 else {
                scanning.append(handle)
                continue
            }
            guard let session = session(handle), session.isOnline else { continue }
            if session.scanSlice(limit: Self.sliceSize) { scanning.append(handle) }
        }
    }

    /// After the last of a million messages their nodes are given back in steps; all at once took 8 to 14 ms.
    func retainedMessagesWent() {
        guard !isReleasingRetained, broker.retained.holdsSpareMemory else { return }
        isReleasingRetained = true
        timers.add(.retainedRelease, at: now)
    }

    func releaseRetained() {
        isReleasingRetained = broker.retained.releaseMemory()
        if isReleasingRetained { timers.add(.retainedRelease, at: now) }
    }

    func sweepRetained() {
        var removed: ContiguousArray<ApplicationMessage> = []
        let now = now
        let isMore = broker.retained.sweep(from: &sweepPosition, into: &removed) { $0.isExpired(at: now) }
        for message in removed { noteExpired(message) }
        if !removed.isEmpty { retainedMessagesWent() }
        if !isMore { sweepPosition = 0 }
        let next =
            isMore ? now.adding(milliseconds: 1) : now.adding(seconds: settings.retainedExpirySweepInterval)
        timers.add(.retainedSweep, at: next)
    }
}

extension Session {
    /// Begins to deliver what is retained under a new subscription; the first slice at once.
    func start(_ scan: RetainedScan) {
        retainedScans.append(scan)
        if scanSlice(limit: 50) { shard.scheduleScans(of: self) }
    }

    /// Delivers one slice of the first scan.
    ///
    /// - Returns: true when there is more and the client takes it. A client that lets its queue fill up is not
    ///   served on until the queue has drained, so a scan of a million messages never drops one for want of room.
    func scanSlice(limit: Int) -> Bool {
        guard var scan = retainedScans.first, let output else { return false }
        guard queue.isEmpty, !output.isBlocked else { return false }
        let room = settings.maxOnlineMessages < 0 ? limit : min(limit, max(1, settings.maxOnlineMessages))
        var found: ContiguousArray<ApplicationMessage> = []
        let isMore = shard.broker.retained.match(
            scan.filter.bytes, mountpoint: id.mountpoint, cursor: &scan.cursor, limit: room, into: &found)
        for message in found {
            if message.isExpired(at: shard.now) {
                let isRemoved =
                    shard.broker.retained.remove(
                        message.topic, mountpoint: id.mountpoint
                    ) { $0 === message } != nil
                if isRemoved {
                    shard.noteExpired(message)
                    shard.retainedMessagesWent()
                }
                continue
            }
            if scan.options.noLocal, message.facts.publisher == handle { continue }  // [MQTT-3.8.3-3]
            counters.add(.ledgerCopiesRetained)
            var publication = Publication(message)
            let terms = DeliveryTerms(
                qos: scan.options.qos, isRetained: true, subscriptionIdentifier: scan.subscriptionIdentifier)
            deliverHere(&publication, terms)
        }
        if retainedScans.isEmpty { return false }
        if isMore { retainedScans[0] = scan } else { retainedScans.removeFirst() }
        return !retainedScans.isEmpty && queue.isEmpty && !output.isBlocked
    }
}
