import BrokerMetrics
import DequeModule
import MQTTCodec
import Primitives

/// Messages with more subscribers than a turn has time for, first in, first out.
///
///     publish ─┬─ few copies ──→ given at once
///              └─ many → [ message, subscribers, cursor | message | … ] ─ slice by slice → given → its publisher is told
///
/// While one waits, all that its publisher sends comes behind it, so that its messages keep their order; others pass it. Who
/// subscribes is looked up when a message's turn comes: many that wait take no more memory than themselves.
/// All copies of a message that are kept are in one batch, whatever turns they were given in: the batch is not handed over
/// before the last of them (`StoreOutbox.isPinned`), and until then another loop reads the store up to this message.
final class FanOutQueue: DeferredJob {
    struct Entry {
        /// Ascending.
        let serial: UInt64
        /// The publication's number, which tells a batch for another loop that its copies belong together.
        let publicationSerial: UInt64
        let message: ApplicationMessage
        /// How many it had when it began to wait.
        let subscriberCount: Int
        /// nil until its turn comes.
        var subscribers: Subscribers?
        /// Copies of it may have to be kept.
        var isKept = false
        /// Which of the ledger's counters its copies go under.
        var copies = Counter.ledgerCopiesLocal
        /// Who is told when no copy needs the store any more.
        var publisher: SessionHandle?
        var reply: FanOutReply?
        /// What the acknowledgement waits for apart from the copies.
        var wait = StoreWait.none
        /// Targets, then groups, that have been served.
        var next = 0
        /// Copies that have been made.
        var count = 0
        var routedMessage: Int32 = -1
        var routedNumber: UInt64 = 0

        var byteCount: Int { message.byteCount + MemoryLayout<Entry>.stride }
    }

    struct Subscribers {
        let targets: ContiguousArray<SubscriptionTarget>
        let groups: ContiguousArray<SharedGroupMembers>
        let keeping: BodyKeeping
        var total: Int { targets.count + groups.count }
    }

    private var entries: Deque<Entry> = []
    private var lastSerial: UInt64 = 0
    private(set) var byteCount = 0
    /// Of each publisher: how many messages wait, and how many copies they had when they began to.
    private var publishers: [SessionHandle: (messages: Int, copies: Int)] = [:]
    private var isScheduled = false

    /// Copies that one turn gives at once; more wait for what the turn has left.
    static let copiesPerTurn = 2048
    /// A message with no more subscribers than this never waits for others': the time that it takes counts as its packet's.
    static let few = 256
    /// Bytes that wait above which publishers are not read.
    static let highWater = 8 * 1024 * 1024

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }

    /// Whether a message of this publisher waits.
    func holds(_ publisher: SessionHandle?) -> Bool {
        guard !publishers.isEmpty, let publisher else { return false }
        return publishers[publisher] != nil
    }

    /// Copies of one publisher's messages that may wait: it is not read above that, so that whoever publishes little is not
    /// behind all of one who publishes much. Several messages that are given in one turn cost a subscriber one write.
    static let copiesOfPublisher = 16_384

    /// - Parameter subscribers: kept if its turn is now.
    /// - Returns: whether its publisher has enough waiting.
    func append(_ message: ApplicationMessage, _ subscribers: Subscribers, publicationSerial: UInt64) -> Bool
    {
        lastSerial += 1
        let entry = Entry(
            serial: lastSerial, publicationSerial: publicationSerial, message: message,
            subscriberCount: subscribers.total, subscribers: entries.isEmpty ? subscribers : nil)
        byteCount += entry.byteCount
        entries.append(entry)
        guard let publisher = message.facts.publisher else { return false }
        publishers[publisher, default: (0, 0)].messages += 1
        publishers[publisher, default: (0, 0)].copies += subscribers.total
        return publishers[publisher, default: (0, 0)].copies > Self.copiesOfPublisher
    }

    /// A message has been given. - Returns: whether its publisher may send more.
    private func forget(_ entry: Entry) -> Bool {
        byteCount -= entry.byteCount
        guard let publisher = entry.message.facts.publisher, var waiting = publishers[publisher] else {
            return false
        }
        waiting.messages -= 1
        waiting.copies -= entry.subscriberCount
        publishers[publisher] = waiting.messages > 0 ? waiting : nil
        return waiting.copies <= Self.copiesOfPublisher / 2
    }

    /// Says what is to be known of the last one.
    func complete(_ body: (inout Entry) -> Void) -> UInt64 {
        body(&entries[entries.count - 1])
        return lastSerial
    }

    /// Goes on when the turn has time for it.
    func resume(on shard: Shard) {
        guard !isScheduled, !entries.isEmpty else { return }
        isScheduled = true
        shard.performLater(self)
    }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while let first = entries.first, shard.steps < end {
            // Else the batch would grow for as long as messages come.
            if first.next == 0, first.isKept, shard.isHandOverDue { break }
            advanceFirst(on: shard, until: end)
        }
        isScheduled = !entries.isEmpty && shard.steps >= end
        return isScheduled
    }

    private func advanceFirst(on shard: Shard, until end: UInt64) {
        // What is given may publish in its turn: the queue must not be in use.
        var entry = entries[0]
        let subscribers = entry.subscribers ?? shard.subscribers(of: entry.message)
        entry.subscribers = subscribers
        let isDone = shard.giveNext(&entry, subscribers, until: end)
        if isDone {
            entries.removeFirst()
            if forget(entry) { shard.readsAgain(entry.message.facts.publisher) }
            shard.ended(entry, subscribers.keeping)
        } else {
            entries[0] = entry
        }
    }

    /// The loops end: a message that is in the open batch in part is given to all.
    func finishBegun(on shard: Shard) {
        while let first = entries.first, first.next > 0 { advanceFirst(on: shard, until: .max) }
    }
}

