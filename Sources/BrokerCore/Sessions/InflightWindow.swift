package import DequeModule
import MQTTCodec
package import Primitives

/// QoS 1 and 2 messages on their way to one client, in the order they were sent.
///
///     front                                            back
///     [ id 7 awaits PUBACK | id 8 awaits PUBREC | id 9 awaits PUBCOMP | id 10 … ]
///
///     queued → awaitingPuback  → gone   [acknowledged]
///     queued → awaitingPubrec  → awaitingPubcomp → gone   [received, completed]
///
/// Identifiers ascend from 1 to 65535 and wrap; the next one is remembered across reconnects. One that is still in
/// use when its turn comes round again is passed over. Acknowledgements
/// mostly come in the order of sending, so an entry is looked for where its identifier says it should be, and only
/// then by walking.
package struct InflightWindow {
    package enum State: Sendable, Equatable {
        case awaitingPuback, awaitingPubrec, awaitingPubcomp
    }

    package struct Entry {
        package var packetIdentifier: UInt16
        package var state: State
        /// nil once PUBREC has come: the payload is not needed for PUBREL.
        package var message: ApplicationMessage?
        package var terms: DeliveryTerms
        package var sentAt: MonotonicTime
        package var ticket: StoreTicket
        /// The batch that must be committed before the packet that is due now may be sent; 0 = it has been sent.
        var heldFor: UInt64 = 0
        var flight = FlightNote.none
        fileprivate var serial: UInt64 = 0

        package init(
            packetIdentifier: UInt16, state: State, message: ApplicationMessage?, terms: DeliveryTerms,
            sentAt: MonotonicTime, ticket: StoreTicket = .none
        ) {
            self.packetIdentifier = packetIdentifier
            self.state = state
            self.message = message
            self.terms = terms
            self.sentAt = sentAt
            self.ticket = ticket
        }
    }

    package private(set) var entries: Deque<Entry> = []
    /// The most it held since it was last empty.
    private var peak = 0
    private static let keptLength = 64
    /// Counts the identifiers given and passed over. Those of 65,535 numbers in a row are all different.
    private var lastSerial: UInt64 = 0
    /// Entries that hold a place in the client's Receive Maximum: all until PUBACK or PUBCOMP [MQTT-4.9.0-2].
    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty }

    package init() {}

    /// An identifier no entry uses; nil when all 65,535 are under way.
    package mutating func nextIdentifier() -> UInt16? {
        guard entries.count < 65_535 else { return nil }
        repeat {
            lastSerial += 1
        } while mayBeInUse(lastSerial) && index(of: Self.identifier(lastSerial)) != nil
        return Self.identifier(lastSerial)
    }

    private static func identifier(_ serial: UInt64) -> UInt16 {
        UInt16(truncatingIfNeeded: serial % 65_535 == 0 ? 65_535 : serial % 65_535)
    }

    /// Only when the numbers have come round to the oldest entry's can one of them be in use.
    private func mayBeInUse(_ serial: UInt64) -> Bool {
        entries.first.map { serial - $0.serial >= 65_535 } ?? false
    }

    /// - Parameter entry: its identifier is the last that `nextIdentifier` gave, or one from an earlier life of the
    ///   session, in the order of sending.
    package mutating func append(_ entry: Entry) {
        let last = Self.identifier(lastSerial)
        if lastSerial == 0 || entry.packetIdentifier != last {
            let start = lastSerial == 0 ? 0 : UInt64(last)
            lastSerial += (UInt64(entry.packetIdentifier) + 65_535 - start) % 65_535
            if lastSerial == 0 { lastSerial = 65_535 }
        }
        var entry = entry
        entry.serial = lastSerial
        entries.append(entry)
        peak = max(peak, entries.count)
    }

    package func index(of identifier: UInt16) -> Int? {
        guard let first = entries.first else { return nil }
        let distance = Int(identifier) - Int(first.packetIdentifier)
        let guess = distance < 0 ? distance + 65_535 : distance
        if guess < entries.count, entries[guess].packetIdentifier == identifier { return guess }
        return entries.firstIndex { $0.packetIdentifier == identifier }
    }

    /// The numbers in the store of what is under way.
    var numbers: some Sequence<UInt64> { entries.lazy.map(\.ticket.number) }

    /// Without a copy of the entry and its message.
    func state(at index: Int) -> State { entries[index].state }

    package subscript(index: Int) -> Entry {
        get { entries[index] }
        set { entries[index] = newValue }
    }

    @discardableResult
    package mutating func remove(at index: Int) -> Entry {
        let entry = entries.remove(at: index)
        if entries.isEmpty {
            // A window that was wide gives its memory back; a narrow one keeps it for the next messages.
            if peak > Self.keptLength { entries = [] }
            peak = 0
        }
        return entry
    }

    package mutating func removeAll() -> Deque<Entry> {
        defer { entries = [] }
        return entries
    }
}
