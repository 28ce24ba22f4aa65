import BrokerMetrics
import DequeModule
import MQTTCodec
import Primitives

/// Messages with more subscribers than a turn has time for, first in, first out.
///
///     publish ─┬─ few copies ──→ given at once
///              └─ many → [ message, subscribers, cursor | message | … ] ─ slice by slice → given → its publisher is told
///
/// While a message waits, everything that its publisher sends comes after it, so that its messages keep their order;
/// messages of other publishers do not wait for it. The subscribers are looked up when the message's turn comes, so
/// messages that wait take no memory for them. All stored copies of a message are in one store batch, in whatever turns
/// they were given: the batch is not handed over before the last of them (`StoreOutbox.isPinned`), and until then other
/// loops read the store only up to this message.
final class FanOutQueue: DeferredJob {
    struct Entry {
        /// Ascending.
        let serial: UInt64
        /// The publication's number, which tells a batch for another loop that its copies belong together.
        let publicationSerial: UInt64
        let message: ApplicationMessage
        /// How many subscribers it had when it began to wait.
        let subscriberCount: Int
        /// nil until its turn comes.
        var subscribers: Subscribers?
        /// Whether copies of it may have to be stored.
        var isKept = false
        var origin = PublicationOrigin.client
        /// The session whose held answers are looked at when no copy needs the store any more.
        var publisher: SessionHandle?
        var reply: FanOutReply?
        /// What the acknowledgement waits for apart from the copies.
        var wait = StoreWait.none
        /// How many of the targets, and then of the groups, have got their copy.
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
        let keeping: BodySharing
        var total: Int { targets.count + groups.count }
    }

    private var entries: Deque<Entry> = []
    private var lastSerial: UInt64 = 0
    private(set) var byteCount = 0
    /// For each publisher: how many of its messages wait, and how many copies they had when they began to wait.
    private var publishers: [SessionHandle: (messages: Int, copies: Int)] = [:]
    private var isScheduled = false

