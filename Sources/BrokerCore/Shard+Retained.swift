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
        guard !walks.isFreeingRetained, broker.retained.holdsSpareMemory else { return }
        walks.isFreeingRetained = true
        timers.add(.retainedRelease, at: now)
    }

    func freeRetainedMemory() {
        walks.isFreeingRetained = broker.retained.freeMemory()
        if walks.isFreeingRetained { timers.add(.retainedRelease, at: now) }
    }

    func sweepRetained() {
        var removed: ContiguousArray<ApplicationMessage> = []
        let now = now
        let isMore = broker.retained.sweep(from: &walks.retainedSweep, into: &removed) {
            $0.isExpired(at: now)
        }
        for message in removed { noteExpired(message) }
        if !removed.isEmpty { retainedMessagesWent() }
        if !isMore { walks.retainedSweep = 0 }
        let next =
            isMore ? now.adding(milliseconds: 1) : now.adding(seconds: settings.retainedExpirySweepInterval)
        timers.add(.retainedSweep, at: next)
    }
}