/// Whom to answer when all copies of a message have been given.
struct FanOutReply {
    let session: SessionHandle
    let qos: QoS
    let identifier: UInt16
}

extension Shard {
    /// Copies wait for what turns have left.
    package var isFanningOut: Bool { !fanOuts.isEmpty }

    /// Puts a message off that the turn has no time for, or that must come behind others.
    func putOff(
        _ publication: inout Publication, _ targets: ContiguousArray<SubscriptionTarget>,
        _ groups: ContiguousArray<SharedGroupMembers>
    ) {
        counters.add(.fanOutsPutOff)
        let isEnough = fanOuts.append(
            publication.sharedMessage(),
            FanOutQueue.Subscribers(targets: targets, groups: groups, keeping: outbox.keeping),
            publicationSerial: publicationSerial)
        if fanOuts.byteCount > FanOutQueue.highWater { isOverloaded = true }
        if isEnough, let publisher = publication.facts.publisher {
            session(publisher)?.transport?.pauseReading(.fanOut)
        }
        fanOuts.resume(on: self)
    }

    func readsAgain(_ publisher: SessionHandle?) {
        if let publisher { session(publisher)?.transport?.resumeReading(.fanOut) }
    }

    /// Who subscribes to the topic of a message whose turn has come.
    func subscribers(of message: ApplicationMessage) -> FanOutQueue.Subscribers {
        let mountpoint = message.facts.mountpoint
        let hash = RouteCache.hash(message.topic, mountpoint)
        if let route = routes.find(hash, message.topic, mountpoint, subscriptionTrie.generation) {
            return FanOutQueue.Subscribers(
                targets: route.targets, groups: route.groups, keeping: route.keeping)
        }
        var found = SubscriptionMatches()
        subscriptionTrie.match(
            message.topic, mountpoint: mountpoint, loop: index, into: &found)
        count(steps: (found.targets.count + found.groups.count) / 4)
        return FanOutQueue.Subscribers(targets: found.targets, groups: found.groups, keeping: found.keeping)
    }

    /// Gives the next copies of a message that was put off.
    ///
    /// - Returns: whether they were the last.
    func giveNext(
        _ entry: inout FanOutQueue.Entry, _ subscribers: FanOutQueue.Subscribers, until end: UInt64
    ) -> Bool {
        let message = entry.message
        var publication = Publication(message)
        if entry.isKept {
            beginRouting(publisher: entry.publisher)
            outbox.isPinned = true
            outbox.keeping = subscribers.keeping
            outbox.routedMessage = entry.routedMessage
            outbox.routedNumber = entry.routedNumber
        }
        let serial = publicationSerial
        publicationSerial = entry.publicationSerial
        var count = 0
        if subscribers.targets.count - entry.next > 2 { fanOut.begin() }
        while entry.next < subscribers.targets.count, steps < end {
            let target = subscribers.targets[entry.next]
            entry.next += 1
            steps &+= 1
            if target.isNoLocal, target.session == publication.facts.publisher { continue }
            count += 1
            give(&publication, target)
        }
        fanOut.end()
        while entry.next >= subscribers.targets.count, entry.next < subscribers.total, steps < end {
            let group = subscribers.groups[entry.next - subscribers.targets.count]
            entry.next += 1
            steps &+= 1
            if give(&publication, oneOf: group) { count += 1 }
        }
        publicationSerial = max(serial, publicationSerial)
        if entry.isKept {
            // To look its subscribers up may have taken the whole slice. A batch that has nothing of this message may go, and
            // must: the message waits for it.
            outbox.isPinned = entry.next > 0
            entry.routedMessage = outbox.routedMessage
            entry.routedNumber = outbox.routedNumber
            endRouting()
        }
        entry.count += count
        counters.add(entry.copies, count)
        counters.add(.routerMatchesLocal, count)
        return entry.next == subscribers.total
    }

    /// All copies have been given: the publisher is told as soon as those that are kept are committed.
    func ended(_ entry: FanOutQueue.Entry, _ keeping: BodyKeeping) {
        counters.observe(.fanOut, UInt64(entry.count))
        if entry.count == 0 {
            counters.add(entry.message.facts.isRetained ? .ledgerUnroutedRetained : .ledgerUnrouted)
        }
        var wait = entry.wait
        if entry.routedMessage >= 0 {
            let tells = wait.isNone && entry.publisher != nil && keeping != .apart
            wait = StoreWait(batch: outbox.openNumber, message: tells ? entry.routedMessage : -1)
        }
        let session = entry.reply.flatMap { self.session($0.session) }
        if let session, let reply = entry.reply, reply.qos == .exactlyOnce, !wait.isNone {
            wait.message = -1
            session.noteReceived(reply.identifier, in: wait.batch)
        }
        outbox.fanOutEnded(entry.serial, wait)
        outbox.isPinned = false
        session?.fanOutEnded(wait)
    }
}
