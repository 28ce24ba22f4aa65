import BrokerMetrics
import MQTTCodec
import Primitives

/// Delivers what is retained under the new subscriptions of one session.
private final class RetainedScanning: DeferredJob {
    private let session: Session

    init(_ session: Session) { self.session = session }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while shard.steps < end, session.canScan { session.scanSlice(until: end) }
        if session.canScan { return true }
        session.endScanning()
        return false
    }
}

extension Session {
    /// Begins or goes on to deliver what is retained, if the client takes it now.
    func scanRetained() {
        guard canScan, outbound.beginScanning() else { return }
        shard.perform(RetainedScanning(self))
    }

    fileprivate func endScanning() { outbound.endScanning() }

    /// Whether there is a scan that can go on. A client that lets its queue fill up is not served on until the queue
    /// has drained, so a scan of a million messages never drops one for want of room. What is retained comes behind the
    /// SUBACK, which may wait for the store.
    fileprivate var canScan: Bool {
        guard let subscribe = outbound.scans.firstSubscribe, isOnline else { return false }
        return outbound.queue.isEmpty && !connection.output.isBlocked && inbound.isAnswered(subscribe)
    }

    /// Retained messages, and nodes of the trie, that are looked at under its lock at once.
    private static let scanMessages = 64
    private static let scanVisits = 256

    /// Delivers a part of the first scan, and counts what it looked at.
    fileprivate func scanSlice(until end: UInt64) {
        guard var scan = outbound.scans.first else { return }
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
        outbound.scanned(to: scan.cursor, isMore: isMore)
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
        counters.add(copiesOf: .retained)
        var publication = Publication(message)
        var terms = DeliveryTerms(
            qos: scan.options.qos, isRetained: true, subscriptionIdentifier: scan.subscriptionIdentifier)
        terms.isRetainedMessage = true
        let outer = shard.setMeasuresApart()
        deliverHere(&publication, terms)
        shard.forgetMeasures(outer)
    }
}
