import BrokerMetrics
import MQTTCodec
import Primitives

/// SUBSCRIBE and UNSUBSCRIBE.
extension Session {
    // MARK: SUBSCRIBE

    func authorize(_ packet: SubscribePacket) {
        guard shard.hooks.chain(.authOnSubscribe.forVersion(version), plugins) != nil else {
            return shard.settings.allowsAllTopics ? grant(packet, nil) : deny(packet, HookRefusal())
        }
        let question = shard.question(about: event(packet), plugins) { [unowned self] outcome in
            switch outcome {
            case .nobody: grant(packet, nil)
            case .ok(let verdicts): grant(packet, verdicts)
            case .refused(let refusal): deny(packet, refusal)
            case .exhausted, .pending: deny(packet, HookRefusal())
            }
        }
        shard.ask(question, self)
    }

    func event(_ packet: SubscribePacket) -> SubscribeEvent {
        SubscribeEvent(
            subscriber: id, userName: connection.userName, filters: packet.filters,
            properties: packet.properties,
            version: version)
    }

    func deny(_ packet: SubscribePacket, _ refusal: HookRefusal) {
        counters.add(.subscribeAuthError, version.label)
        noteError(.subscriptionRefused)
        let allowed: [ReasonCode] = [
            .notAuthorized, .clientIdentifierNotValid, .unspecifiedError, .quotaExceeded,
        ]
        var code = ReasonCode.unspecifiedError
        if version == .v5 {
            code = refusal.reasonCode.flatMap { allowed.contains($0) ? $0 : nil } ?? .notAuthorized
        }
        let codes = [UInt8](repeating: code.rawValue, count: packet.filters.count)
        answer(
            .suback(
                SubackPacket(
                    packetIdentifier: packet.packetIdentifier, codes: codes, properties: Properties())),
            after: .none)
    }

    /// - Parameter verdicts: what a hook decided for each filter; nil = all are granted as they are.
    func grant(_ packet: SubscribePacket, _ verdicts: [SubscribeVerdict]?) {
        perform(filterJob: SubscribeJob(self, packet, verdicts))
    }

    /// - Returns: the number of a SUBSCRIBE that is being granted.
    func grantSubscribe() -> UInt32 { inbound.grantSubscribe() }

    /// What is retained under a new subscription is to be looked for after the SUBACK.
    func scanLater(_ scan: RetainedScan) { outbound.append(scan) }

    /// Puts a subscription in place; an equal filter is replaced [MQTT-3.8.4-3].
    func add(_ subscription: Subscription) {
        subscriptions.set(subscription)
        var target = SubscriptionTarget(
            session: handle, options: subscription.options.rawValue,
            subscriptionIdentifier: subscription.identifier, storeNumber: record.number)
        let isShared = SharedFilter(subscription.filter) != nil
        if isShared {
            let presence = self.presence ?? SessionPresence(isOnline ? .online : .offline)
            self.presence = presence
            target = SubscriptionTarget(
                session: handle, options: target.options | SubscriptionTarget.sharedBit,
                subscriptionIdentifier: subscription.identifier, storeNumber: record.number)
        }
        shard.route(subscription.filter, id.mountpoint, to: target, isShared ? presence : nil)
    }

    // MARK: UNSUBSCRIBE

    func ask(_ packet: UnsubscribePacket) {
        guard shard.hooks.wants(.onUnsubscribe.forVersion(version)) else {
            return finish(packet, packet.filters)
        }
        let event = UnsubscribeEvent(
            subscriber: id, userName: connection.userName, filters: packet.filters,
            properties: packet.properties,
            version: version)
        let question = shard.question(about: event) { [unowned self] outcome in
            if case .ok(let filters?) = outcome {
                finish(packet, filters)
            } else {
                finish(packet, packet.filters)
            }
        }
        shard.ask(question, self)
    }

    func finish(_ packet: UnsubscribePacket, _ filters: [UTF8Text]) {
        if subscriptionHolder.isKept, shard.broker.store.health.isFailing {
            refuseUnstorable(packet, filters.count)
            return
        }
        perform(filterJob: UnsubscribeJob(self, packet, filters))
    }

    /// The store takes no writes, so the subscriptions stay. MQTT 3 has no code for that, so the client gets no answer.
    private func refuseUnstorable(_ packet: UnsubscribePacket, _ count: Int) {
        counters.add(.storeUnsubscribesRefused)
        counters.add(.unsubscribeError, version.label)
        guard version == .v5 else { return }
        let codes = [UInt8](repeating: ReasonCode.unspecifiedError.rawValue, count: count)
        answer(
            .unsuback(
                UnsubackPacket(
                    packetIdentifier: packet.packetIdentifier, codes: codes, properties: Properties())),
            after: .none)
    }

    /// - Returns: false when there was no such subscription.
    func remove(_ filter: UTF8Text) -> Bool {
        guard subscriptions.remove(filter) else { return false }
        outbound.forgetScan(of: filter)
        for sibling in siblings { sibling.forgetScan(of: filter) }
        forget(filter)
        return true
    }

    private func forgetScan(of filter: UTF8Text) { outbound.forgetScan(of: filter) }

    /// Takes one filter out of the routing trie.
    func forget(_ filter: UTF8Text) {
        shard.endRoute(filter, id.mountpoint, to: handle)
    }
}
