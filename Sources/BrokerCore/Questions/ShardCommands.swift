import BrokerMetrics
import MQTTCodec
package import Primitives

/// What an operator may do to the sessions of a loop.
extension Shard {
    /// Ends the connections of a client; a client of MQTT 5 is told that it was an administrative action.
    ///
    /// - Parameter cleanup: its session ends as well, with its subscriptions and messages.
    /// - Returns: false when there is no such session.
    package func disconnect(_ subscriber: SubscriberID, cleanup: Bool) -> Bool {
        guard session(subscriber) != nil else { return false }
        while let online = session(subscriber), online.isOnline {
            online.disconnect(.administrativeAction, .administrative)
        }
        if cleanup, let left = session(subscriber) {
            left.publishWaitingWill()
            left.end(.clientGone(left.id), at: .onClientGone)
        }
        return true
    }

    /// Takes one subscription away from a client, which is not told.
    ///
    /// - Returns: false when it has no such subscription.
    package func unsubscribe(_ subscriber: SubscriberID, _ filter: UTF8Text) -> Bool {
        guard let session = session(subscriber) else { return false }
        count(steps: steps(of: filter))
        guard session.remove(filter) else { return false }
        if session.isKept {
            _ = noteUrgently(.unsubscribe(session: session.storeNumber, filter: filter))
        }
        return true
    }

    /// Asks `auth_on_subscribe` again about the subscriptions of a client, some at a time.
    ///
    /// - Parameters:
    ///   - userName: nil = the one that the client has.
    ///   - start: 0 to begin, then `next`.
    /// - Returns: the filters that are refused now, and where to go on; nil = all were asked about. Where a hook answers
    ///   later, the subscription stays.
    package func refusedFilters(
        of subscriber: SubscriberID, userName: UTF8Text?, from start: Int
    ) -> (refused: [UTF8Text], next: Int?) {
        guard let session = session(subscriber) else { return ([], nil) }
        return session.refusedFilters(userName, from: start)
    }

    /// Removes the retained messages of these topics; there must be no more than a turn has time for, some tens.
    package func removeRetained(_ topics: [UTF8Text], _ mountpoint: Mountpoint) {
        for topic in topics {
            count(steps: 1 + topic.count >> 6)
            guard unsafe broker.retained.remove(topic.bytes.span.bytes, mountpoint: mountpoint) != nil else {
                continue
            }
            counters.add(.retainedDeleted)
            if isStoring { _ = noteUrgently(.removeRetained(topic: topic, mountpoint)) }
        }
        retainedMessagesWent()
    }

    /// Removes retained messages whose expiry interval has passed, some nodes of the tree at a time.
    ///
    /// - Parameter start: 0 to begin, then `next`.
    package func removeExpiredRetained(from start: Int) -> (count: Int, next: Int, isMore: Bool) {
        var removed: ContiguousArray<ApplicationMessage> = []
        var position = start
        let now = now
        let isMore = broker.retained.sweep(from: &position, visits: 1024, into: &removed) {
            $0.isExpired(at: now)
        }
        for message in removed { noteExpired(message) }
        if !removed.isEmpty { retainedMessagesWent() }
        return (removed.count, position, isMore)
    }

    /// From which number on the store has messages of a session that are not in memory; nil = it has none.
    package func firstStoredNumber(of subscriber: SubscriberID) -> UInt64? {
        session(subscriber)?.firstStoredNumber
    }

    /// Drops messages that wait for a client, some hundred at a time; those in flight stay, because the client may have
    /// them.
    ///
    /// - Returns: how many were dropped, and whether more are left: call again. nil = there is no such session. Those in
    ///   the store alone are part of the number; the store deletes them within moments.
    package func purgeQueue(of subscriber: SubscriberID) -> (count: Int, isMore: Bool)? {
        session(subscriber)?.purgeQueue()
    }
}

extension Session {
    fileprivate var firstStoredNumber: UInt64? { isKept ? outbound.backlog.map(\.next) : nil }

    /// The operator has changed settings.
    func change(from before: SessionSettings, to after: SessionSettings) {
        let (sendMaximum, retryInterval) = (settings.sendMaximum, settings.retryInterval)
        settings.follow(before, to: after)
        if settings.retryInterval != retryInterval { restartRetryTimer() }
        // A client of MQTT 5 has named its own at CONNECT.
        if version != .v5 { outbound.change(receiveMaximum: settings.sendMaximum) }
        // A larger window may have room for what waits.
        if settings.sendMaximum > sendMaximum { drain() }
    }

    /// Subscriptions that hooks are asked about in one turn.
    private static let reauthorizedAtOnce = 100

    fileprivate func refusedFilters(_ userName: UTF8Text?, from start: Int) -> (
        refused: [UTF8Text], next: Int?
    ) {
        let point = HookPoint.authOnSubscribe.forVersion(version)
        let isAsked = shard.hooks.chain(point, plugins) != nil || !shard.settings.allowsAllTopics
        guard isAsked, start < subscriptions.count else { return ([], nil) }
        let end = min(subscriptions.count, start + Self.reauthorizedAtOnce)
        let refused = (start..<end).map { subscriptions[$0] }.filter { isRefused($0, userName, point) }
        return (refused.map(\.filter), end < subscriptions.count ? end : nil)
    }

    private func isRefused(_ subscription: Subscription, _ userName: UTF8Text?, _ point: HookPoint) -> Bool {
        shard.count(steps: 1)
        let event = SubscribeEvent(
            subscriber: id, userName: userName ?? self.userName,
            filters: [SubscribeFilter(subscription.filter, subscription.options)], properties: Properties(),
            version: version)
        guard let chain = shard.hooks.chain(point, plugins) else { return !shard.settings.allowsAllTopics }
        let ticket: HookTicket<[SubscribeVerdict]> = shard.ticket(.session(handle))
        let outcome = chain.ask(counters: counters) {
            shard.questions.check.checked($0.authOnSubscribe(event, ticket), count: 1, $0)
        }
        switch outcome {
        case .refused, .exhausted: return true
        case .ok(let verdicts):
            guard case .refuse? = verdicts?.first else { return false }
            return true
        case .nobody: return false
        case .pending(let course):
            // Who needs time is not waited for: the subscription stays.
            course.asked.tally.count(.abandoned)
            course.asked.tally.close(after: nil)
            return false
        }
    }

    /// Messages dropped in one turn.
    private static let purgedAtOnce = 500

    fileprivate func purgeQueue() -> (count: Int, isMore: Bool) {
        var count = 0
        while count < Self.purgedAtOnce, let copy = outbound.takeOldest() {
            lose(copy, .queuePurged)
            count += 1
        }
        shard.count(steps: count)
        guard outbound.queue.isEmptyInMemory else { return (count, true) }
        // All that is left lies in the store alone.
        count += outbound.queue.count
        purgeBacklog(.all)
        return (count, false)
    }
}
