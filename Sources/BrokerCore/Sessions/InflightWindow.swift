import DequeModule
import MQTTCodec
package import Primitives

/// QoS 1 and 2 messages that were sent to one client and are not acknowledged yet, in the order of sending.
///
///     front                                                       back
///     [ id 7 awaits PUBACK | gone | id 9 awaits PUBREC | id 10 awaits PUBCOMP … | id 12 not sent on this connection ]
///       ▲ position `base`                                                         ▲ cursor `unsent`
///
///     queued → awaitingPuback  → gone   [acknowledged]
///     queued → awaitingPubrec  → awaitingPubcomp → gone   [received, completed]
///
/// Every operation takes amortised constant time, whatever is in the window and whatever the client acknowledges:
///
/// - An entry that is removed from the middle leaves a gap. Gaps at the front are removed with the first entry; when
///   more than half of the slots are gaps, all gaps are removed.
/// - Most acknowledgements come in the order of sending, so an entry is first looked for at the position that its
///   identifier lets expect. If it is not there, a window with few entries is searched from the front, and a window
///   with many gets a `PacketIdentifierTable`, which it keeps until it is empty.
/// - Identifiers ascend from 1 to 65535 and begin again; the last one is remembered when the client connects again. The
///   window knows how many of the next identifiers are free without checking each.
package struct InflightWindow: ~Copyable {
    package enum State: Sendable, Equatable, BitwiseCopyable {
        case awaitingPuback, awaitingPubrec, awaitingPubcomp
    }

    /// What is known of a message in flight. The window holds the message itself (`message(at:)`), so that entries are
    /// moved without reference counting, which took a quarter of the time of a QoS 1 message.
    @safe
    package struct Entry: BitwiseCopyable {
        package var packetIdentifier: UInt16
        package var state: State
        /// Whether it counts towards the client's Receive Maximum: its PUBLISH was sent on the connection `sentOn`.
        fileprivate var holdsPlace = false
        var flight = FlightNote.none
        /// Whether it may have been sent before the broker was last started.
        var mayHaveBeenSent = false
        fileprivate var sentOn: UInt32 = 0
        /// The window's own reference; nil when PUBREC has come, for PUBREL does not need the message.
        fileprivate var message: Unmanaged<ApplicationMessage.Storage>?
        /// Bytes of that message.
        fileprivate var byteCount = 0
        package var terms: DeliveryTerms
        package var sentAt: MonotonicTime
        package var ticket: StoreTicket
        /// The store batch that must be committed before its next packet may be sent; 0 = it has been sent.
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

        /// The entry of a copy whose PUBLISH is sent, or is to be sent.
        init(_ identifier: UInt16, _ terms: DeliveryTerms, sentAt: MonotonicTime, _ ticket: StoreTicket) {
            self.init(
                packetIdentifier: identifier,
                state: terms.qos == .exactlyOnce ? .awaitingPubrec : .awaitingPuback, terms: terms,
                sentAt: sentAt, ticket: ticket)
        }

        fileprivate var isGap: Bool { packetIdentifier == 0 }
        /// Whether its next packet is PUBREL.
        var isRelease: Bool { unsafe message == nil }
    }

    /// An entry that was taken out.
    package struct Removed {
        package let entry: Entry
        /// nil = the client has the message.
        package let message: ApplicationMessage?
    }

    /// The position of an entry. Valid until an entry is removed.
    package struct Place: Equatable {
        fileprivate let position: UInt32
    }

    private var slots: Deque<Entry> = []
    private var table: PacketIdentifierTable?
    /// Position of the first slot. Positions grow, and begin again at 0 after the highest number.
    private var base: UInt32 = 0
    private var liveCount: UInt32 = 0
    /// The largest number of slots since the window was last empty.
    private var peak: UInt32 = 0
    /// The identifier that was given last, and how many of those after it are known to be free.
    private var lastIdentifier: UInt16 = 0
    private var freeAhead: UInt16 = 0

    // The connection: its number, the position of the first entry that may not have been sent on it, and so on.
    private var connection: UInt32 = 1
    private var unsent: UInt32 = 0
    private var unsentRelease: UInt32 = 0
    private var retry: UInt32 = 0
    /// Entries that were not sent on this connection.
    package private(set) var unsentCount = 0
    /// Entries that count towards the client's Receive Maximum: from PUBLISH to PUBACK or PUBCOMP, on this connection
    /// [MQTT-4.9.0-2].
    package private(set) var placesTaken = 0
    /// Bytes of the messages in flight.
    package private(set) var byteCount = 0
    /// Entries that wait for a commit, in the order in which they began to wait; some may have been acknowledged since.
    private var held: Deque<(batch: UInt64, identifier: UInt16)> = []
    /// The highest number in the store of an entry since the window was last empty.
    private var highestNumber: UInt64 = 0

    /// A window with no more entries than this is searched from the front.
    private static let narrowCount = 64
    /// Gaps that are not worth removing.
    private static let idleGapCount = 32
    private static let identifierCount = 65_535
    /// Slots and words that were looked at one by one. Tests compare it with the number of packets.
    package private(set) var steps = 0

    package init() {}

    deinit { releaseMessages() }

    private func releaseMessages() {
        for entry in slots { unsafe entry.message?.release() }
    }

    package var count: Int { Int(liveCount) }
    package var isEmpty: Bool { liveCount == 0 }

    // MARK: Identifiers

    /// The next identifier that no entry uses; nil when all 65,535 are in use.
    package mutating func nextIdentifier() -> UInt16? {
        guard count < Self.identifierCount else { return nil }
        if freeAhead == 0 { lookAhead() }
        lastIdentifier = Self.identifier(behind: lastIdentifier)
        freeAhead -= 1
        return lastIdentifier
    }

    /// Claims an identifier that was chosen elsewhere. - Returns: whether it is free; then the caller appends an entry
    /// with it.
    ///
    /// - Parameter goesOn: the next identifiers are likely to come after this one.
    package mutating func claim(_ identifier: UInt16, goesOn: Bool = true) -> Bool {
        let distance = Self.distance(from: lastIdentifier, to: identifier)
        if isEmpty || distance <= Int(freeAhead) {
            freeAhead = isEmpty ? UInt16(Self.identifierCount - 1) : freeAhead - UInt16(distance)
            lastIdentifier = identifier
            return true
        }
        guard find(identifier) == nil else { return false }
        // An identifier before the last one says nothing about those after it.
        if goesOn, distance < Self.identifierCount / 2 {
            lastIdentifier = identifier
            freeAhead = UInt16(Self.distance(from: identifier, to: nearestInUse()) - 1)
        }
        return true
    }

    private static func identifier(behind identifier: UInt16) -> UInt16 {
        identifier == .max ? 1 : identifier + 1
    }

    /// How many identifiers further on the second is, counted upwards and beginning again at 1: 1...65535.
    private static func distance(from first: UInt16, to second: UInt16) -> Int {
        let distance = Int(second) - Int(first)
        return distance > 0 ? distance : distance + identifierCount
    }

    /// Goes on after identifiers in use, and finds out how many of the next are free. There must be a free one.
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
        // With few entries, each round goes past one of them.
        while nearest == Self.identifier(behind: lastIdentifier) {
            lastIdentifier = nearest
            nearest = nearestInUse()
        }
        freeAhead = UInt16(Self.distance(from: lastIdentifier, to: nearest) - 1)
    }

    /// The first identifier in use after the last that was given, which itself comes last.
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

    /// Appends an entry.
    ///
    /// - Parameters:
    ///   - entry: with an identifier that `nextIdentifier` returned or `claim` found free.
    ///   - message: nil when the client has it, and PUBREL is due.
    ///   - isSent: its PUBLISH is sent now, or with its commit. Then there must be no entry that was not sent.
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
        // A cursor before the front moves to the front.
        if unsent == base { unsent &+= 1 }
        if unsentRelease == base { unsentRelease &+= 1 }
        if retry == base { retry &+= 1 }
        base &+= 1
    }

    /// A window that had many entries frees its memory; one with few keeps it for the next messages.
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

    /// PUBREC has come, and PUBREL is due.
    mutating func received(_ place: Place, now: MonotonicTime) {
        self[place].state = .awaitingPubcomp
        self[place].sentAt = now
    }

    /// The client has the message; only the packet identifier is still in use.
    package mutating func forgetMessage(at place: Place) {
        let index = index(place)
        byteCount -= slots[index].byteCount
        slots[index].byteCount = 0
        unsafe slots[index].message.take()?.release()
    }

    /// Takes the first entry out.
    package mutating func popFirst() -> Removed? {
        isEmpty ? nil : remove(at: Place(position: base))
    }

    /// The numbers in the store of the messages in flight, from `lowest` on.
    func numbers(from lowest: UInt64) -> [UInt64] {
        guard highestNumber >= lowest else { return [] }
        return slots.lazy.filter { !$0.isGap }.map(\.ticket.number).filter { $0 >= lowest }
    }

    /// Places of entries, gaps included: what `look` goes through.
    var slotCount: Int { slots.count }

    /// Calls `body` with the entry at a slot, and its message; nil once PUBREC has come. Nothing is called for a gap.
    func look(at slot: Int, _ body: (Entry, ApplicationMessage?) -> Void) {
        let entry = slots[slot]
        guard !entry.isGap else { return }
        body(entry, unsafe entry.message.map { unsafe ApplicationMessage($0.takeUnretainedValue()) })
    }

    // MARK: The connection

    /// A new connection begins, on which nothing was sent yet.
    package mutating func beginConnection() {
        connection &+= 1
        unsentCount = count
        placesTaken = 0
        (unsent, unsentRelease, retry) = (base, base, base)
    }

    /// Whether a new message may be sent: all entries were sent on this connection, the client's Receive Maximum allows
    /// one more, and the bytes in flight are below `byteLimit`.
    package func hasRoom(_ window: Int, byteLimit: Int = .max) -> Bool {
        placesTaken < window && unsentCount == 0 && liveCount < Self.identifierCount && byteCount < byteLimit
    }

    /// The first entry that was not sent on this connection.
    package mutating func nextUnsent() -> Place? {
        guard unsentCount > 0 else { return nil }
        unsent = next(from: unsent, releasesOnly: false)
        return unsent == end ? nil : Place(position: unsent)
    }

    /// The first entry whose next packet is PUBREL and was not sent on this connection.
    package mutating func nextUnsentRelease() -> Place? {
        guard unsentCount > 0 else { return nil }
        unsentRelease = next(from: unsentRelease, releasesOnly: true)
        return unsentRelease == end ? nil : Place(position: unsentRelease)
    }

    private var end: UInt32 { base &+ UInt32(truncatingIfNeeded: slots.count) }

    /// A cursor goes past each entry once in a connection.
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

    /// The entry's next packet is sent on this connection, now or with its commit.
    package mutating func markSent(_ place: Place, holdsPlace: Bool) {
        let index = index(place)
        guard slots[index].sentOn != connection else { return }
        slots[index].sentOn = connection
        slots[index].holdsPlace = holdsPlace
        unsentCount -= 1
        if holdsPlace { placesTaken += 1 }
    }

    // MARK: What waits for a commit

    /// The entry's next packet is sent when `batch` is committed.
    mutating func hold(_ place: Place, for batch: UInt64) {
        self[place].heldFor = batch
        held.append((batch, self[place].packetIdentifier))
    }

    mutating func endHold(_ place: Place) { self[place].heldFor = 0 }

    /// The first entry whose batch is committed. The same entry is not returned again.
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

    /// The next entry that was sent on this connection, in a round through the window.
    ///
    /// - Parameter limit: slots that may be looked at; reduced by those that were.
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
