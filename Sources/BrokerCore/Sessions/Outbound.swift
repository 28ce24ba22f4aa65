import BrokerMetrics
import DequeModule
import MQTTCodec
import Primitives

/// What is on its way to a client: the queue, the window, answers that wait for the store, retained messages that are
/// still looked for. It says what may be sent next and does nothing by itself: `Session` asks it and carries out what
/// follows.
///
///                     ┌─ claim ─→ window ─ acknowledged → gone
///     arriving copy ──┤             ▲
///                     └─→ queue ────┘ next
///
/// Queue and window survive the connection. A silent client owns no memory here.
struct Outbound: ~Copyable {
    /// Copies that wait.
    private(set) var queue = MessageQueue()
    /// QoS 1 and 2 messages that were sent and are not acknowledged.
    private(set) var window = InflightWindow()

    // MARK: The connection

    /// QoS 1 and 2 messages that may be under way to the client.
    private(set) var receiveMaximum = 20
    /// The batch that says that the client is back: until it is committed, no PUBLISH of QoS 1 or 2 goes out. 0 = it is.
    private var attachBatch: UInt64 = 0

    /// - Parameter receiveMaximum: of the client [MQTT-3.3.4-9], or what the operator allows for MQTT 3.
    mutating func beginConnection(receiveMaximum: Int) {
        self.receiveMaximum = receiveMaximum
        retryTimerIsSet = false
        attachBatch = 0
        window.beginConnection()
    }

    /// The operator allows more or fewer messages under way; what is under way already stays.
    mutating func change(receiveMaximum: Int) { self.receiveMaximum = receiveMaximum }

    /// No QoS 1 or 2 message is sent before `batch` is committed.
    mutating func holdUntilAttached(_ batch: UInt64) { attachBatch = batch }

    mutating func attachSettled(_ isCommitted: (UInt64) -> Bool) {
        if attachBatch != 0, isCommitted(attachBatch) { attachBatch = 0 }
    }

    /// Messages that may be under way now.
    private var sendLimit: Int { attachBatch == 0 ? receiveMaximum : 0 }

    // MARK: Decisions about a copy

    /// - Parameter byteLimit: of the messages in flight.
    @inline(__always)
    func deliveryFacts(_ output: borrowing ClientOutput, isHookAsked: Bool, byteLimit: Int)
        -> DeliveryDecision.Facts
    {
        DeliveryDecision.Facts(
            isOnline: output.isOpen, isOutputBlocked: output.isBlocked, isHookAsked: isHookAsked,
            isQueueEmpty: queue.isEmpty, isQueueEmptyInMemory: queue.isEmptyInMemory,
            hasWindowRoom: window.hasRoom(sendLimit, byteLimit: byteLimit))
    }

    func queueFacts(
        _ settings: SessionSettings, limit: Int, isStored: Bool, isOnline: Bool, loopByteCount: Int
    ) -> QueueDecision.Facts {
        QueueDecision.Facts(
            type: settings.queueType, count: queue.count, limit: limit, countInMemory: queue.countInMemory,
            byteCount: queue.byteCount, byteLimit: settings.queueBytes, hasBacklog: queue.backlog != nil,
            isStored: isStored, isOnline: isOnline, loopByteCount: loopByteCount)
    }

    /// What of the queue in memory may be sent now.
    enum Next: Equatable {
        /// No copy waits in memory.
        case nothing
        /// The next copy waits for an acknowledgement of the client, or for the commit that says that it is back.
        case waits
        case ready
    }

    @inline(__always)
    func next(_ settings: SessionSettings) -> Next {
        guard let copy = queue.peek(settings.queueType) else { return .nothing }
        if copy.qos != .atMostOnce, !window.hasRoom(sendLimit, byteLimit: settings.queueBytes) {
            return .waits
        }
        return .ready
    }

    /// Whether the client knows the next copy by its stored identifier, and has another one under it still.
    mutating func isNextIdentifierInUse(_ type: QueueType) -> Bool {
        guard let copy = queue.peek(type), copy.hasFlightRow else { return false }
        return window.find(copy.ticket.identifier) != nil
    }

    // MARK: The queue

    mutating func append(_ copy: QueuedMessage) { queue.append(copy) }
    /// Puts a copy back, so that it is the next again.
    mutating func putBack(_ copy: QueuedMessage, _ type: QueueType) { queue.putBack(copy, type) }
    mutating func takeOldest() -> QueuedMessage? { queue.takeOldest() }
    /// Takes out the copy that `next` has found ready.
    mutating func takeNext(_ type: QueueType) -> QueuedMessage? { queue.next(type) }

