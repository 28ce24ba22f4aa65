import BrokerMetrics
import MQTTCodec
import Primitives

/// SUBSCRIBE and UNSUBSCRIBE.
extension Session {
    func receive(_ packet: SubscribePacket) {
        counters.add(.subscribeReceived, version.label)
        guard depthIsAllowed(packet.filters.map(\.filter)) else { return }
        authorize(packet, after: nil)
    }

    func receive(_ packet: UnsubscribePacket) {
        counters.add(.unsubscribeReceived, version.label)
        guard depthIsAllowed(packet.filters) else { return }
        ask(packet, after: nil)
    }

    private func depthIsAllowed(_ filters: [UTF8Text]) -> Bool {
        let limit = shard.settings.topicMaxDepth
        guard limit > 0 else { return true }
        for filter in filters where filter.bytes.count(where: { $0 == UInt8(ascii: "/") }) >= limit {
            disconnect(.malformedPacket, .malformed)
            return false
        }
        return true
    }

    // MARK: SUBSCRIBE

    func authorize(_ packet: SubscribePacket, after course: HookCourse?) {
        let point = HookPoint.authOnSubscribe.forVersion(version)
        let serial = shard.nextHookSerial()
        let ticket = shard.ticket(.session(handle), serial: serial)
        let event = event(packet)
        let outcome: HookOutcome<[SubscribeVerdict]> = shard.hooks.ask(
            point, after: course, counters: counters
        ) {
            shard.hookCheck.checked($0.authOnSubscribe(event, ticket), count: packet.filters.count, $0)
        }
        switch outcome {
        case .nobody: grant(packet, packet.filters.map { .grant($0) })
        case .ok(let verdicts): grant(packet, verdicts ?? packet.filters.map { .grant($0) })
        case .refused(let refusal): deny(packet, refusal)
        case .exhausted: deny(packet, HookRefusal())
        case .pending(let course):
            wait(for: PendingHook(serial: serial, course: course, question: .subscribe(packet)))
        }
    }

    private func event(_ packet: SubscribePacket) -> SubscribeEvent {
        SubscribeEvent(
            subscriber: id, userName: userName, filters: packet.filters, properties: packet.properties,
            version: version)
    }

    func deny(_ packet: SubscribePacket, _ refusal: HookRefusal) {
        counters.add(.subscribeAuthError, version.label)
        let allowed: [ReasonCode] = [
            .notAuthorized, .clientIdentifierNotValid, .unspecifiedError, .quotaExceeded,
        ]
        var code = ReasonCode.unspecifiedError
        if version == .v5 {
            code = refusal.reasonCode.flatMap { allowed.contains($0) ? $0 : nil } ?? .notAuthorized
        }
        let codes = [UInt8](repeating: code.rawValue, count: packet.filters.count)
        send(
            .suback(
                SubackPacket(
                    packetIdentifier: packet.packetIdentifier, codes: codes, properties: Properties())))
    }

    func grant(_ packet: SubscribePacket, _ verdicts: [SubscribeVerdict]) {
        let identifier = packet.properties.subscriptionIdentifiers.first ?? 0
        var codes: [UInt8] = []
        var scans: [RetainedScan] = []
        var granted: [SubscribeFilter] = []
        var wait = StoreWait.none
        let isUnstorable = subscriptionHolder.isKept && shard.broker.store.health.isFailing
        for verdict in verdicts {
            switch verdict {
            case .refuse(let code):
                let isFit = code.isError && code.isAllowed(in: .suback)  // [MQTT-3.9.3-2]
                codes.append(version == .v5 ? (isFit ? code : .notAuthorized).rawValue : 0x80)
            case .grant where isUnstorable:
                counters.add(.storeSubscribesRefused)
                codes.append(version == .v5 ? ReasonCode.quotaExceeded.rawValue : 0x80)
            case .grant(let filter):
                let limit = shard.settings.maxSubscriptionsPerClient
                let holder = subscriptionHolder
                let isKnown = holder.subscriptions.contains(filter.filter)
                if limit > 0, !isKnown, holder.subscriptions.count >= limit {
                    codes.append(version == .v5 ? ReasonCode.quotaExceeded.rawValue : 0x80)
                    continue
                }
                var options = filter.options
                if options.qos > shard.settings.maxQoS {
                    options = SubscriptionOptions(
                        qos: shard.settings.maxQoS, noLocal: options.noLocal,
                        retainAsPublished: options.retainAsPublished, retainHandling: options.retainHandling)
                }
                if version != .v5 {
                    // A bridge gets neither its own messages back nor a changed RETAIN flag.
                    options = SubscriptionOptions(
                        qos: options.qos, noLocal: isBridge, retainAsPublished: isBridge, retainHandling: 0)
                }
                let subscription = Subscription(
                    filter: filter.filter, options: options, identifier: identifier)
                holder.add(subscription)
                if holder.isKept {
                    wait = shard.noteUrgently(
                        .subscribe(session: holder.storeNumber, subscription, isNew: !isKnown))
                }
                codes.append(options.qos.rawValue)
                granted.append(filter)
                let isShared = SharedFilter(filter.filter) != nil
                if !isShared, options.retainHandling == 0 || (options.retainHandling == 1 && !isKnown) {
                    scans.append(
                        RetainedScan(
                            filter: filter.filter, options: options, subscriptionIdentifier: identifier))
                }
            }
        }
        answer(
            .suback(
                SubackPacket(
                    packetIdentifier: packet.packetIdentifier, codes: codes, properties: Properties())),
            after: wait)
        if shard.hooks.wants(.onSubscribe.forVersion(version)) {
            var event = event(packet)
            event.filters = granted
            shard.hooks.notify(.onSubscribe.forVersion(version), .subscribed(event))
        }
        for scan in scans { start(scan) }
    }

