package import MQTTCodec
package import Primitives

/// What one loop wants to be kept, gathered over some turns and written as a whole or not at all.
///
///     messages  [ m0 two copies live | m1 none | m2 body of m0 | … ]   each once, however many copies
///     copies    [ → m0 | → m0 | dead | → m2 | … ]           a dead one was acknowledged before it was written
///     changes   [ session 7 … | copy removed … | … ]        in order
///
/// A batch whose copies have all died, and that has no changes, is never written.
package struct StoreBatch: Sendable {
    package struct Message: Sendable {
        /// nil once no copy needs it.
        package fileprivate(set) var message: ApplicationMessage?
        package let number: UInt64
        /// Index of the message whose number its body lies under: mostly its own.
        package let body: Int32
        /// Copies that are still wanted.
        package fileprivate(set) var live: Int32
        /// Messages with such copies whose body lies under this one's number, this one included.
        fileprivate var users: Int32 = 0
        /// Who waits for an acknowledgement.
        let publisher: SessionHandle?
    }

    package struct Copy: Sendable {
        /// The subscriber's number in the store.
        package let session: UInt64
        package let terms: DeliveryTerms
        /// Index in `messages`; -1 = dead.
        package fileprivate(set) var message: Int32
        /// What it is to be sent with, and may have been sent with; 0 = that is chosen as it is sent.
        package let identifier: UInt16
        /// What it was sent with, or is sent with as soon as this is committed; 0 = see `identifier`.
        package fileprivate(set) var packetIdentifier: UInt16 = 0
    }

    /// What else is to be kept or forgotten.
    package enum Change: Sendable {
        /// The subscriber has acknowledged the copy, or it was dropped.
        case removeCopy(session: UInt64, number: UInt64, expiryDeadline: MonotonicTime?, hasFlightRow: Bool)
        /// The copy was never written, its identifier was.
        case removeFlight(session: UInt64, number: UInt64)
        /// The copy was sent with this identifier; `isReleased`: PUBREC has come.
        /// From then on it does not expire.
        case flight(
            session: UInt64, number: UInt64, packetIdentifier: UInt16, isReleased: Bool,
            expiryDeadline: MonotonicTime?)
        /// What is known of a session, apart from its subscriptions and messages.
        indirect case session(StoredSession, isNew: Bool)
        /// The session has ended. `purges`: rows of it that nobody knows one by one may be there.
        case endSession(UInt64, purges: Bool)
        /// Rows of a session that has ended may have been written later than its end.
        case purgeSession(UInt64)
        /// The will with this number was published, or its client left without it.
        case forgetWill(UInt64)
        case subscribe(session: UInt64, Subscription, isNew: Bool)
        case unsubscribe(session: UInt64, filter: UTF8Text)
        /// A QoS 2 message was received and not yet released.
        case received(session: UInt64, packetIdentifier: UInt16)
        case released(session: UInt64, packetIdentifier: UInt16)
        case retain(ApplicationMessage, isNew: Bool)
        case removeRetained(topic: UTF8Text, Mountpoint)
    }

    package private(set) var messages: ContiguousArray<Message> = []
    package private(set) var copies: ContiguousArray<Copy> = []
    package private(set) var changes: ContiguousArray<Change> = []
    /// Wills of clients whose sessions are not kept, by their numbers. One that is forgotten before it was written leaves.
    package private(set) var wills: [UInt64: StoredWill] = [:]
    package private(set) var liveCopyCount = 0
    /// Where the retained messages are; nil: the changes say all.
    var retainedMessages: RetainedTrie<ApplicationMessage>?
    /// Bytes of all that is in it: what back-pressure goes by.
    package private(set) var byteCount = 0

    package init() {}

    package var isEmpty: Bool { copies.isEmpty && changes.isEmpty && wills.isEmpty }
    /// Nothing in it has to be written.
    package var isIdle: Bool { liveCopyCount == 0 && changes.isEmpty && wills.isEmpty }

    // MARK: Copies

    /// - Parameter body: index of the entry that holds the same message under another number; nil = there is none.
    /// - Returns: its index.
    mutating func add(
        _ message: ApplicationMessage, number: UInt64, body: Int32? = nil, publisher: SessionHandle?
    ) -> Int32 {
        let index = Int32(truncatingIfNeeded: messages.count)
        messages.append(
            Message(message: message, number: number, body: body ?? index, live: 0, publisher: publisher))
        byteCount += MemoryLayout<Message>.stride
        return index
    }

    /// - Returns: its index.
    @inline(__always)
    mutating func addCopy(
        of message: Int32, session: UInt64, terms: DeliveryTerms, identifier: UInt16 = 0
    ) -> UInt32 {
        if messages[Int(message)].live == 0 { use(message) }
        messages[Int(message)].live += 1
        liveCopyCount += 1
        copies.append(Copy(session: session, terms: terms, message: message, identifier: identifier))
        byteCount += MemoryLayout<Copy>.stride
        return UInt32(truncatingIfNeeded: copies.count - 1)
    }

    /// Gives a message its body back: all copies so far have died, and there is to be another.
    mutating func revive(_ message: Int32, _ body: ApplicationMessage) {
        messages[Int(message)].message = body
    }

    /// The message has a copy that is wanted: its body counts, once for all that have it.
    private mutating func use(_ message: Int32) {
        let body = Int(messages[Int(message)].body)
        messages[body].users += 1
        if messages[body].users == 1 { byteCount += messages[Int(message)].message?.byteCount ?? 0 }
    }

    /// The copy need not be written any more.
    ///
    /// - Returns: what became of it; nil when it does not lie here (any more).
    @inline(__always)
    mutating func kill(_ ticket: StoreTicket) -> Killed? {
        let index = Int(ticket.index)
        guard index < copies.count else { return nil }
        let message = Int(copies[index].message)
        guard message >= 0, messages[message].number == ticket.number else { return nil }
        copies[index].message = -1
        liveCopyCount -= 1
        messages[message].live -= 1
        guard messages[message].live == 0 else { return Killed(publisher: nil) }
        let body = Int(messages[message].body)
        messages[body].users -= 1
        if messages[body].users == 0 { byteCount -= messages[message].message?.byteCount ?? 0 }
        messages[message].message = nil
        return Killed(publisher: messages[message].publisher)
    }

    struct Killed {
        /// Whose message now has no copy that waits to be written.
        var publisher: SessionHandle?
    }

    /// The copy was sent, before it was written.
    ///
    /// - Returns: false when it does not lie here (any more).
    @inline(__always)
    mutating func note(_ packetIdentifier: UInt16, of ticket: StoreTicket) -> Bool {
        let index = Int(ticket.index)
        guard index < copies.count else { return false }
        let message = Int(copies[index].message)
        guard message >= 0, messages[message].number == ticket.number else { return false }
        copies[index].packetIdentifier = packetIdentifier
        return true
    }

    /// Whether no copy of the message waits to be written.
    func isSettled(_ message: Int32) -> Bool {
        message >= 0 && Int(message) < messages.count && messages[Int(message)].live == 0
    }

    // MARK: Changes

    /// What is to be kept for a topic whose retained message has changed. Loops hand their changes over in another order
    /// than they made them, so it is what is retained when the change is written, not when it was made.
    ///
    /// - Parameter noted: the message that the change holds.
    package func retained(_ topic: UTF8Text, _ mountpoint: Mountpoint, noted: ApplicationMessage?)
        -> ApplicationMessage?
    {
        guard let retainedMessages else { return noted }
        return unsafe retainedMessages.get(topic.bytes.span.bytes, mountpoint: mountpoint)
    }

    mutating func append(_ change: Change) {
        changes.append(change)
        byteCount += change.byteCount
    }

    /// Puts what is known of a session now in place of what was noted of it at `index` of the changes.
    ///
    /// - Returns: false when there is something else.
    mutating func replace(_ session: StoredSession, at index: Int) -> Bool {
        guard index < changes.count, case .session(let noted, let isNew) = changes[index],
            noted.number == session.number
        else { return false }
        byteCount -= changes[index].byteCount
        changes[index] = .session(session, isNew: isNew)
        byteCount += changes[index].byteCount
        return true
    }

    mutating func add(_ will: StoredWill) {
        wills[will.number] = will
        byteCount += will.will.byteCount
    }

    /// - Returns: false when it does not lie here (any more).
    mutating func forgetWill(_ number: UInt64) -> Bool {
        guard let will = wills.removeValue(forKey: number) else { return false }
        byteCount -= will.will.byteCount
        return true
    }

    /// Keeps the room for the next.
    mutating func removeAll() {
        messages.removeAll(keepingCapacity: messages.capacity <= 1 << 14)
        copies.removeAll(keepingCapacity: copies.capacity <= 1 << 14)
        changes.removeAll(keepingCapacity: changes.capacity <= 1 << 12)
        wills.removeAll()
        liveCopyCount = 0
        byteCount = 0
    }
}

