import BrokerMetrics
import DequeModule
import MQTTCodec

/// Several connections of one client id at the same time, where the hook at `auth_on_register` allows it. There is no
/// take-over. The connections have one set of subscriptions, and each message goes to all of them or to one.
///
///     directory → first ── siblings → [ second, third ]
///                 holds the subscriptions; the routing trie knows it alone
///
/// As in VerneMQ, clean start is ignored for them. When one connection ends, the messages that it has not acknowledged
/// go to the others (`balance`) or are dropped (`fanout`); only those of the last connection stay with the session.
extension Session {
    /// The session that holds the subscriptions of this client.
    var subscriptionHolder: Session { first ?? self }

    /// Becomes the session of a further connection of the client that `first` belongs to.
    func join(_ first: Session) {
        self.first = first
        first.siblings.append(self)
    }

    /// Gives a copy that matched a subscription of this client to every connection, or to one of them.
    func deliverToSiblings(_ publication: inout Publication, _ granted: DeliveryTerms) {
        let all = [self] + siblings
        switch settings.deliverMode {
        case .balance:
            all[shard.pick(of: all.count)].deliverHere(&publication, granted)
        case .fanout:
            // The match became one copy; each further connection gets another one.
            counters.add(copiesOf: .client, siblings.count)
            counters.add(.routerMatchesLocal, siblings.count)
            for session in all { session.deliverHere(&publication, granted) }
        }
    }

    /// This connection has ended. If the client has others, hands over what they share.
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
            shard.beginRedelivery(of: message, as: &publication)
            heir.deliver(&publication, copy.terms)
            shard.measured(publication)
            shard.endRedelivery(of: message, as: &publication)
            copies.handOn(copy, .siblingRedelivered, shard)
        }
        first = nil
        shard.remove(self)
        return true
    }

    /// Makes `next` the session that the trie and the directory know. It also gets this session's handle, so that no
    /// subscription has to be made again, however many there are.
    private func promote(_ next: Session) {
        next.subscriptions = subscriptions
        subscriptions.removeAll()
        next.presence = presence
        presence = nil
        next.first = nil
        next.siblings = ContiguousArray(siblings.dropFirst())
        siblings = []
        // What is stored belongs to the client, whichever session is the first.
        next.record.keep(as: record.number)
        next.inbound.takeStored(from: inbound)
        shard.giveHandle(of: self, to: next)
        for session in next.siblings { session.first = next }
        if isKept { shard.keep(record.number, for: next.handle) }
        next.noteState()  // the row has this session's will, which goes now
    }
}
