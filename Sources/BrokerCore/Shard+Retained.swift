import BrokerMetrics
import MQTTCodec
import Primitives

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

/// Delivers what is retained under the new subscriptions of one session.
private final class RetainedScanning: DeferredJob {
    private let session: Session

    init(_ session: Session) { self.session = session }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while shard.steps < end, session.canScan { session.scanSlice(until: end) }
        session.isScanning = session.canScan
        return session.isScanning
    }
}

extension Session {
    /// Begins or goes on to deliver what is retained, if the client takes it now.
    func scanRetained() {
        guard !isScanning, canScan else { return }
        isScanning = true
        shard.perform(RetainedScanning(self))
    }

    /// Whether there is a scan that can go on. A client that lets its queue fill up is not served on until the queue
    /// has drained, so a scan of a million messages never drops one for want of room. What is retained comes behind the
    /// SUBACK, which may wait for the store.
    fileprivate var canScan: Bool {
        guard let subscribe = retainedScans.firstSubscribe, let output else { return false }
        return queue.isEmpty && !output.isBlocked
            && Int32(bitPattern: subscribe &- subscribesAnswered) <= 0
    }

    /// Retained messages, and nodes of the trie, that are looked at under its lock at once.
    private static let scanMessages = 64
    private static let scanVisits = 256

    /// Delivers a part of the first scan, and counts what it looked at.
    fileprivate func scanSlice(until end: UInt64) {
        guard var scan = retainedScans.first else { return }
        // Each part reads the filter anew: a filter of very many levels gets longer parts, so that it costs no more
        // than it has bytes and finds nodes.
        let filterLength = scan.filter.count >> 3
        let visits = max(filterLength, min(Self.scanVisits, Int(end &- shard.steps)))
        let limit = min(Self.scanMessages, visits)
        let room = settings.maxOnlineMessages < 0 ? limit : min(limit, max(1, settings.maxOnlineMessages))
        var found: ContiguousArray<ApplicationMessage> = []
        var visited = 0
        let isMore = shard.broker.retained.match(
            scan.filter.bytes, mountpoint: id.mountpoint, cursor: &scan.cursor, limit: room, visits: visits,
            visited: &visited, into: &found)
        shard.count(steps: 1 + visited + found.count)
        // Before the messages: one of them may end the session.
        if isMore { retainedScans.setFirst(scan.cursor) } else { retainedScans.removeFirst() }
        for message in found { deliver(retained: message, scan) }
    }

    private func deliver(retained message: ApplicationMessage, _ scan: RetainedScan) {
        guard !message.isExpired(at: shard.now) else {
            let removed = shard.broker.retained.remove(message.topic, mountpoint: id.mountpoint) {
                $0 === message
            }
            if removed != nil {
                shard.noteExpired(message)
                shard.retainedMessagesWent()
            }
            return
        }
        if scan.options.noLocal, message.facts.publisher == handle { return }  // [MQTT-3.8.3-3]
        counters.add(.ledgerCopiesRetained)
        var publication = Publication(message)
        let terms = DeliveryTerms(
            qos: scan.options.qos, isRetained: true, subscriptionIdentifier: scan.subscriptionIdentifier)
        deliverHere(&publication, terms)
    }
}
