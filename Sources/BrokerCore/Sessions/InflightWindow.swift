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
/// Identifiers ascend from 1 to 65535 and wrap; the next one is remembered across reconnects. Acknowledgements
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
        /// The number it had in the queue's store; 0 = not stored.
        package var storeNumber: UInt64 = 0
    }

    package private(set) var entries: Deque<Entry> = []
    private var lastIdentifier: UInt16 = 0
    /// Entries that hold a place in the client's Receive Maximum: all until PUBACK or PUBCOMP [MQTT-4.9.0-2].
    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty }

    package init() {}

    /// An identifier no entry uses; nil when all 65,535 are under way.
    package mutating func nextIdentifier() -> UInt16? {
        guard entries.count < 65_535 else { return nil }
        var candidate = lastIdentifier
        repeat {
            candidate = candidate == 65_535 ? 1 : candidate + 1
        } while mayBeInUse(candidate) && index(of: candidate) != nil
        lastIdentifier = candidate
        return candidate
    }

    /// Identifiers ascend cyclically from the front's to the back's: outside that span none is in use.
    private func mayBeInUse(_ identifier: UInt16) -> Bool {
        guard let first = entries.first, let last = entries.last else { return false }
        let span = last.packetIdentifier &- first.packetIdentifier
        return identifier &- first.packetIdentifier <= span
    }

    package mutating func append(_ entry: Entry) { entries.append(entry) }

    package func index(of identifier: UInt16) -> Int? {
        guard let first = entries.first else { return nil }
        let guess = Int(identifier &- first.packetIdentifier)
        if guess < entries.count, entries[guess].packetIdentifier == identifier { return guess }
        return entries.firstIndex { $0.packetIdentifier == identifier }
    }

    package subscript(index: Int) -> Entry {
        get { entries[index] }
        set { entries[index] = newValue }
    }

    @discardableResult
    package mutating func remove(at index: Int) -> Entry { entries.remove(at: index) }

    package mutating func removeAll() -> Deque<Entry> {
        defer { entries = [] }
        return entries
    }
}
