/// The equations between the counters of messages (docs/architecture.md, "Accounting"). Each is exported as a residual:
/// the left side less the right side. It is 0 when every message is accounted for.
///
/// A loop's block is consistent in itself, for it is copied between two turns. Blocks of different loops may
/// be copied at different moments: a copy that changes loops is counted by the sender as posted and by the
/// receiver as taken, so `delivery` balances whatever the order of the copies.
public enum LedgerEquation: String, CaseIterable, Sendable {
    /// `received − (accepted + Σ rejected{reason} + duplicate + pending)`; pending waits for a hook's answer.
    case ingress
    /// `router_matches_local − Σ copies{origin ≠ retained}`: each match of a routed message became one copy.
    /// Retained messages are copied at SUBSCRIBE and are no matches.
    case routing
    /// `Σ copies{origin} + loaded
    ///  − (delivered + Σ drops{reason} + handed_over + queued + inflight + output + (posted − taken))`.
    case delivery
    /// `posted − taken`: copies between two loops. It is 0 when the loops rest. Under load it may be positive for a
    /// moment, or negative when the receiver's block was copied later than the sender's. If a value other than 0 stays,
    /// a letter was lost.
    case transit
    /// `store_rows{kind="copies"} − store_copies`: copies in the store by its own count (rows found at the start and
    /// written since, less rows deleted), less copies in the store as the loops know them. Not 0 while batches are on
    /// their way to the store; 0 when the loops rest.
    case storage
    /// `queue_message_in − (out + drop + unhandled) − (queued + inflight + output)`: VerneMQ's counters of queues
    /// (`VerneMQQueues`) say what waits in them. A loop's own block fits it, so it is 0 at every moment.
    case queue

    /// The store's own count of its rows, of which those with `kind="copies"` are in the equation `storage`.
    static let storeRows = "store_rows"
    /// Not 0 while the store takes no writes.
    static let storeFailing = "store_failing"

    /// The equation in plain sentences, for `docs/metrics.md`.
    public var meaning: String {
        switch self {
        case .ingress:
            """
            Every PUBLISH of a client that reached the broker was accepted, rejected with a reason, a repetition of a QoS 2 message \
            that was there already, or waits for the answer of a hook. One that is too large or malformed reached the \
            broker as soon as its fixed header said that it is a PUBLISH; a PUBLISH of which only a part came before \
            its connection ended did not.
            """
        case .routing:
            "Every subscription that a message matched when it was routed became one copy, whoever had published it."
        case .delivery:
            """
            Every copy was delivered, was lost with a reason, waits in a queue, is in flight (sent with QoS 1 or 2 and \
            not acknowledged), waits in the output of a connection (QoS 0), or is between two event loops. QoS 0 is \
            delivered when the kernel has taken the packet's last byte, QoS 1 and 2 when the client has acknowledged it.
            """
        case .transit:
            "Every copy that a loop posted to another was taken there. Not 0 while copies are on their way."
        case .storage:
            """
            The store holds as many copies as the sessions know to be stored. Not 0 while batches are on their way to \
            the store; shown as 0 while the store takes no writes.
            """
        case .queue:
            """
            Every message that came into a client queue left it, was lost, or still waits: in the queue, in flight, or \
            in the output of a connection. The three counters are sums over the ledger's own.
            """
        }
    }

    /// The residual over summed blocks.
    ///
    /// - Parameters:
    ///   - words: a block, or the sum of several.
    ///   - presentCopies: copies in the store, by the store's own count.
    public func residual(of words: [UInt64], presentCopies: Int64 = 0) -> Int64 {
        func word(_ index: Int) -> Int64 { index < words.count ? Int64(bitPattern: words[index]) : 0 }
        func sum(_ indices: [Int]) -> Int64 { indices.reduce(0) { $0 &+ word($1) } }
        func of(_ counter: Counter) -> Int64 { word(counter.word) }
        let copies = sum(PublicationOrigin.allCases.map(\.copiesWord))
        let inTransit = of(.ledgerPosted) &- of(.ledgerTaken)
        let waiting = sum([LoopGauge.queuedMessages, .inflightMessages, .outputMessages].map(\.word))
        switch self {
        case .ingress:
            let rejected = sum(RejectReason.allCases.map(\.word))
            let pending = word(LoopGauge.publishesPending.word)
            return of(.ledgerReceived) &- word(PublicationOrigin.client.messagesWord) &- rejected
                &- of(.ledgerDuplicate) &- pending
        case .routing:
            return of(.routerMatchesLocal) &- copies &+ word(PublicationOrigin.retained.copiesWord)
        case .delivery:
            let dropped = sum(DropReason.allCases.map(\.word))
            let made = copies &+ of(.ledgerLoaded)
            return made &- of(.ledgerDelivered) &- dropped &- of(.ledgerHandedOver) &- waiting &- inTransit
        case .transit:
            return inTransit
        case .storage:
            return presentCopies &- word(LoopGauge.storedCopies.word)
        case .queue:
            let left = VerneMQQueues.messageOut + VerneMQQueues.drop + VerneMQQueues.unhandled
            return sum(VerneMQQueues.messageIn) &- sum(left) &- waiting
        }
    }
}
