import MQTTCodec
import Primitives
import Synchronization

/// Copies of messages that one loop has for another in one turn: the messages' bytes and the targets, one after the
/// other.
///
/// A small QoS 0 message is copied as a whole, so nothing is allocated for it; the batch holds other messages by
/// reference.
///
///     bytes    | topic A | properties A | payload A | topic B | …
///     records  [ A: where its bytes lie, first target, count ] [ B … ] [ C: message object ]
///     targets  [ A₁ A₂ A₃ | B₁ | C₁ C₂ ]
///                    ▲ takenCount: taken in slices, since a batch may be longer than a turn
package final class DeliveryBatch: @unchecked Sendable {
    // One loop fills it, posts it and does not touch it again; the loop that takes it out of its mailbox owns it from
    // then on. The mailbox's lock makes sure that the second sees what the first wrote.
    private struct Record {
        var facts: MessageFacts
        var message: ApplicationMessage?
        var offset: Int
        var topicCount: Int
        var propertyCount: Int
        var payloadCount: Int
        var firstTarget: Int
        var targetCount: Int
    }

    private var bytes: [UInt8] = []
    private var records: ContiguousArray<Record> = []
    private var targets: ContiguousArray<SubscriptionTarget> = []
    /// Where the copies were stored, by index in `targets`; empty when none was stored.
    private var tickets: ContiguousArray<StoreTicket> = []
    /// The publication that `append` is adding targets to.
    private var openSerial: UInt64 = 0
    private var heldByteCount = 0
    /// Copies that `take` has handed out, and the record of the next one.
    private var takenCount = 0
    private var nextRecord = 0

    var copyCount: Int { targets.count }
    /// Memory that this batch holds, in bytes. Publishers are not read when too much is on its way to one loop.
    var byteCount: Int {
        bytes.count + heldByteCount + targets.count * MemoryLayout<SubscriptionTarget>.stride
    }

    /// Adds one copy.
    ///
    /// - Parameter serial: the publication's number on its loop, not 0; its copies share one record.
    func append(
        _ publication: inout Publication, _ target: SubscriptionTarget, _ ticket: StoreTicket = .none,
        serial: UInt64
    ) {
        if serial != openSerial {
            open(&publication)
            openSerial = serial
        }
        if ticket.isStored || !tickets.isEmpty {
            while tickets.count < targets.count { tickets.append(.none) }
            tickets.append(ticket)
        }
        targets.append(target)
        records[records.count - 1].targetCount += 1
    }

    private func open(_ publication: inout Publication) {
        var record = Record(
            facts: publication.facts, message: nil, offset: bytes.count,
            topicCount: publication.topic.byteCount,
            propertyCount: publication.properties.byteCount, payloadCount: publication.payload.byteCount,
            firstTarget: targets.count, targetCount: 0)
        if publication.facts.qos != .atMostOnce || publication.isLarge || publication.message != nil {
            let message = publication.sharedMessage()
            record.message = message
            heldByteCount += message.byteCount
        } else {
            add(publication.topic)
            add(publication.properties)
            add(publication.payload)
        }
        records.append(record)
    }

    private func add(_ span: RawSpan) {
        unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    var isEmpty: Bool { takenCount == targets.count }

    /// Takes the next copies out, in the order of `append`: calls `body` with each message and its targets. A message
    /// with more targets than fit comes again with the others in the next call.
    ///
    /// - Parameter limit: at most so many copies.
    /// - Returns: how many there were; 0 when nothing is left.
    func take(_ limit: Int, _ body: (inout Publication, ArraySlice<SubscriptionTarget>) -> Void) -> Int {
        let bytes = bytes
        let start = takenCount
        let end = min(targets.count, start + limit)
        while takenCount < end {
            let record = records[nextRecord]
            let recordEnd = record.firstTarget + record.targetCount
            let slice = targets[takenCount..<min(recordEnd, end)]
            takenCount = slice.endIndex
            if takenCount == recordEnd { nextRecord += 1 }
            if let message = record.message {
                var publication = Publication(message)
                body(&publication, slice)
            } else {
                let span = unsafe bytes.span.bytes
                let topicEnd = record.offset + record.topicCount
                let propertyEnd = topicEnd + record.propertyCount
                var publication = Publication(
                    topic: span.extracting(record.offset..<topicEnd),
                    properties: span.extracting(topicEnd..<propertyEnd),
                    payload: span.extracting(propertyEnd..<propertyEnd + record.payloadCount),
                    facts: record.facts)
                body(&publication, slice)
            }
        }
        return end - start
    }

    /// Where the copy at `index` of the slices of `take` was stored.
    @inline(__always)
    func ticket(at index: Int) -> StoreTicket { index < tickets.count ? tickets[index] : .none }

    func removeAll() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
        records.removeAll(keepingCapacity: records.capacity <= 1 << 14)
        targets.removeAll(keepingCapacity: targets.capacity <= 1 << 16)
        tickets.removeAll(keepingCapacity: tickets.capacity <= 1 << 16)
        heldByteCount = 0
        openSerial = 0
        takenCount = 0
        nextRecord = 0
    }
}

/// Batches that are not in use, so that loops which send each other many copies do not allocate.
final class DeliveryBatchPool: Sendable {
    private let free = Mutex<[DeliveryBatch]>([])

    func take() -> DeliveryBatch {
        free.withLock { $0.popLast() } ?? DeliveryBatch()
    }

    func give(_ batch: DeliveryBatch) {
        batch.removeAll()
        free.withLock { if $0.count < 64 { $0.append(batch) } }
    }
}