    /// Takes out the copies in memory for which `condition` is true, in their order.
    mutating func removeQueued(where condition: (QueuedMessage) -> Bool) -> [QueuedMessage] {
        queue.removeAll(where: condition)
    }

    /// The part of the queue that is in the store alone; nil = none is.
    var backlog: StoredBacklog? { queue.backlog }

    /// The part of the queue that is in the store alone, which begins with `number` if there is none yet.
    mutating func openBacklog(from number: UInt64) -> StoredBacklog {
        let backlog = queue.backlog ?? StoredBacklog(count: 0, next: number)
        queue.backlog = backlog
        return backlog
    }

    /// The session was found in the store, with this many copies. Their flights are read first.
    mutating func restoreBacklog(_ count: Int) {
        let backlog = StoredBacklog(count: count, next: 0)
        backlog.lacksFlights = true
        queue.backlog = backlog
    }

    /// Copies of the backlog have been read into memory.
    mutating func load(_ copies: ContiguousArray<QueuedMessage>, _ type: QueueType, _ backlog: StoredBacklog)
    {
        queue.load(copies, type, behind: backlog.loadedCount)
        backlog.loadedCount += copies.count
    }

    /// Forgets the backlog if it has no copies any more.
    mutating func closeBacklogIfEmpty() {
        if queue.backlog?.count == 0 { queue.backlog = nil }
    }

    // MARK: Sending

    /// No QoS 1 copy with a higher number in the store was ever sent.
    private(set) var sentThrough: UInt64 = 0
    /// The last batch for which a QoS 1 message waits before it is sent; those behind it wait as well. 0 = none.
    private(set) var orderBatch: UInt64 = 0

    /// How a QoS 1 or 2 copy may be sent.
    enum Claim: Equatable {
        /// Now, with this packet identifier.
        case identifier(UInt16)
        /// Its identifier is not stored, or is in use: it gets another one, and is sent when that is committed.
        case afterCommit
        /// An earlier QoS 1 message waits for a commit, and no other may overtake it [MQTT-4.6.0-5].
        case afterOrder
        /// All 65,535 identifiers are in use. The window was looked at before, so this does not happen.
        case none
    }

    /// Takes a packet identifier for a copy.
    ///
    /// - Parameter isKept: the session is stored.
    @inline(__always)
    mutating func claim(
        _ ticket: StoreTicket, _ qos: QoS, isKept: Bool, _ isCommitted: (UInt64) -> Bool
    ) -> Claim {
        guard ticket.isStored, isKept else { return window.nextIdentifier().map { .identifier($0) } ?? .none }
        guard ticket.identifier != 0, window.claim(ticket.identifier) else { return .afterCommit }
        guard orderBatch != 0, qos == .atLeastOnce else { return .identifier(ticket.identifier) }
        if isCommitted(orderBatch) { orderBatch = 0 }
        return orderBatch == 0 ? .identifier(ticket.identifier) : .afterOrder
    }

    /// PUBLISH of a QoS 1 or 2 copy is in the output.
    @inline(__always)
    mutating func sent(
        _ message: consuming ApplicationMessage, _ terms: DeliveryTerms, _ ticket: StoreTicket,
        identifier: UInt16, flight: FlightNote, now: MonotonicTime
    ) {
        var entry = InflightWindow.Entry(identifier, terms, sentAt: now, ticket)
        entry.flight = flight
        window.append(entry, message)
        sentThrough = max(sentThrough, ticket.number)
    }

    /// A copy takes its place in the window, and is sent later.
    mutating func enter(
        _ message: consuming ApplicationMessage, _ terms: DeliveryTerms, _ ticket: StoreTicket,
        identifier: UInt16, flight: FlightNote = .none, isDuplicate: Bool, now: MonotonicTime
    ) -> InflightWindow.Place {
        var entry = InflightWindow.Entry(identifier, terms, sentAt: now, ticket)
        entry.mayHaveBeenSent = isDuplicate
        entry.flight = flight
        sentThrough = max(sentThrough, ticket.number)
        return window.append(entry, message)
    }

    /// A QoS 1 message waits for `batch`, and so does each QoS 1 message after it.
    mutating func letFollowersWait(for batch: UInt64) { orderBatch = max(orderBatch, batch) }

    /// The session was found in the store.
    mutating func restore(sentThrough number: UInt64) { sentThrough = number }

