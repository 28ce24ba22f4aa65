/// The equations every message must fit (docs/architecture.md, "Accounting"). Each is exported as a residual:
/// the left side less the right side, which is 0 when nothing was lost in silence.
///
/// A loop's block is consistent in itself, for it is copied between two turns. Blocks of different loops may
/// be copied at different moments: a copy that changes loops is counted by the sender as posted and by the
/// receiver as taken, so `delivery` balances whatever the order of the copies.
package enum LedgerEquation: String, CaseIterable, Sendable {
    /// `received − (accepted + Σ rejected{reason} + duplicate + pending)`; pending waits for a hook's answer.
    case ingress
    /// `router_matches_local − (copies{local} + copies{will})`: each match of a routed message became one copy.
    /// Retained messages are copied at SUBSCRIBE and are no matches.
    case routing
    /// `copies{local} + copies{retained} + copies{will} + loaded
    ///  − (delivered + Σ drops{reason} + handed_over + queued + inflight + (posted − taken))`.
    case delivery
    /// `posted − taken`: copies between two loops. 0 whenever the loops rest; under load briefly positive, or
    /// negative when the receiver's block is the younger one. A value that stays is a lost letter.
    case transit
    /// `(loaded + stored − deleted) − stored copies as the loops know them`: what lies in the store is what sessions
    /// wait for. Not 0 while batches are on their way to the store; 0 when the loops rest.
    case storage

    /// The residual over summed blocks.
    ///
    /// - Parameters:
    ///   - words: a block, or the sum of several.
    ///   - presentCopies: copies in the store, by the store's own count.
    package func residual(of words: [UInt64], presentCopies: Int64 = 0) -> Int64 {
        func word(_ index: Int) -> Int64 { index < words.count ? Int64(bitPattern: words[index]) : 0 }
        func of(_ counter: Counter) -> Int64 { word(counter.word) }
        let inTransit = of(.ledgerPosted) &- of(.ledgerTaken)
        switch self {
        case .ingress:
            let rejected = RejectReason.allCases.reduce(Int64(0)) { $0 &+ word($1.word) }
            let pending = word(LoopGauge.publishesPending.word)
            return of(.ledgerReceived) &- of(.ledgerAccepted) &- rejected &- of(.ledgerDuplicate) &- pending
        case .routing:
            return of(.routerMatchesLocal) &- of(.ledgerCopiesLocal) &- of(.ledgerCopiesWill)
        case .delivery:
            let dropped = DropReason.allCases.reduce(Int64(0)) { $0 &+ word($1.word) }
            let waiting = word(LoopGauge.queuedMessages.word) &+ word(LoopGauge.inflightMessages.word)
            let made =
                of(.ledgerCopiesLocal) &+ of(.ledgerCopiesRetained) &+ of(.ledgerCopiesWill)
                &+ of(.ledgerLoaded)
            return made &- of(.ledgerDelivered) &- dropped &- of(.ledgerHandedOver) &- waiting &- inTransit
        case .transit:
            return inTransit
        case .storage:
            return presentCopies &- word(LoopGauge.storedCopies.word)
        }
    }
}