extension StoreBatch.Change {
    /// What the writer has of each row beside its text: key, sum and its place among those that are written.
    private static let rowOverhead = 64

    /// About what it takes in memory until it is committed.
    var byteCount: Int {
        let own = MemoryLayout<StoreBatch.Change>.stride + Self.rowOverhead
        return switch self {
        case .removeCopy, .removeFlight, .flight, .endSession, .purgeSession, .forgetWill, .received,
            .released:
            own
        case .session(let session, _):
            own + MemoryLayout<StoredSession>.stride + session.subscriber.clientID.count
                + (session.will?.byteCount ?? 0)
        case .subscribe(_, let subscription, _): own + subscription.filter.count
        case .unsubscribe(_, let filter): own + filter.count
        case .retain(let message, _): own + message.byteCount
        case .removeRetained(let topic, _): own + topic.count
        }
    }
}

/// A session as it is kept.
package struct StoredSession: Sendable {
    /// Its number in the store, never given twice.
    package var number: UInt64
    package var subscriber: SubscriberID
    package var version: ProtocolVersion
    package var isBridge: Bool
    /// Seconds it outlives its connection; `.max` = for ever.
    package var expiryInterval: UInt32
    /// When it ends; `.distantFuture` = never; nil while it has a connection.
    package var expiryDeadline: MonotonicTime?
    package var will: WillMessage?
    /// When the will of a client that is away is due; nil: with the end of its connection.
    package var willDeadline: MonotonicTime?
    /// No QoS 1 copy with a higher number was sent. Says nothing while it has a connection.
    package var sentThrough: UInt64 = 0

    package init(
        number: UInt64, subscriber: SubscriberID, version: ProtocolVersion, isBridge: Bool,
        expiryInterval: UInt32,
        expiryDeadline: MonotonicTime?, will: WillMessage? = nil, willDeadline: MonotonicTime? = nil,
        sentThrough: UInt64 = 0
    ) {
        self.number = number
        self.subscriber = subscriber
        self.version = version
        self.isBridge = isBridge
        self.expiryInterval = expiryInterval
        self.expiryDeadline = expiryDeadline
        self.will = will
        self.willDeadline = willDeadline
        self.sentThrough = sentThrough
    }
}

