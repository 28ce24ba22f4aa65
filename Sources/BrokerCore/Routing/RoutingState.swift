import Primitives

/// What one loop needs to route messages: the look-ups it remembers, the batches it fills for other loops, the messages
/// with many subscribers that wait for their turns.
struct RoutingState {
    /// All loops share it.
    let trie: SubscriptionTrie
    /// Scratch: the result of the last look-up in the trie.
    var matches = SubscriptionMatches()
    var routes = RouteCache()
    /// By loop: the copies of this turn for its sessions; nil = there are none yet.
    var outgoing: ContiguousArray<DeliveryBatch?>
    /// Counts the messages this loop has routed: tells a batch where one ends and the next begins.
    var publicationSerial: UInt64 = 0
    /// Picks members of shared subscriptions.
    var random: RandomNumbers
    let fanOuts = FanOutQueue()
    /// Copies this turn may still give at once.
    var copyBudget = FanOutQueue.copiesPerTurn
    /// Of the session that ended last, or whose copy came too late.
    var lastRedelivery: LastRedelivery?

    init(_ trie: SubscriptionTrie, loopCount: Int, random: RandomNumbers) {
        self.trie = trie
        self.random = random
        outgoing = ContiguousArray(repeating: nil, count: loopCount)
    }
}

/// What a redelivery has looked up last: a session that ends may have very many copies of one topic.
struct LastRedelivery {
    let session: SessionHandle
    let topic: [UInt8]
    let mountpoint: Mountpoint
    let generation: UInt64
    let groups: ContiguousArray<SharedGroupMembers>
}
