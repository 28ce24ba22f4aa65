package import MQTTCodec
package import Primitives

/// What one loop wants to store. It is gathered over some turns, and the store writes it as a whole or not at all.
///
///     messages  [ m0 two copies live | m1 none | m2 body of m0 | … ]   each once, however many copies
///     copies    [ → m0 | → m0 | dead | → m2 | … ]           a dead one was acknowledged before it was written
///     changes   [ session 7 … | copy removed … | … ]        in order
///
/// A batch without changes whose copies are all dead is never written.
package struct StoreBatch: Sendable {
    /// A message that copies of the batch refer to.
    package struct Message: Sendable {
        /// nil once no copy needs it.
        package fileprivate(set) var message: ApplicationMessage?
        /// Its number in the store.
        package let number: UInt64
        /// The index of the message under whose number the body is stored: in most cases its own.
        package let body: Int32
        /// Copies that are still to be written.
        package fileprivate(set) var live: Int32
        /// Messages with such copies whose body is stored under this one's number, this one included.
        fileprivate var users: Int32 = 0
        /// The publisher that waits for an acknowledgement; nil = none.
        let publisher: SessionHandle?
    }

    /// A copy for one session.
    package struct Copy: Sendable {
        /// The subscriber's number in the store.
        package let session: UInt64
        /// The QoS and the flags that the copy is sent with.
        package let terms: DeliveryTerms
        /// Index in `messages`; -1 = dead.
        package fileprivate(set) var message: Int32
        /// The packet identifier that it is to be sent with, and may have been sent with; 0 = one is chosen when it is
        /// sent.
        package let identifier: UInt16
        /// The packet identifier that it was sent with, or is sent with as soon as this batch is committed; 0 = see
        /// `identifier`.
        package fileprivate(set) var packetIdentifier: UInt16 = 0
    }

    /// A change other than a new copy.
    package enum Change: Sendable {
        /// A stored copy is not needed any more: its subscriber has acknowledged it, or it was lost.
        case removeCopy(session: UInt64, number: UInt64, expiryDeadline: MonotonicTime?, hasFlightRow: Bool)
        /// The copy was never written, but a row with its packet identifier was.
        case removeFlight(session: UInt64, number: UInt64)
        /// The copy was sent with this packet identifier; `isReleased`: PUBREC has come. A copy that was sent does not
        /// expire.
        case flight(
            session: UInt64, number: UInt64, packetIdentifier: UInt16, isReleased: Bool,
            expiryDeadline: MonotonicTime?)
        /// The state of a session, without its subscriptions and messages.
        indirect case session(StoredSession, isNew: Bool)
        /// The session has ended. `purges`: the store has rows of it that its loop does not know one by one, and must
        /// look for them.
        case endSession(UInt64, purges: Bool)
        /// A session has ended, and some of its rows may have been written after its end: the store must look for them.
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

    /// The messages, each once.
    package private(set) var messages: ContiguousArray<Message> = []
    /// The copies, dead ones included.
    package private(set) var copies: ContiguousArray<Copy> = []
    /// All other changes, in the order in which they are to be written.
    package private(set) var changes: ContiguousArray<Change> = []
    /// Wills of clients whose sessions are not stored, by their numbers. A will that is not needed any more before it
    /// was written is taken out.
    package private(set) var wills: [UInt64: StoredWill] = [:]
    /// How many of the copies are to be written.
    package private(set) var liveCopyCount = 0
    /// Where the retained messages are in memory; nil = the changes hold them.
    var retainedMessages: RetainedTrie<ApplicationMessage>?
    /// Bytes of all that is in it. Clients are not read when batches hold too many (`StoreQueue`).
    package private(set) var byteCount = 0

    /// An empty batch.
    package init() {}

    /// Whether nothing was added to it.
    package var isEmpty: Bool { copies.isEmpty && changes.isEmpty && wills.isEmpty }
    /// Whether nothing in it has to be written.
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

    /// Puts the body back into a message whose copies are all dead, because another copy is to be added.
    mutating func revive(_ message: Int32, _ body: ApplicationMessage) {
        messages[Int(message)].message = body
    }

    /// The message has its first copy to be written. A body that several messages share counts once.
    private mutating func use(_ message: Int32) {
        let body = Int(messages[Int(message)].body)
        messages[body].users += 1
        if messages[body].users == 1 { byteCount += messages[Int(message)].message?.byteCount ?? 0 }
    }

    /// The copy need not be written any more.
    ///
    /// - Returns: nil when the copy is not in this batch, or not any more.
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
        /// The publisher of a message of which no copy is left to be written; nil = some are left, or nobody waits.
        var publisher: SessionHandle?
    }

    /// Notes the packet identifier of a copy that was sent before it was written.
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

    /// The retained message to write for a topic. Loops do not hand their changes to the store in the order in which
    /// they made them, so the store writes the message that is retained when it writes, not the one that was retained
    /// when the change was noted.
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

    /// Replaces the state of a session that was noted at `index` of the changes.
    ///
    /// - Returns: false when another change is there.
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

    /// Empties the batch. Its memory is kept for the next one, unless it is large.
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
    /// Bytes that the writer needs for each row beside its text: the key, the checksum and the entry in its list.
    private static let rowOverhead = 64

    /// Bytes of memory that it takes until it is committed, about.
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

/// A session as it is stored.
package struct StoredSession: Sendable {
    /// Its number in the store, never given twice.
    package var number: UInt64
    /// Whose session it is.
    package var subscriber: SubscriberID
    /// The MQTT version of its last connection.
    package var version: ProtocolVersion
    /// Whether its last connection was a bridge's.
    package var isBridge: Bool
    /// Seconds it outlives its connection; `.max` = for ever.
    package var expiryInterval: UInt32
    /// When it ends; `.distantFuture` = never; nil while it has a connection.
    package var expiryDeadline: MonotonicTime?
    /// The will that is still to be published; nil = there is none.
    package var will: WillMessage?
    /// When the will of a client that is away is to be published; nil = when its connection ends.
    package var willDeadline: MonotonicTime?
    /// The highest number of a QoS 1 copy that was sent. It has no meaning while the session has a connection.
    package var sentThrough: UInt64 = 0

    /// A session in this state.
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

/// The will of a connected client whose session is not stored.
package struct StoredWill: Sendable {
    /// Taken from the numbers of sessions, never given twice.
    package var number: UInt64
    /// Whose will it is.
    package var subscriber: SubscriberID
    /// The MQTT version of its connection.
    package var version: ProtocolVersion
    /// The will itself.
    package var will: WillMessage

    /// A will under this number.
    package init(number: UInt64, subscriber: SubscriberID, version: ProtocolVersion, will: WillMessage) {
        self.number = number
        self.subscriber = subscriber
        self.version = version
        self.will = will
    }
}

/// A session as it is found at the start.
package struct RestoredSession: Sendable {
    /// Its state.
    package var session: StoredSession
    /// Its subscriptions.
    package var subscriptions: [Subscription]
    /// Identifiers of QoS 2 messages that were received and not released.
    package var received: [UInt16]
    /// Copies that wait in the store, those under way included.
    package var copyCount: Int
    /// The packet identifier of the copy with the highest number that has one; 0 = none has.
    package var lastIdentifier: UInt16
    /// When the session ends, if it had a connection when the broker ended; nil = its expiry interval begins now.
    package var expiresAt: MonotonicTime?

    /// A session as the store has it.
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

    /// Notes the packet identifier of a copy; call it in the order of the copies' numbers. Identifiers begin again at 1
    /// after 65,535, and a copy whose identifier was chosen when it was sent may have a higher one than the copies
    /// after it.
    package mutating func noteIdentifier(_ identifier: UInt16) {
        let distance = (Int(identifier) - Int(lastIdentifier) + 65_535) % 65_535
        if identifier != 0, lastIdentifier == 0 || distance < 32_768 { lastIdentifier = identifier }
    }
}
