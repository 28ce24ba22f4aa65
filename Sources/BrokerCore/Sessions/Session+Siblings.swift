import BrokerMetrics
import DequeModule
import MQTTCodec

/// Several connections of one client id at once, for clients to whom the register hook allows it: no take-over, one
/// set of subscriptions, and each message for every connection or for one of them.
///
///     directory → first ── siblings → [ second, third ]
///                 holds the subscriptions; the routing trie knows it alone
///
/// VerneMQ: the clean flag is ignored for them, and what one connection has not acknowledged goes to the others
/// (`balance`) or is given up (`fanout`); it is kept only when the last connection ends.
extension Session {
    /// The session that holds the subscriptions of this client.
    var subscriptionHolder: Session { first ?? self }

    /// Becomes a further connection's session beside `first`.
    func join(_ first: Session) {
        self.first = first
        first.siblings.append(self)
    }

    /// Gives a copy that matched a subscription of this client to every connection, or to one of them.
    func deliverToSiblings(_ publication: inout Publication, _ granted: DeliveryTerms) {
        let all = [self] + siblings
        switch settings.deliverMode {
        case .balance:
            all[Int(shard.random.next() % UInt64(all.count))].deliverHere(&publication, granted)
        case .fanout:
            // One match became one copy; each further connection is a further one.
            counters.add(.ledgerCopiesLocal, siblings.count)
            counters.add(.routerMatchesLocal, siblings.count)
            for session in all { session.deliverHere(&publication, granted) }
        }
    }

    /// This connection has ended and others of the client go on: hands over what they share.
    ///
    /// - Returns: false when it was the only one.
    func leaveSiblings() -> Bool {
        let heir: Session
        if let first {
            first.siblings.removeAll { $0 === self }
            heir = first
        } else if let next = siblings.first {
            promote(next)
            heir = next
        } else {
            return false
        }
        let mode = settings.deliverMode
        let copies = takeCopies()
        while let copy = copies.next(shard) {
            guard mode == .balance, let message = copy.message else {
                copies.leave(copy, shard)
                continue
            }
            var publication = Publication(message)
            counters.add(.siblingRedelivered)
            shard.beginRedelivery(of: message)
            heir.deliver(&publication, copy.terms)
            shard.endRedelivery(of: message)
            shard.removeLate(copy.removal(for: storeNumber))
        }
        first = nil
        shard.remove(self)
        return true
    }

    /// Makes `next` the session that the trie and the directory know. It takes this one's handle as well, so that nothing
    /// has to be subscribed anew, however much there is.
    private func promote(_ next: Session) {
        next.subscriptions = subscriptions
        subscriptions.removeAll()
        next.presence = presence
        presence = nil
        next.first = nil
        next.siblings = ContiguousArray(siblings.dropFirst())
        siblings = []
        // What is kept belongs to the client, whichever connection leads.
        next.storeNumber = storeNumber
        next.storedReceived = storedReceived
        shard.giveHandle(of: self, to: next)
        for session in next.siblings { session.first = next }
        if storeNumber != 0 { shard.kept[storeNumber] = next.handle }
        next.noteState()  // the row has this session's will, which goes now
    }
}