    /// Puts a subscription in place; an equal filter is replaced [MQTT-3.8.4-3].
    func add(_ subscription: Subscription) {
        subscriptions.set(subscription)
        var target = SubscriptionTarget(
            session: handle, options: subscription.options.rawValue,
            subscriptionIdentifier: subscription.identifier, storeNumber: storeNumber)
        if let shared = SharedFilter(subscription.filter) {
            target = SubscriptionTarget(
                session: handle, options: target.options | SubscriptionTarget.sharedBit,
                subscriptionIdentifier: subscription.identifier, storeNumber: storeNumber)
            _ = shard.subscriptionTrie.subscribe(
                shared.filter.bytes, shareName: shared.shareName.bytes, mountpoint: id.mountpoint,
                target: target,
                isOnline: isOnline)
        } else {
            _ = shard.subscriptionTrie.subscribe(
                subscription.filter.bytes, shareName: nil, mountpoint: id.mountpoint, target: target,
                isOnline: isOnline)
        }
    }

    // MARK: UNSUBSCRIBE

    func ask(_ packet: UnsubscribePacket, after course: HookCourse?) {
        let point = HookPoint.onUnsubscribe.forVersion(version)
        let serial = shard.nextHookSerial()
        let ticket = shard.ticket(.session(handle), serial: serial)
        let event = UnsubscribeEvent(
            subscriber: id, userName: userName, filters: packet.filters, properties: packet.properties,
            version: version)
        let outcome: HookOutcome<[UTF8Text]> = shard.hooks.ask(point, after: course, counters: counters) {
            shard.hookCheck.checked($0.onUnsubscribe(event, ticket), count: packet.filters.count, $0)
        }
        switch outcome {
        case .ok(let filters): finish(packet, filters ?? packet.filters)
        case .nobody, .exhausted, .refused: finish(packet, packet.filters)
        case .pending(let course):
            wait(for: PendingHook(serial: serial, course: course, question: .unsubscribe(packet)))
        }
    }

    func finish(_ packet: UnsubscribePacket, _ filters: [UTF8Text]) {
        var codes: [UInt8] = []
        var wait = StoreWait.none
        if subscriptionHolder.isKept, shard.broker.store.health.isFailing {
            refuseUnstorable(packet, filters.count)
            return
        }
        for filter in filters {
            let holder = subscriptionHolder
            let existed = holder.remove(filter)
            if existed, holder.isKept {
                wait = shard.noteUrgently(.unsubscribe(session: holder.storeNumber, filter: filter))
            }
            codes.append((existed ? ReasonCode.success : .noSubscriptionExisted).rawValue)
        }
        shard.hooks.notify(.onTopicUnsubscribed, .topicUnsubscribed(id, filters))
        answer(
            .unsuback(
                UnsubackPacket(
                    packetIdentifier: packet.packetIdentifier, codes: codes, properties: Properties())),
            after: wait)
    }

    /// The store takes nothing: the subscriptions stay. MQTT 3 has no code for it and gets no answer.
    private func refuseUnstorable(_ packet: UnsubscribePacket, _ count: Int) {
        counters.add(.storeUnsubscribesRefused)
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
        retainedScans.removeAll { $0.filter == filter }
        forget(filter)
        return true
    }

    /// Takes one filter out of the routing trie.
    func forget(_ filter: UTF8Text) {
        if let shared = SharedFilter(filter) {
            _ = shard.subscriptionTrie.unsubscribe(
                shared.filter.bytes, shareName: shared.shareName.bytes, mountpoint: id.mountpoint,
                session: handle)
        } else {
            _ = shard.subscriptionTrie.unsubscribe(
                filter.bytes, shareName: nil, mountpoint: id.mountpoint, session: handle)
        }
    }
}