    /// A message that was in flight when the broker ended goes back into the window.
    ///
    /// - Returns: false when its packet identifier is in use.
    mutating func restoreFlight(_ entry: InflightWindow.Entry, _ message: ApplicationMessage?) -> Bool {
        guard window.claim(entry.packetIdentifier) else { return false }
        window.append(entry, message, isSent: false)
        return true
    }

    /// A free identifier out of those that `take` returns, or else any free one.
    ///
    /// - Parameters:
    ///   - goesOn: the next identifiers are likely to come after it.
    ///   - take: returns an identifier that no copy in the queue has.
    /// - Returns: nil when all 65,535 are in use.
    mutating func freshIdentifier(goesOn: Bool, _ take: () -> UInt16) -> UInt16? {
        for _ in 0..<16 {
            let identifier = take()
            if window.claim(identifier, goesOn: goesOn) { return identifier }
        }
        return window.nextIdentifier()
    }

    // MARK: Messages in flight

    mutating func find(_ identifier: UInt16) -> InflightWindow.Place? { window.find(identifier) }

    /// The message was acknowledged or is lost: takes it out.
    mutating func remove(at place: InflightWindow.Place) -> InflightWindow.Removed {
        window.remove(at: place)
    }

    /// Its packet goes out now.
    mutating func sends(_ place: InflightWindow.Place, now: MonotonicTime) { window[place].sentAt = now }

    /// Its next packet was sent on this connection.
    ///
    /// - Parameter holdsPlace: the packet is PUBLISH, which counts towards the client's Receive Maximum.
    mutating func markSent(_ place: InflightWindow.Place, holdsPlace: Bool) {
        window.markSent(place, holdsPlace: holdsPlace)
    }

    /// Its packet identifier is in the store, or on its way there.
    mutating func identifierStored(_ place: InflightWindow.Place, _ flight: FlightNote) {
        window[place].flight = flight
    }

    /// PUBREC has come, and PUBREL is due.
    mutating func received(_ place: InflightWindow.Place, now: MonotonicTime) {
        window.received(place, now: now)
    }

    /// The client has the message; only its packet identifier is still in use.
    mutating func forgetMessage(at place: InflightWindow.Place) { window.forgetMessage(at: place) }

    /// Its next packet is sent when `batch` is committed.
    mutating func hold(_ place: InflightWindow.Place, for batch: UInt64) { window.hold(place, for: batch) }

    /// It was committed while the client was away: its packet is sent for the first time.
    mutating func endHold(_ place: InflightWindow.Place) { window.endHold(place) }

    /// The first message whose packet waited for a batch that is committed, and may be sent now. What was not sent on
    /// this connection is passed over: `nextUnsent` returns it in its order.
    mutating func nextCommitted(isOnline: Bool, _ isCommitted: (UInt64) -> Bool) -> InflightWindow.Place? {
        while let place = window.nextCommitted(isCommitted) {
            guard isOnline, window.isSent(place) else { continue }
            window.endHold(place)
            return place
        }
        return nil
    }

    // MARK: Sending later

    /// The next message to send again or for the first time on this connection.
    mutating func nextUnsent() -> InflightWindow.Place? {
        guard let place = window.nextUnsent() else { return nil }
        return window[place].isRelease || window.placesTaken < sendLimit ? place : nil
    }

    /// A job sends what is left.
    private var sendsMoreLater = false

    /// - Returns: false when the job is there already.
    mutating func beginSendingLater() -> Bool {
        defer { sendsMoreLater = true }
        return !sendsMoreLater
    }

    mutating func endSendingLater() { sendsMoreLater = false }

    private var retryTimerIsSet = false
    /// Which timer counts.
    private(set) var retryRound: UInt16 = 0

    /// - Returns: false when the timer for sending again is set already.
    mutating func beginRetryRound() -> Bool {
        guard !retryTimerIsSet else { return false }
        window.beginRetryRound()
        retryTimerIsSet = true
        return true
    }

    /// The timer has fired, and is not set again: nothing is in flight.
    mutating func endRetryTimer() { retryTimerIsSet = false }

    /// The timer that is set becomes void. - Returns: whether another is to be set.
    mutating func restartRetrying(isWanted: Bool) -> Bool {
        retryRound &+= 1
        retryTimerIsSet = isWanted && !window.isEmpty
        if retryTimerIsSet { window.beginRetryRound() }
        return retryTimerIsSet
    }

