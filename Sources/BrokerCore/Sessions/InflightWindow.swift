import DequeModule
import MQTTCodec
package import Primitives

/// QoS 1 and 2 messages on their way to one client, in the order they were sent.
///
///     front                                                       back
///     [ id 7 awaits PUBACK | gone | id 9 awaits PUBREC | id 10 awaits PUBCOMP … | id 12 not sent on this connection ]
///       ▲ position `base`                                                         ▲ cursor `unsent`
///
///     queued → awaitingPuback  → gone   [acknowledged]
///     queued → awaitingPubrec  → awaitingPubcomp → gone   [received, completed]
///
/// Every operation takes constant work, amortised, whatever is in the window and whatever the client answers:
///
/// - One that leaves from the middle leaves a gap. Gaps at the front go with it; when over half are gaps, all go.
/// - Acknowledgements mostly come in the order of sending, so an entry is looked for where its identifier says it should
///   be. Where it is not, a narrow window is walked, and a wide one gets a `PacketIdentifierTable`, which it keeps until
///   it is empty.
/// - Identifiers ascend from 1 to 65535 and wrap; the next one is remembered across reconnects. How many of those ahead
///   are free is known without a look at each.
package struct InflightWindow: ~Copyable {
    package enum State: Sendable, Equatable, BitwiseCopyable {
        case awaitingPuback, awaitingPubrec, awaitingPubcomp
    }

    /// What is known of a message under way. Its bytes stay with the window (`message(at:)`), so that entries are moved
    /// about without counting references: that was a quarter of what a QoS 1 message cost.
    @safe
    package struct Entry: BitwiseCopyable {
        package var packetIdentifier: UInt16
        package var state: State
        /// It holds a place in the client's Receive Maximum: its PUBLISH went out on the connection `sentOn`.
        fileprivate var holdsPlace = false
        var flight = FlightNote.none
        /// It may have been sent before the broker was last started.
        var mayHaveBeenSent = false
        fileprivate var sentOn: UInt32 = 0
        /// The window's own reference; nil once PUBREC has come: the payload is not needed for PUBREL.
        fileprivate var message: Unmanaged<ApplicationMessage.Storage>?
        /// Bytes of that message.
        fileprivate var byteCount = 0
        package var terms: DeliveryTerms
        package var sentAt: MonotonicTime
        package var ticket: StoreTicket
        /// The batch that must be committed before the packet that is due now may be sent; 0 = it has been sent.
        package fileprivate(set) var heldFor: UInt64 = 0

        package init(
            packetIdentifier: UInt16, state: State, terms: DeliveryTerms, sentAt: MonotonicTime,
            ticket: StoreTicket = .none
        ) {
            self.packetIdentifier = packetIdentifier
            self.state = state
            self.terms = terms
            self.sentAt = sentAt
            self.ticket = ticket
        }

        fileprivate var isGap: Bool { packetIdentifier == 0 }
        /// What is due is PUBREL.
        var isRelease: Bool { unsafe message == nil }
    }

    /// What left the window.
    package struct Removed {
        package let entry: Entry
        /// nil: the client has it.
        package let message: ApplicationMessage?
    }

    /// Where an entry stands. Good until the next one is removed.
    package struct Place: Equatable {
        fileprivate let position: UInt32
    }

    private var slots: Deque<Entry> = []
    private var table: PacketIdentifierTable?
    /// Position of the first slot. Positions only grow, and wrap.
    private var base: UInt32 = 0
    private var liveCount: UInt32 = 0
    /// The most slots there were since it was last empty.
    private var peak: UInt32 = 0
    /// The identifier that was given last, and how many behind it are known to be free.
    private var lastIdentifier: UInt16 = 0
    private var freeAhead: UInt16 = 0

    // The connection: its number, where the first entry stands that may not have been sent on it, and so on.
    private var connection: UInt32 = 1
    private var unsent: UInt32 = 0
    private var unsentRelease: UInt32 = 0
    private var retry: UInt32 = 0
    /// Entries that were not sent on this connection.
    package private(set) var unsentCount = 0
    /// Entries that hold a place in the client's Receive Maximum: from PUBLISH to PUBACK or PUBCOMP, on this
    /// connection [MQTT-4.9.0-2].
    package private(set) var placesTaken = 0
    /// Bytes of the messages that are under way.
    package private(set) var byteCount = 0
    /// What waits for a commit, in the order in which it began to; some may have been acknowledged meanwhile.
    private var held: Deque<(batch: UInt64, identifier: UInt16)> = []
    /// No entry since it was last empty had a higher number in the store.
    private var highestNumber: UInt64 = 0

    /// Up to so many entries it is walked.
    private static let narrowCount = 64
    /// So many gaps are left alone.
    private static let idleGapCount = 32
    private static let identifierCount = 65_535
    /// Slots and words that were looked at one by one: what tests hold against the number of packets.
    package private(set) var steps = 0

    package init() {}

    deinit { releaseMessages() }

    private func releaseMessages() {
        for entry in slots { unsafe entry.message?.release() }
    }

    package var count: Int { Int(liveCount) }
    package var isEmpty: Bool { liveCount == 0 }

    // MARK: Identifiers

    /// The next identifier that no entry uses; nil when all 65,535 are under way.
    package mutating func nextIdentifier() -> UInt16? {
        guard count < Self.identifierCount else { return nil }
        if freeAhead == 0 { lookAhead() }
        lastIdentifier = Self.identifier(behind: lastIdentifier)
        freeAhead -= 1
        return lastIdentifier
    }

    /// Whether an identifier that was chosen elsewhere is free. If so, an entry with it is to be appended.
    ///
    /// - Parameter goesOn: those that are chosen next are likely to follow it.
    package mutating func claim(_ identifier: UInt16, goesOn: Bool = true) -> Bool {
        let distance = Self.distance(from: lastIdentifier, to: identifier)
        if isEmpty || distance <= Int(freeAhead) {
            freeAhead = isEmpty ? UInt16(Self.identifierCount - 1) : freeAhead - UInt16(distance)
            lastIdentifier = identifier
            return true
        }
        guard find(identifier) == nil else { return false }
        // One from behind says nothing of those ahead.
        if goesOn, distance < Self.identifierCount / 2 {
            lastIdentifier = identifier
            freeAhead = UInt16(Self.distance(from: identifier, to: nearestInUse()) - 1)
        }
        return true
    }

    private static func identifier(behind identifier: UInt16) -> UInt16 {
        identifier == .max ? 1 : identifier + 1
    }

    /// How far it is, upwards and round: 1...65535.
    private static func distance(from first: UInt16, to second: UInt16) -> Int {
        let distance = Int(second) - Int(first)
        return distance > 0 ? distance : distance + identifierCount
    }

    /// Passes over identifiers in use, and finds out how many behind them are free. There must be one.
    private mutating func lookAhead() {
        guard !isEmpty else {
            freeAhead = UInt16(Self.identifierCount)
            return
        }
        var nearest = nearestInUse()
        if count > Self.narrowCount, nearest == Self.identifier(behind: lastIdentifier) {
            let last = lastIdentifier
            let free = withTable { $0.nextFree(after: last) }
            lastIdentifier = free == 1 ? .max : free - 1
            nearest = nearestInUse()
        }
        // In a narrow window each round passes over one entry.
        while nearest == Self.identifier(behind: lastIdentifier) {
            lastIdentifier = nearest
            nearest = nearestInUse()
        }
        freeAhead = UInt16(Self.distance(from: lastIdentifier, to: nearest) - 1)
    }

    /// The first identifier in use behind the last that was given; that itself comes last.
    private mutating func nearestInUse() -> UInt16 {
        let last = lastIdentifier
        guard count <= Self.narrowCount else { return withTable { $0.nextInUse(after: last) } }
        steps += slots.count
        var nearest = last
        var least = Self.identifierCount
        for entry in slots where !entry.isGap {
            let distance = Self.distance(from: last, to: entry.packetIdentifier)
            if distance < least { (nearest, least) = (entry.packetIdentifier, distance) }
        }
        return nearest
    }

    /// Calls `body` with the table, which is made when there is none.
    private mutating func withTable<Result>(_ body: (inout PacketIdentifierTable) -> Result) -> Result {
        var made = table.take() ?? makeTable()
        let before = made.steps
        let result = body(&made)
        steps += made.steps - before
        table = made
        return result
    }

    private mutating func makeTable() -> PacketIdentifierTable {
        var made = PacketIdentifierTable()
        steps += slots.count
        for (index, entry) in slots.enumerated() where !entry.isGap {
            made.set(entry.packetIdentifier, to: base &+ UInt32(truncatingIfNeeded: index))
        }
        return made
    }

    // MARK: Entries

    /// Puts an entry behind all others.
    ///
    /// - Parameters:
    ///   - entry: its identifier is one that `nextIdentifier` gave or `claim` found free.
    ///   - message: nil when the client has it, and PUBREL is due.
    ///   - isSent: its PUBLISH goes out now, or with its commit. There must be none that was not sent then.
    @discardableResult
    package mutating func append(
        _ entry: Entry, _ message: consuming ApplicationMessage?, isSent: Bool = true
    ) -> Place {
        let position = base &+ UInt32(truncatingIfNeeded: slots.count)
        var entry = entry
        if let message {
            entry.byteCount = message.byteCount
            byteCount += entry.byteCount
            unsafe entry.message = Unmanaged.passRetained(message.storage)
        }
        if isSent {
            entry.sentOn = connection
            entry.holdsPlace = !entry.isRelease
            if entry.holdsPlace { placesTaken += 1 }
        } else {
            unsentCount += 1
        }
        slots.append(entry)
        liveCount += 1
        peak = max(peak, UInt32(truncatingIfNeeded: slots.count))
        highestNumber = max(highestNumber, entry.ticket.number)
        table?.set(entry.packetIdentifier, to: position)
        return Place(position: position)
    }

    /// The message of an entry; nil when PUBREL is due.
    package func message(at place: Place) -> ApplicationMessage? {
        unsafe slots[index(place)].message.map { unsafe ApplicationMessage($0.takeUnretainedValue()) }
    }

    private func index(_ place: Place) -> Int { Int(place.position &- base) }

    package mutating func find(_ identifier: UInt16) -> Place? {
        guard let first = slots.first else { return nil }
        let distance = Int(identifier) - Int(first.packetIdentifier)
        let guess = distance < 0 ? distance + Self.identifierCount : distance
        if guess < slots.count, slots[guess].packetIdentifier == identifier, identifier != 0 {
            return Place(position: base &+ UInt32(truncatingIfNeeded: guess))
        }
        if table == nil, count <= Self.narrowCount {
            steps += slots.count
            guard let index = slots.firstIndex(where: { $0.packetIdentifier == identifier }), identifier != 0
            else { return nil }
            return Place(position: base &+ UInt32(truncatingIfNeeded: index))
        }
        steps += 1
        return withTable { $0.place(of: identifier) }.map { Place(position: $0) }
    }

    package subscript(place: Place) -> Entry {
        _read { yield slots[index(place)] }
        _modify { yield &slots[index(place)] }
    }

    @discardableResult
    package mutating func remove(at place: Place) -> Removed {
        let index = index(place)
        let entry = slots[index]
        let removed = unsafe Removed(
            entry: entry, message: entry.message.map { unsafe ApplicationMessage($0.takeRetainedValue()) })
        if entry.sentOn != connection {
            unsentCount -= 1
        } else if entry.holdsPlace {
            placesTaken -= 1
        }
        table?.remove(entry.packetIdentifier)
        byteCount -= entry.byteCount
        liveCount -= 1
        if liveCount == 0 {
            clear()
            return removed
        }
        if index == 0 {
            removeFirst()
            while slots[0].isGap { removeFirst() }
        } else {
            slots[index].packetIdentifier = 0
            unsafe slots[index].message = nil
        }
        if slots.count > 2 * count + Self.idleGapCount { closeGaps() }
        return removed
    }

    private mutating func removeFirst() {
        slots.removeFirst()
        // What stands before the front stands at the front.
        if unsent == base { unsent &+= 1 }
        if unsentRelease == base { unsentRelease &+= 1 }
        if retry == base { retry &+= 1 }
        base &+= 1
    }

    /// A window that was wide gives its memory back; a narrow one keeps it for the next messages.
    private mutating func clear() {
        base &+= UInt32(truncatingIfNeeded: slots.count)
        slots.removeAll(keepingCapacity: peak <= Self.narrowCount)
        table = nil
        peak = 0
        highestNumber = 0
        liveCount = 0
        byteCount = 0
        freeAhead = 0
        unsentCount = 0
        placesTaken = 0
        (unsent, unsentRelease, retry) = (base, base, base)
    }

    private mutating func closeGaps() {
        steps += slots.count
        var kept = Deque<Entry>(minimumCapacity: count * 2)
        var moved = (unsent: base, release: base, retry: base)
        for (index, entry) in slots.enumerated() {
            let position = base &+ UInt32(truncatingIfNeeded: index)
            let place = base &+ UInt32(truncatingIfNeeded: kept.count)
            if position == unsent { moved.unsent = place }
            if position == unsentRelease { moved.release = place }
            if position == retry { moved.retry = place }
            guard !entry.isGap else { continue }
            table?.set(entry.packetIdentifier, to: place)
            kept.append(entry)
        }
        let end = base &+ UInt32(truncatingIfNeeded: slots.count)
        let newEnd = base &+ UInt32(truncatingIfNeeded: kept.count)
        unsent = unsent == end ? newEnd : moved.unsent
        unsentRelease = unsentRelease == end ? newEnd : moved.release
        retry = retry == end ? newEnd : moved.retry
        slots = kept
    }

    /// The client has the message: only its identifier is still under way.
    package mutating func forgetMessage(at place: Place) {
        let index = index(place)
        byteCount -= slots[index].byteCount
        slots[index].byteCount = 0
        unsafe slots[index].message.take()?.release()
    }

    /// Takes the first out.
    package mutating func popFirst() -> Removed? {
        isEmpty ? nil : remove(at: Place(position: base))
    }

    /// The numbers in the store of what is under way, from `lowest` on.
    func numbers(from lowest: UInt64) -> [UInt64] {
        guard highestNumber >= lowest else { return [] }
        return slots.lazy.filter { !$0.isGap }.map(\.ticket.number).filter { $0 >= lowest }
    }

    // MARK: The connection

    /// There is a new connection, on which nothing was sent.
    package mutating func beginConnection() {
        connection &+= 1
        unsentCount = count
        placesTaken = 0
        (unsent, unsentRelease, retry) = (base, base, base)
    }

    /// Whether a message that is new to the client may be sent: what was under way has gone out, there is room in
    /// the client's Receive Maximum, and what it has not acknowledged is less than `byteLimit`.
    package func hasRoom(_ window: Int, byteLimit: Int = .max) -> Bool {
        placesTaken < window && unsentCount == 0 && liveCount < Self.identifierCount && byteCount < byteLimit
    }

    /// The first entry that was not sent on this connection.
    package mutating func nextUnsent() -> Place? {
        guard unsentCount > 0 else { return nil }
        unsent = next(from: unsent, releasesOnly: false)
        return unsent == end ? nil : Place(position: unsent)
    }

    /// The first entry whose PUBREL is due and was not sent on this connection.
    package mutating func nextUnsentRelease() -> Place? {
        guard unsentCount > 0 else { return nil }
        unsentRelease = next(from: unsentRelease, releasesOnly: true)
        return unsentRelease == end ? nil : Place(position: unsentRelease)
    }

    private var end: UInt32 { base &+ UInt32(truncatingIfNeeded: slots.count) }

    /// A cursor passes over each entry once in a connection.
    private mutating func next(from cursor: UInt32, releasesOnly: Bool) -> UInt32 {
        var index = Int(cursor &- base)
        while index < slots.count {
            let isDue =
                !slots[index].isGap && slots[index].sentOn != connection
                && (!releasesOnly || slots[index].isRelease)
            if isDue { break }
            steps += 1
            index += 1
        }
        return base &+ UInt32(truncatingIfNeeded: index)
    }

    /// What is due of the entry goes out on this connection, now or with its commit.
    package mutating func markSent(_ place: Place, holdsPlace: Bool) {
        let index = index(place)
        guard slots[index].sentOn != connection else { return }
        slots[index].sentOn = connection
        slots[index].holdsPlace = holdsPlace
        unsentCount -= 1
        if holdsPlace { placesTaken += 1 }
    }

    // MARK: What waits for a commit

    /// What is due of the entry is sent when `batch` is committed.
    mutating func hold(_ place: Place, for batch: UInt64) {
        self[place].heldFor = batch
        held.append((batch, self[place].packetIdentifier))
    }

    mutating func endHold(_ place: Place) { self[place].heldFor = 0 }

    /// The first entry whose batch is committed; it is not found again.
    mutating func nextCommitted(_ isCommitted: (UInt64) -> Bool) -> Place? {
        while let first = held.first, isCommitted(first.batch) {
            held.removeFirst()
            if held.isEmpty { held = [] }
            if let place = find(first.identifier), self[place].heldFor == first.batch { return place }
        }
        return nil
    }

    func isSent(_ place: Place) -> Bool { slots[index(place)].sentOn == connection }

    // MARK: Sending again within a connection

    mutating func beginRetryRound() { retry = base }
    var isRetryRoundOver: Bool { retry == end }

    /// The next entry of the round that was sent on this connection.
    ///
    /// - Parameter limit: slots that may be looked at; goes down by those that were.
    mutating func nextForRetry(_ limit: inout Int) -> Place? {
        while retry != end, limit > 0 {
            let place = Place(position: retry)
            retry &+= 1
            steps += 1
            limit -= 1
            let index = index(place)
            if !slots[index].isGap, slots[index].sentOn == connection, slots[index].heldFor == 0 {
                return place
            }
        }
        return nil
    }
}