    /// Copies that one turn gives at once. Further ones are given in the time that turns have left.
    static let copiesPerTurn = 2048
    /// A message with no more subscribers than this is given at once, unless an earlier message of its publisher waits.
    static let few = 256
    /// Bytes of messages that wait. Above this, publishers are not read.
    static let highWater = 8 * 1024 * 1024

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }

    /// Whether a message of this publisher waits.
    func isWaiting(_ publisher: SessionHandle?) -> Bool {
        guard !publishers.isEmpty, let publisher else { return false }
        return publishers[publisher] != nil
    }

    /// Copies of one publisher's messages that may wait. Above this the publisher is not read, so that a publisher of
    /// few messages does not wait for all of one that publishes many. Several messages that are given in one turn cost
    /// a subscriber one write.
    static let copiesOfPublisher = 16_384

    /// - Parameter subscribers: used if no other message waits.
    /// - Returns: whether the publisher has so many copies waiting that it must not be read.
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

    /// All copies of a message have been given. - Returns: whether its publisher may be read again.
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

    /// Sets further values of the message that was appended last.
    func complete(_ body: (inout Entry) -> Void) -> UInt64 {
        body(&entries[entries.count - 1])
        return lastSerial
    }

    /// Starts the job, if messages wait and it is not under way.
    func resume(on shard: Shard) {
        guard !isScheduled, !entries.isEmpty else { return }
        isScheduled = true
        shard.performLater(self)
    }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while let first = entries.first, shard.steps < end {
            // Otherwise the batch would grow as long as messages come.
            if first.next == 0, first.isKept, shard.isHandOverDue { break }
            advanceFirst(on: shard, until: end)
        }
        isScheduled = !entries.isEmpty && shard.steps >= end
        return isScheduled
    }

    private func advanceFirst(on shard: Shard, until end: UInt64) {
        // To give a copy may publish another message, which changes the queue: it must not be in use.
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

    /// The loops end: if only some copies of a message are in the open batch, gives the others as well.
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
    /// Whether copies wait for later turns.
    package var isFanningOut: Bool { !routing.fanOuts.isEmpty }

    /// Puts a message into the queue that the turn has no time for, or that must come after others.
    func putOff(
        _ publication: inout Publication, _ targets: ContiguousArray<SubscriptionTarget>,
        _ groups: ContiguousArray<SharedGroupMembers>
    ) {
        counters.add(.fanOutsPutOff)
        let isEnough = routing.fanOuts.append(
            publication.sharedMessage(),
            FanOutQueue.Subscribers(targets: targets, groups: groups, keeping: publication.storing.keeping),
            publicationSerial: routing.publicationSerial)
        if routing.fanOuts.byteCount > FanOutQueue.highWater { overload.begin() }
        if isEnough, let publisher = publication.facts.publisher {
            session(publisher)?.pauseReading(.fanOut)
        }
        routing.fanOuts.resume(on: self)
    }

    func readsAgain(_ publisher: SessionHandle?) {
        if let publisher { session(publisher)?.resumeReading(.fanOut) }
    }

    /// Looks up who subscribes to the topic of a message whose turn has come.
    func subscribers(of message: ApplicationMessage) -> FanOutQueue.Subscribers {
        let mountpoint = message.facts.mountpoint
        let hash = RouteCache.hash(message.topic, mountpoint)
        if let route = unsafe routing.routes.find(hash, message.topic, mountpoint, routing.trie.generation) {
            let route = unsafe route.takeUnretainedValue()
            return FanOutQueue.Subscribers(
                targets: route.targets, groups: route.groups, keeping: route.keeping)
        }
        var found = SubscriptionMatches()
        routing.trie.match(
            message.topic, mountpoint: mountpoint, loop: index, into: &found)
        count(steps: (found.targets.count + found.groups.count) / 4)
        return FanOutQueue.Subscribers(targets: found.targets, groups: found.groups, keeping: found.keeping)
    }

    /// Gives the next copies of a message that waited.
    ///
    /// - Returns: whether they were the last.
    func giveNext(
        _ entry: inout FanOutQueue.Entry, _ subscribers: FanOutQueue.Subscribers, until end: UInt64
    ) -> Bool {
        let message = entry.message
        var publication = Publication(message)
        if entry.isKept {
            beginStoring(&publication, publisher: entry.publisher)
            outbox.isPinned = true
            publication.storing.keeping = subscribers.keeping
            publication.storing.message = entry.routedMessage
            publication.storing.number = entry.routedNumber
        }
        let serial = routing.publicationSerial
        routing.publicationSerial = entry.publicationSerial
        var count = 0
        if subscribers.targets.count - entry.next > 2 { packets.templates.begin() }
        while entry.next < subscribers.targets.count, steps < end {
            let target = subscribers.targets[entry.next]
            entry.next += 1
            self.count(steps: 1)
            if target.isNoLocal, target.session == publication.facts.publisher { continue }
            count += 1
            give(&publication, target)
        }
        packets.templates.end()
        while entry.next >= subscribers.targets.count, entry.next < subscribers.total, steps < end {
            let group = subscribers.groups[entry.next - subscribers.targets.count]
            entry.next += 1
            self.count(steps: 1)
            if give(&publication, oneOf: group) { count += 1 }
        }
        measured(publication)
        routing.publicationSerial = max(serial, routing.publicationSerial)
        if entry.isKept {
            // The look-up of the subscribers may have taken the whole slice. A batch without a copy of this message
            // need not wait for the next slice, and must not, for the message may wait for that batch.
            outbox.isPinned = entry.next > 0
            entry.routedMessage = publication.storing.message
            entry.routedNumber = publication.storing.number
            endStoring(&publication)
        }
        entry.count += count
        counters.add(copiesOf: entry.origin, count)
        counters.add(.routerMatchesLocal, count)
        return entry.next == subscribers.total
    }

    /// All copies have been given. The publisher is answered when those that are stored are committed.
    func ended(_ entry: FanOutQueue.Entry, _ keeping: BodySharing) {
        if entry.origin != .broker {
            counters.observe(.fanOut, UInt64(entry.count))
            if entry.count == 0 {
                counters.add(entry.message.facts.isRetained ? .ledgerUnroutedRetained : .ledgerUnrouted)
            }
        }
        var wait = entry.wait
        if entry.routedMessage >= 0 {
            let tells = wait.isNone && entry.publisher != nil && keeping != .numberForEach
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
