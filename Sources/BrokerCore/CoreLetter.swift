package import BrokerMetrics
package import Primitives

/// What reaches a shard from other threads.
package enum CoreLetter: Sendable {
    /// Copies of messages for sessions that live here.
    case deliveries(DeliveryBatch)
    /// A hook's late answer.
    case hookReply(HookQuestionID, HookReply)
    /// The store has written batch `number`.
    case committed(UInt64)
    /// Copies that this loop has stored are not needed any more.
    ///
    /// - Parameters:
    ///   - serial: the letter's number at the loop `from`.
    ///   - isUrgent: this loop must hand its open batch over at the end of the turn: clients that are away get copies
    ///     from it, or somebody waits for what it stores.
    case storeRemovals(ContiguousArray<StoreRemoval>, from: Int, serial: UInt64, isUrgent: Bool)
    /// From the loop to itself: copies up to this number are committed, and came before this letter.
    case horizonReached(UInt64)
    /// Copies of a loop have got further; this loop had waited for that.
    case horizonMoved
    /// Copies of a session have come from the store; `number` is the session's there.
    case backlogLoaded(SessionHandle, number: UInt64, Result<LoadedBacklog, StoreError>)
    /// The store has deleted copies of a session that were never sent, `count` of them; `number` is the session's there.
    case backlogPurged(SessionHandle, number: UInt64, StoredBacklog.Purge, count: Int)
    /// Messages of these sessions have expired.
    case messagesAreDue(Set<UInt64>)
    /// A message that no client of this broker has sent, from any thread. Its order among letters is kept.
    case publish(ApplicationMessage, PublicationOrigin)
    /// Work from the control plane.
    case run(@Sendable (Shard) -> Void)
}

/// How a shard reaches the other loops. Set up by `Listeners`.
package struct ShardLinks {
    /// Posts a letter to a loop. Usable from any thread.
    package var post: @Sendable (_ letter: CoreLetter, _ loop: Int) -> Void
    /// What the loop's clock says now, later in the turn than `Shard.now`; nil: nobody tells.
    package var readClock: (() -> MonotonicTime)?

    /// Links that post with `post`.
    package init(
        readClock: (() -> MonotonicTime)? = nil, post: @escaping @Sendable (CoreLetter, Int) -> Void
    ) {
        self.readClock = readClock
        self.post = post
    }
}
