package import Primitives

/// How far a walk through the sessions of a loop has come. A session that comes or goes while the walk goes on may be in
/// it or not; one that stays is in it once.
package struct SessionCursor: Sendable {
    fileprivate var slot = 0
    /// Where in the session of that slot, when rows of its own are asked for.
    fileprivate var item = 0
    /// Where in its messages, when there is a row for each of them with each subscription.
    fileprivate var message = 0
    /// Whether every session has been seen.
    package fileprivate(set) var isAtEnd = false

    /// At the first session.
    package init() {}
}

/// One row of a walk: a session, and one of its subscriptions or messages if that was asked for.
package struct SessionRow: Sendable {
    package let session: SessionFacts
    package var subscription: SubscriptionFacts?
    package var message: WaitingMessage?
}

/// What a walk is to bring.
package struct SessionQuestion: Sendable {
    /// What there is a row for.
    package enum Rows: Sendable {
        /// Each session.
        case sessions
        /// Each subscription of each session; a session without any has no row.
        case subscriptions
        /// Each message that waits in memory or is in flight; a session without any has no row.
        case messages
        /// Each subscription of each session with each of its messages; a session that lacks either has no row.
        case subscriptionsAndMessages
    }

    package var rows = Rows.sessions
    /// This client alone; nil = all.
    package var clientID: UTF8Text?
    /// On this mountpoint alone; nil = on all.
    package var mountpoint: Mountpoint?
    /// Whether a client that is away is left out (`true`), or one that is there (`false`); nil = neither.
    package var isOnline: Bool?

    /// Rows for all sessions.
    package init(_ rows: Rows = .sessions) { self.rows = rows }

    fileprivate func wants(_ session: Session) -> Bool {
        if let clientID, session.id.clientID != clientID { return false }
        if let mountpoint, session.id.mountpoint != mountpoint { return false }
        return isOnline.map { $0 == session.isOnline } ?? true
    }
}

extension Shard {
    /// Sessions looked at in one slice of a walk. A slice of this many takes well under a millisecond.
    private static let walkSlots = 512
    /// Rows that one slice may bring.
    private static let walkRows = 256

    /// The next rows of a walk through the sessions that live here: one slice of it. Between two slices the loop does
    /// its own work, so that a walk through a million sessions holds up nobody; and nothing is held while its reader is
    /// slow but the cursor.
    ///
    /// - Returns: up to 256 rows, which may be none though the walk is not at its end.
    package func walk(_ question: SessionQuestion, from cursor: inout SessionCursor) -> ContiguousArray<
        SessionRow
    > {
        if let clientID = question.clientID, let mountpoint = question.mountpoint {
            return find(question, SubscriberID(mountpoint: mountpoint, clientID: clientID), &cursor)
        }
        var rows: ContiguousArray<SessionRow> = []
        var looked = 0
        while cursor.slot < sessions.slotCount, looked < Self.walkSlots, rows.count < Self.walkRows {
            looked += 1
            if let session = sessions.session(inSlot: cursor.slot), isOwn(session, cursor.slot),
                question.wants(session), append(session, question, &cursor, to: &rows)
            {
                continue  // it has more
            }
            cursor.slot += 1
            (cursor.item, cursor.message) = (0, 0)
        }
        count(steps: looked + rows.count)
        cursor.isAtEnd = cursor.slot >= sessions.slotCount
        return rows
    }

    /// A session may stand in two slots, where it has taken the place of another: it is seen in that of its handle.
    /// No operator sees the subscribers of the broker's own probes.
    private func isOwn(_ session: Session, _ slot: Int) -> Bool {
        Int(session.handle.slot) == slot && !session.isProbe
    }

    /// The client and its siblings; they are few.
    private func find(
        _ question: SessionQuestion, _ subscriber: SubscriberID, _ cursor: inout SessionCursor
    ) -> ContiguousArray<SessionRow> {
        var rows: ContiguousArray<SessionRow> = []
        let all = session(subscriber).map { [$0] + $0.siblings } ?? []
        while cursor.slot < all.count, rows.count < Self.walkRows {
            if question.wants(all[cursor.slot]), append(all[cursor.slot], question, &cursor, to: &rows) {
                continue
            }
            cursor.slot += 1
            (cursor.item, cursor.message) = (0, 0)
        }
        count(steps: 1 + rows.count)
        cursor.isAtEnd = cursor.slot >= all.count
        return rows
    }

    /// Appends rows of one session, as many as there is room for.
    ///
    /// - Returns: whether the session has more.
    private func append(
        _ session: Session, _ question: SessionQuestion, _ cursor: inout SessionCursor,
        to rows: inout ContiguousArray<SessionRow>
    ) -> Bool {
        switch question.rows {
        case .sessions:
            rows.append(SessionRow(session: session.facts))
            return false
        case .subscriptions:
            let found = session.subscriptionHolder.subscriptions
            guard cursor.item < found.count else { return false }
            let facts = session.facts
            while cursor.item < found.count, rows.count < Self.walkRows {
                var row = SessionRow(session: facts)
                row.subscription = SubscriptionFacts(found[cursor.item])
                cursor.item += 1
                rows.append(row)
            }
            return cursor.item < found.count
        case .messages:
            let facts = session.facts
            var item: Int? = cursor.item
            let found = session.waitingMessages(from: &item, limit: Self.walkRows - rows.count)
            cursor.item = item ?? 0
            for message in found {
                var row = SessionRow(session: facts)
                row.message = message
                rows.append(row)
            }
            return item != nil
        case .subscriptionsAndMessages:
            return appendPairs(of: session, &cursor, to: &rows)
        }
    }

    /// The messages of the session with the subscription that the cursor stands at.
    private func appendPairs(
        of session: Session, _ cursor: inout SessionCursor, to rows: inout ContiguousArray<SessionRow>
    ) -> Bool {
        let subscriptions = session.subscriptionHolder.subscriptions
        guard cursor.item < subscriptions.count else { return false }
        var item: Int? = cursor.message
        let messages = session.waitingMessages(from: &item, limit: Self.walkRows - rows.count)
        if cursor.message == 0, item == nil, messages.isEmpty { return false }
        let facts = session.facts
        for message in messages {
            var row = SessionRow(session: facts)
            row.subscription = SubscriptionFacts(subscriptions[cursor.item])
            row.message = message
            rows.append(row)
        }
        if let item {
            cursor.message = item
        } else {
            (cursor.item, cursor.message) = (cursor.item + 1, 0)
        }
        return cursor.item < subscriptions.count
    }
}

extension SubscriptionFacts {
    fileprivate init(_ subscription: Subscription) {
        self.init(
            filter: subscription.filter, options: subscription.options, identifier: subscription.identifier)
    }
}