/// The will of a connected client whose session is not kept.
package struct StoredWill: Sendable {
    /// Taken from the numbers of sessions, never given twice.
    package var number: UInt64
    package var subscriber: SubscriberID
    package var version: ProtocolVersion
    package var will: WillMessage

    package init(number: UInt64, subscriber: SubscriberID, version: ProtocolVersion, will: WillMessage) {
        self.number = number
        self.subscriber = subscriber
        self.version = version
        self.will = will
    }
}

/// A session as it is found at the start.
package struct RestoredSession: Sendable {
    package var session: StoredSession
    package var subscriptions: [Subscription]
    /// Identifiers of QoS 2 messages that were received and not released.
    package var received: [UInt16]
    /// Copies that wait in the store, those under way included.
    package var copyCount: Int
    /// The packet identifier of the youngest that has one; 0 = none has.
    package var lastIdentifier: UInt16
    /// When a session is over that had a connection as the broker ended; nil: its interval begins now.
    package var expiresAt: MonotonicTime?

    package init(
        session: StoredSession, subscriptions: [Subscription] = [], received: [UInt16] = [],
        copyCount: Int = 0, lastIdentifier: UInt16 = 0
    ) {
        self.session = session
        self.subscriptions = subscriptions
        self.received = received
        self.copyCount = copyCount
        self.lastIdentifier = lastIdentifier
    }

    /// A copy, younger than those before, has this identifier. Identifiers wrap, and one that was chosen late may be ahead
    /// of younger ones.
    package mutating func noteIdentifier(_ identifier: UInt16) {
        let distance = (Int(identifier) - Int(lastIdentifier) + 65_535) % 65_535
        if identifier != 0, lastIdentifier == 0 || distance < 32_768 { lastIdentifier = identifier }
    }
}
