import MQTTCodec
import Primitives
import Synchronization

/// Copies of messages that one loop has for another in one turn: encoded bytes and targets, back to back.
///
/// A QoS 0 message of small size is copied in whole, so nothing is allocated for it; others are kept by reference.
///
///     bytes    | topic A | properties A | payload A | topic B | …
///     records  [ A: where its bytes lie, first target, count ] [ B … ] [ C: message object ]
///     targets  [ A₁ A₂ A₃ | B₁ | C₁ C₂ ]
///                    ▲ takenCount: taken in slices, since a batch may be longer than a turn
package final class DeliveryBatch: @unchecked Sendable {
    // One loop fills it, then posts it and forgets it; the loop that takes it out of its mailbox owns it from then
    // on. The mailbox's lock orders the two.
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
    /// Of the copies that were stored, by index in `targets`; empty when none was.
    private var tickets: ContiguousArray<StoreTicket> = []
    /// The publication that `append` is adding targets to.
    private var openSerial: UInt64 = 0
    private var heldByteCount = 0
    /// Copies that `take` has handed out, and the record of the next one.
    private var takenCount = 0
    private var nextRecord = 0

    var copyCount: Int { targets.count }
    /// Memory this batch holds: what back-pressure goes by.
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

    /// Hands out the next copies in the order of `append`: calls `body` with each message and those it is for. A
    /// message whose copies do not all fit comes again with the rest of them.
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

/// Batches between two uses, so that a busy pair of loops does not allocate.
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