    /// The timer has seen the whole window and is set again.
    mutating func continueRetrying() { window.beginRetryRound() }

    /// The next PUBREL that was not sent on this connection. Receive Maximum limits PUBLISH only (§4.9).
    mutating func nextUnsentRelease() -> InflightWindow.Place? { window.nextUnsentRelease() }

    /// The next message that was sent on this connection, in a round through the window.
    ///
    /// - Parameter limit: entries that may be looked at; reduced by those that were.
    mutating func nextForRetry(_ limit: inout Int) -> InflightWindow.Place? { window.nextForRetry(&limit) }

    // MARK: on_deliver

    /// The question at `on_deliver`, which is about the copy in front of the queue.
    private var question: PendingHook?

    var isAsking: Bool { question != nil }
    mutating func ask(_ question: PendingHook) { self.question = question }
    mutating func takeQuestion() -> PendingHook? { question.take() }
    /// The question with this serial, if it is open.
    func question(serial: UInt64) -> PendingHook? { question.flatMap { $0.serial == serial ? $0 : nil } }
    /// Closes the question, if one is open.
    ///
    /// - Returns: the copy that it was about, which is still counted as queued.
    mutating func takeAskedCopy() -> QueuedMessage? {
        guard case .delivery(let copy)? = takeQuestion()?.subject else { return nil }
        return copy
    }
    /// The number in the store of the copy that it is about.
    var askedNumber: UInt64? {
        guard case .delivery(let copy)? = question?.subject else { return nil }
        return copy.ticket.number
    }

    // MARK: Answers

    /// Answers that promise what the store has not written yet, in order.
    private var answers: Deque<HeldAnswer> = []

    /// Answers that may wait for one client, about 200 KB. Then the client is not read.
    static let answerLimit = 4096

    /// Whether an answer may be sent at once; answers keep their order.
    @inline(__always)
    var mayAnswer: Bool { answers.isEmpty }
    var answerCount: Int { answers.count }

    mutating func hold(_ answer: HeldAnswer) { answers.append(answer) }

    /// Takes out the first answer, if what it waits for is settled.
    mutating func takeAnswer(_ isSettled: (StoreWait) -> Bool) -> HeldAnswer? {
        guard let first = answers.first, first.wait.isNone || isSettled(first.wait) else { return nil }
        return answers.removeFirst()
    }

    /// The connection has ended. The client sends its packets again when it is back.
    ///
    /// - Returns: how many answers were dropped.
    mutating func dropAnswers() -> Int {
        defer { answers = [] }
        return answers.count
    }

    // MARK: Retained messages

    /// Searches for the retained messages of new subscriptions.
    private(set) var scans = RetainedScans()
    /// A job for them is under way.
    private var isScanning = false

    /// - Returns: false when the job is there already.
    mutating func beginScanning() -> Bool {
        defer { isScanning = true }
        return !isScanning
    }

    mutating func endScanning() { isScanning = false }

    mutating func append(_ scan: RetainedScan) { scans.append(scan) }
    mutating func forgetScan(of filter: UTF8Text) { scans.remove(filter) }
    mutating func forgetScans() { scans.removeAll() }

    /// The first search has come as far as `cursor`, or to its end.
    mutating func scanned(to cursor: RetainedTrie<ApplicationMessage>.Cursor, isMore: Bool) {
        if isMore { scans.setFirst(cursor) } else { scans.removeFirst() }
    }

    // MARK: The end

    /// Takes out the messages in flight.
    mutating func takeWindow() -> InflightWindow {
        var taken = InflightWindow()
        swap(&taken, &window)
        return taken
    }

    /// Takes out the copies in memory, and forgets those in the store alone.
    mutating func takeQueue() -> Deque<QueuedMessage> { queue.removeAll() }
}

extension SessionSettings {
    /// MQTT 3: QoS 1 and 2 messages that may be under way to a client.
    var sendMaximum: Int { maxInflightMessages > 0 ? min(maxInflightMessages, 65_535) : 65_535 }
    /// Bytes of messages that may wait in memory; `.max` = no limit.
    var queueBytes: Int { queueByteLimit > 0 ? queueByteLimit : .max }
}

/// An answer to a client that promises something the store has not written yet.
struct HeldAnswer {
    let wait: StoreWait
    let since: MonotonicTime
    let answer: Answer

    enum Answer {
        case ack(PacketType, UInt16, ReasonCode)
        indirect case packet(ControlPacket, subscribe: UInt32?)
    }
}
