import MQTTCodec
import Primitives

/// What the hooks at `auth_on_publish` have allowed without changes: connection and topic, until a hook says that it may
/// decide otherwise now (`Broker.forgetDecisions`) or plugins come or go.
///
/// One table for a loop, with a fixed number of places: a client that publishes to ever other topics takes places from
/// others, which costs those a question, and no memory.
///
///     place = hash(topic, connection) mod 4096      [ session | epoch | generation | topic bytes ]
struct PermitCache {
    private struct Place {
        var session: UInt64 = 0
        /// Of the connection; 0 = the place is free.
        var epoch: UInt32 = 0
        var generation: UInt64 = 0
        var topic: [UInt8] = []
    }

    private static let placeCount = 4096
    /// Longer topics are asked about each time, so the topics take at most 1 MB.
    static let topicLimit = 256
    /// Where what was remembered is counted: MQTT 3, MQTT 5.
    private var tallies: (v4: HookTally?, v5: HookTally?) = (nil, nil)
    /// Made with the first entry.
    private var places: ContiguousArray<Place> = []
    /// Bytes that the topics in it take.
    private(set) var byteCount = 0

    @inline(__always)
    private static func index(_ topic: RawSpan, _ session: SessionHandle, _ epoch: UInt32) -> Int {
        let hash = RouteCache.hash(topic, .default) ^ (session.bits &* 0x9E37_79B9_7F4A_7C15) ^ UInt64(epoch)
        return Int(truncatingIfNeeded: (hash ^ hash >> 29) & UInt64(placeCount - 1))
    }

    /// Whether this connection may publish to the topic, as far as it is remembered.
    func allows(_ topic: RawSpan, _ session: SessionHandle, _ epoch: UInt32, generation: UInt64) -> Bool {
        guard !places.isEmpty else { return false }
        let index = Self.index(topic, session, epoch)
        guard places[index].epoch == epoch, places[index].session == session.bits,
            places[index].generation == generation
        else { return false }
        return Self.isEqual(places[index].topic, topic)
    }

    /// The hooks have said yes.
    mutating func remember(
        _ topic: RawSpan, _ session: SessionHandle, _ epoch: UInt32, generation: UInt64,
        _ version: ProtocolVersion, _ tally: HookTally
    ) {
        guard topic.byteCount <= Self.topicLimit else { return }
        if version == .v5 { tallies.v5 = tally } else { tallies.v4 = tally }
        if places.isEmpty { places = ContiguousArray(repeating: Place(), count: Self.placeCount) }
        let index = Self.index(topic, session, epoch)
        byteCount += topic.byteCount - places[index].topic.count
        places[index] = Place(
            session: session.bits, epoch: epoch, generation: generation, topic: topic.copiedBytes())
    }

    /// A question was not asked.
    @inline(__always)
    func countHit(_ version: ProtocolVersion) {
        if version == .v5 { tallies.v5?.count(.remembered) } else { tallies.v4?.count(.remembered) }
    }

    /// Nothing is remembered any more.
    mutating func forget() {
        places = []
        byteCount = 0
    }

    private static func isEqual(_ bytes: [UInt8], _ span: RawSpan) -> Bool {
        guard bytes.count == span.byteCount else { return false }
        var offset = 0
        let own = unsafe bytes.span.bytes
        while offset + 8 <= span.byteCount {
            let left = unsafe own.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
            let right = unsafe span.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
            if left != right { return false }
            offset += 8
        }
        while offset < span.byteCount {
            if own.byte(at: offset) != span.byte(at: offset) { return false }
            offset += 1
        }
        return true
    }
}
