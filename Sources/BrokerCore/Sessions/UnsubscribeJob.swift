import BrokerMetrics
import MQTTCodec
import Primitives

/// Carries out an UNSUBSCRIBE: removes its subscriptions, in slices, and then answers. When the connection ends between
/// two slices, the subscriptions that were not reached stay.
final class UnsubscribeJob: DeferredJob {
    private let session: Session
    /// The session's epoch when the packet came: another one means another connection.
    private let epoch: UInt32
    private let packet: UnsubscribePacket
    /// The filters of the packet, or those that a hook has put in their place.
    private let filters: [UTF8Text]
    private var next = 0
    private var codes: [UInt8] = []
    private var wait = StoreWait.none

    init(_ session: Session, _ packet: UnsubscribePacket, _ filters: [UTF8Text]) {
        self.session = session
        epoch = session.epoch
        self.packet = packet
        self.filters = filters
        codes.reserveCapacity(filters.count)
    }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        guard session.epoch == epoch, session.isOnline else {
            session.filterJobEnded(self)
            return false
        }
        while next < filters.count, shard.steps < end {
            codes.append(carryOut(filters[next], shard).rawValue)
            next += 1
        }
        guard next == filters.count else { return true }
        shard.hooks.notify(.onTopicUnsubscribed, .topicUnsubscribed(session.id, filters))
        session.answer(
            .unsuback(
                UnsubackPacket(
                    packetIdentifier: packet.packetIdentifier, codes: codes, properties: Properties())),
            after: wait)
        session.filterJobEnded(self)
        return false
    }

    private func carryOut(_ filter: UTF8Text, _ shard: Shard) -> ReasonCode {
        shard.count(steps: shard.steps(of: filter))
        let holder = session.subscriptionHolder
        guard holder.remove(filter) else {
            // Checked only if there is no such subscription, because a subscription may be older than the limit.
            guard session.isTooDeep(filter) else { return .noSubscriptionExisted }
            shard.counters.add(.filtersTooDeep)
            return .topicFilterInvalid
        }
        if holder.isKept {
            wait = shard.noteUrgently(.unsubscribe(session: holder.storeNumber, filter: filter))
        }
        return .success
    }
}
