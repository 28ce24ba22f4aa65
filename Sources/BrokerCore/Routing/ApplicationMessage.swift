package import MQTTCodec
package import Primitives

/// What travels with a message apart from its bytes.
package struct MessageFacts: Sendable {
    package var qos: QoS
    /// The RETAIN flag as the publisher set it.
    package var isRetained: Bool
    package var mountpoint: Mountpoint
    /// Who published it; nil for the broker itself. No Local compares with it [MQTT-3.8.3-3].
    package var publisher: SessionHandle?
    /// When it expires; nil = never.
    package var expiryDeadline: MonotonicTime?
    /// Payload Format Indicator 1: the payload is UTF-8 text.
    package var payloadIsUTF8: Bool
    /// How long `auth_on_publish` took; longest 71 minutes.
    package var hookMicroseconds: UInt32 = 0
    /// When the broker got it, at the resolution of a turn; nil = before it was last started.
    package var receivedAt: MonotonicTime? { received.nanoseconds == 0 ? nil : received }
    /// 0 = not known: an optional would take twice the bytes.
    let received: MonotonicTime

    package init(
        qos: QoS, isRetained: Bool, mountpoint: Mountpoint, publisher: SessionHandle?,
        expiryDeadline: MonotonicTime? = nil, payloadIsUTF8: Bool = false, receivedAt: MonotonicTime? = nil
    ) {
        self.qos = qos
        self.isRetained = isRetained
        self.mountpoint = mountpoint
        self.publisher = publisher
        self.expiryDeadline = expiryDeadline
        self.payloadIsUTF8 = payloadIsUTF8
        received = receivedAt ?? MonotonicTime(nanoseconds: 0)
    }
}

/// One published message, immutable, shared by reference between queues and loops.
///
/// Topic, properties and a small payload lie behind the object in the same allocation:
///
///     [ object header | facts, counts | topic | properties | payload ]
///
/// A payload of `OutputBuffer.sharingThreshold` bytes or more is a `SharedBytes` of its own, so that connections
/// can write from it without copying.
@safe package struct ApplicationMessage: @unchecked Sendable {
    // Nothing of it changes once `init` has returned.

    /// The object. A structure around it, because a `ManagedBuffer` cannot be `Sendable`.
    let storage: Storage

    final class Storage: ManagedBuffer<Head, UInt8> {}

    /// What stands in front of the bytes.
    struct Head {
        let facts: MessageFacts
        let topicCount: Int32
        let propertyCount: Int32
        let inlinePayloadCount: Int32
        let sharedPayload: SharedBytes?
    }

    init(_ storage: Storage) { self.storage = storage }

    /// Copies the spans.
    package init(facts: MessageFacts, topic: RawSpan, properties: RawSpan, payload: RawSpan) {
        let isShared = payload.byteCount >= OutputBuffer.sharingThreshold
        self.init(
            facts: facts, topic: topic, properties: properties, payload: payload,
            shared: isShared ? SharedBytes(copying: payload) : nil)
    }

    /// - Parameter shared: the payload, when it is large; `payload` is not looked at then.
    private init(
        facts: MessageFacts, topic: RawSpan, properties: RawSpan, payload: RawSpan, shared: SharedBytes?
    ) {
        let inlineCount = shared == nil ? payload.byteCount : 0
        let head = Head(
            facts: facts, topicCount: Int32(truncatingIfNeeded: topic.byteCount),
            propertyCount: Int32(truncatingIfNeeded: properties.byteCount),
            inlinePayloadCount: Int32(truncatingIfNeeded: inlineCount),
            sharedPayload: shared)
        let made = Storage.create(
            minimumCapacity: topic.byteCount + properties.byteCount + inlineCount
        ) { _ in head }
        storage = unsafe unsafeDowncast(made, to: Storage.self)
        unsafe Self.copy(topic, to: bytes)
        unsafe Self.copy(properties, to: bytes + topic.byteCount)
        if shared == nil { unsafe Self.copy(payload, to: bytes + topic.byteCount + properties.byteCount) }
    }

    /// Another object of the same bytes with other facts. A large payload is shared.
    init(_ message: ApplicationMessage, facts: MessageFacts) {
        if let payload = message.sharedPayload {
            let bytes = payload.span.extracting(0..<0)
            self.init(
                facts: facts, topic: message.topic, properties: message.properties, payload: bytes,
                shared: payload)
        } else {
            self.init(
                facts: facts, topic: message.topic, properties: message.properties, payload: message.payload)
        }
    }

    /// Whether both are the same object.
    package static func === (left: ApplicationMessage, right: ApplicationMessage) -> Bool {
        left.storage === right.storage
    }

    package var facts: MessageFacts { storage.header.facts }
    /// The payload, when it is large.
    package var sharedPayload: SharedBytes? { storage.header.sharedPayload }

    @inline(__always)
    private var bytes: UnsafeMutableRawPointer {
        unsafe storage.withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) }
    }

    @inline(__always)
    private static func copy(_ span: RawSpan, to target: UnsafeMutableRawPointer) {
        unsafe span.withUnsafeBytes { source in
            if let from = source.baseAddress { unsafe target.copyMemory(from: from, byteCount: source.count) }
        }
    }

    private var topicCount: Int { Int(storage.header.topicCount) }
    private var propertyCount: Int { Int(storage.header.propertyCount) }
    private var inlinePayloadCount: Int { Int(storage.header.inlinePayloadCount) }

    /// The topic name.
    package var topic: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            unsafe _overrideLifetime(RawSpan(_unsafeStart: bytes, byteCount: topicCount), borrowing: self)
        }
    }

    /// Encoded MQTT 5 properties to pass on, without topic alias, message expiry and subscription identifiers.
    package var properties: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            unsafe _overrideLifetime(
                RawSpan(_unsafeStart: bytes + topicCount, byteCount: propertyCount), borrowing: self)
        }
    }

    package var payload: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            if let sharedPayload {
                return unsafe _overrideLifetime(
                    RawSpan(_unsafeStart: sharedPayload.base, byteCount: sharedPayload.count), borrowing: self
                )
            }
            return unsafe _overrideLifetime(
                RawSpan(_unsafeStart: bytes + topicCount + propertyCount, byteCount: inlinePayloadCount),
                borrowing: self)
        }
    }

    package var payloadByteCount: Int { sharedPayload?.count ?? inlinePayloadCount }

    /// Memory this message holds, in bytes: what queue and retained accounting go by.
    package var byteCount: Int {
        topicCount + propertyCount + payloadByteCount + Self.overheadByteCount
    }

    /// Object header, facts and allocator overhead of a message, in bytes.
    package static let overheadByteCount = 144

    package func isExpired(at now: MonotonicTime) -> Bool {
        guard let deadline = facts.expiryDeadline else { return false }
        return now >= deadline
    }
}
