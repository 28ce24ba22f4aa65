import BrokerMetrics
import MQTTCodec
import Primitives

/// Carries out a SUBSCRIBE that hooks have allowed: makes its subscriptions, in slices, and then answers.
///
/// A subscription takes effect when it is made, which may be before the SUBACK, as MQTT allows (§3.8.4). When the
/// connection ends between two slices, the subscriptions that were made stay. The client got no SUBACK and has to send
/// its SUBSCRIBE again.
final class SubscribeJob: DeferredJob {
    private let session: Session
    /// The session's epoch when the packet came: another one means another connection.
    private let epoch: UInt32
    private let packet: SubscribePacket
    /// What a hook decided for each filter; nil = all are granted as they are.
    private let verdicts: [SubscribeVerdict]?
    private var next = 0
    private var codes: [UInt8] = []
    /// The filters that were granted, for `on_subscribe`; empty if no hook is registered there.
    private var granted: [SubscribeFilter] = []
    private let notifies: Bool
    private var hasGranted = false
    /// Whether the broker itself, not a hook, refused a filter.
    private var hasFailed = false
    private var wait = StoreWait.none
    private let serial: UInt32

    init(_ session: Session, _ packet: SubscribePacket, _ verdicts: [SubscribeVerdict]?) {
        self.session = session
        epoch = session.epoch
        self.packet = packet
        self.verdicts = verdicts
        notifies = session.shard.hooks.wants(.onSubscribe.forVersion(session.version))
        serial = session.grantSubscribe()
        codes.reserveCapacity(verdicts?.count ?? packet.filters.count)
    }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        guard session.epoch == epoch, session.isOnline else {
            session.filterJobEnded(self)
            return false
        }
        let count = verdicts?.count ?? packet.filters.count
        let isUnstorable = session.subscriptionHolder.isKept && shard.broker.store.health.isFailing
        while next < count, shard.steps < end {
            let verdict = verdicts.map { $0[next] } ?? .grant(packet.filters[next])
            next += 1
            codes.append(carryOut(verdict, isUnstorable, shard))
        }
        guard next == count else { return true }
        answer(shard)
        session.filterJobEnded(self)
        session.scanRetained()
        return false
    }

    /// - Returns: the filter's code in SUBACK.
    private func carryOut(_ verdict: SubscribeVerdict, _ isUnstorable: Bool, _ shard: Shard) -> UInt8 {
        switch verdict {
        case .refuse(let code):
            shard.count(steps: 1)
            let isFit = code.isError && code.isAllowed(in: .suback)  // [MQTT-3.9.3-2]
            return refusal(isFit ? code : .notAuthorized)
        case .grant(let filter):
            shard.count(steps: shard.steps(of: filter.filter))
            guard !isUnstorable else {
                shard.counters.add(.storeSubscribesRefused)
                return failure(.quotaExceeded)
            }
            guard !session.isTooDeep(filter.filter) else {
                shard.counters.add(.filtersTooDeep)
                return failure(.topicFilterInvalid)
            }
            let isKnown = session.subscriptionHolder.subscriptions.contains(filter.filter)
            guard isKnown || hasRoom(for: filter.filter, shard.settings) else {
                shard.counters.add(.filtersOverLimit)
                return failure(.quotaExceeded)
            }
            return grant(filter, isKnown: isKnown, shard)
        }
    }

    private func refusal(_ code: ReasonCode) -> UInt8 {
        session.noteError(.subscriptionRefused)
        return session.version == .v5 ? code.rawValue : 0x80
    }

    private func failure(_ code: ReasonCode) -> UInt8 {
        hasFailed = true
        return refusal(code)
    }

    /// `max_subscriptions_per_client`, and 256 bytes for each of them together, the nodes of their levels included:
    /// filters may be 65,535 bytes long.
    private func hasRoom(for filter: UTF8Text, _ settings: BrokerSettings) -> Bool {
        let limit = settings.maxSubscriptionsPerClient
        guard limit > 0 else { return true }
        let held = session.subscriptionHolder.subscriptions
        return held.count < limit
            && held.filterByteCount + SubscriptionList.cost(of: filter)
                <= max(1 << 20, min(limit, 1 << 40) * 256)
    }

    private func grant(_ filter: SubscribeFilter, isKnown: Bool, _ shard: Shard) -> UInt8 {
        hasGranted = true
        let options = options(of: filter, shard.settings)
        let subscription = Subscription(
            filter: filter.filter, options: options,
            identifier: packet.properties.subscriptionIdentifiers.first ?? 0)
        let holder = session.subscriptionHolder
        holder.add(subscription)
        if holder.isKept {
            wait = shard.noteUrgently(
                .subscribe(session: holder.storeNumber, subscription, isNew: !isKnown))
        }
        if notifies { granted.append(filter) }
        let wantsRetained = options.retainHandling == 0 || (options.retainHandling == 1 && !isKnown)
        if wantsRetained, !subscription.isShared {
            session.scanLater(
                RetainedScan(
                    filter: filter.filter, options: options, subscriptionIdentifier: subscription.identifier,
                    subscribe: serial))
        }
        return options.qos.rawValue
    }

    private func options(of filter: SubscribeFilter, _ settings: BrokerSettings) -> SubscriptionOptions {
        let wanted = filter.options
        let qos = min(wanted.qos, settings.publish.maxQoS)
        guard session.version == .v5 else {
            // A bridge gets neither its own messages back nor a changed RETAIN flag.
            return SubscriptionOptions(
                qos: qos, noLocal: session.isBridge,
                retainAsPublished: session.isBridge, retainHandling: 0)
        }
        return SubscriptionOptions(
            qos: qos, noLocal: wanted.noLocal, retainAsPublished: wanted.retainAsPublished,
            retainHandling: wanted.retainHandling)
    }

    private func answer(_ shard: Shard) {
        if hasFailed, !hasGranted { shard.counters.add(.subscribeError, session.version.label) }
        session.answer(
            .suback(
                SubackPacket(
                    packetIdentifier: packet.packetIdentifier, codes: codes, properties: Properties())),
            after: wait, of: serial)
        if notifies {
            var event = session.event(packet)
            event.filters = granted
            shard.hooks.notify(.onSubscribe.forVersion(session.version), .subscribed(event))
        }
    }
}
