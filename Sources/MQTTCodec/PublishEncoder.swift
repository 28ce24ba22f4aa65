public import Primitives

/// Writes PUBLISH packets for subscribers: straight into an output buffer, or once into a template that many
/// subscribers share, where only the packet identifier differs.
///
///     | flags | remaining length | topic length | topic | packet id | property length | properties | payload |
public struct PublishEncoder: ~Escapable {
    private let topic: RawSpan
    private let properties: RawSpan
    private let payload: RawSpan

    /// The version of the subscriber's connection.
    public var version: ProtocolVersion
    /// The QoS to send with.
    public var qos: QoS = .atMostOnce
    /// The DUP flag; false with QoS 0.
    public var isDuplicate = false
    /// The RETAIN flag.
    public var isRetained = false
    /// Not 0 with QoS 1 and 2 [MQTT-2.2.1-2].
    public var packetIdentifier: UInt16 = 0
    /// Seconds left to live; v5 only.
    public var messageExpiryInterval: UInt32?
    /// 0 = none; v5 only.
    public var subscriptionIdentifier: UInt32 = 0
    /// 0 = none; v5 only.
    public var topicAlias: UInt16 = 0
    /// With a topic alias the client already knows, the topic itself is left out.
    public var omitsTopic = false

    /// - Parameter properties: encoded properties to pass on, without topic alias, message expiry and subscription id.
    @_lifetime(copy topic, copy properties, copy payload)
    public init(
        topic: RawSpan, properties: RawSpan, payload: RawSpan, version: ProtocolVersion
    ) {
        self.topic = topic
        self.properties = properties
        self.payload = payload
        self.version = version
    }

    /// Bytes of the encoded property list, without its length prefix.
    private var propertyByteCount: Int {
        guard version == .v5 else { return 0 }
        var count = properties.byteCount
        if messageExpiryInterval != nil { count += 5 }
        if topicAlias != 0 { count += 3 }
        if subscriptionIdentifier != 0 { count += 1 + Self.variableByteCount(Int(subscriptionIdentifier)) }
        return count
    }

    private func remainingLength(propertyByteCount: Int) -> Int {
        var count = 2 + (omitsTopic ? 0 : topic.byteCount) + payload.byteCount
        if qos != .atMostOnce { count += 2 }
        if version == .v5 { count += Self.variableByteCount(propertyByteCount) + propertyByteCount }
        return count
    }

    /// Bytes of the whole packet on the wire. Over `FixedHeader.largestPacketByteCount` there is no such packet: what
    /// came in as the largest of one version need not fit into another, which has a property length or no topic alias.
    public var packetByteCount: Int {
        let remaining = remainingLength(propertyByteCount: propertyByteCount)
        return 1 + Self.variableByteCount(remaining) + remaining
    }

    /// Appends the packet to `output`. - Complexity: O(topic + payload), without the payload when it is shared.
    ///
    /// - Parameter shared: the same bytes as the payload, when they may be written by reference rather than copied.
    /// - Returns: false, with nothing written, when the packet is larger than four bytes of remaining length can say.
    public func encode(to output: OutputBuffer, sharing shared: SharedBytes? = nil) -> Bool {
        let propertyCount = propertyByteCount
        let remaining = remainingLength(propertyByteCount: propertyCount)
        guard remaining <= FixedHeader.largestRemainingLength else { return false }
        let leavesPayloadOut = shared != nil
        let copied = copiedByteCount(remaining, leavesPayloadOut)
        unsafe output.append(count: copied) { target in
            _ = unsafe write(to: target, remaining, propertyCount, leavesPayloadOut)
        }
        if let shared { output.append(shared: shared, from: 0) }
        return true
    }

    /// Bytes of the packet, or of its part before the payload; nil when it is larger than four bytes of remaining length
    /// can say.
    public func templateByteCount(leavesPayloadOut: Bool) -> Int? {
        let remaining = remainingLength(propertyByteCount: propertyByteCount)
        return remaining <= FixedHeader.largestRemainingLength
            ? copiedByteCount(remaining, leavesPayloadOut) : nil
    }

    /// Encodes the packet into memory of `templateByteCount` bytes.
    ///
    /// - Returns: the offset of the packet identifier, 0 with QoS 0.
    public func encode(template: UnsafeMutableRawPointer, leavesPayloadOut: Bool) -> Int {
        let propertyCount = propertyByteCount
        let remaining = remainingLength(propertyByteCount: propertyCount)
        return unsafe write(to: template, remaining, propertyCount, leavesPayloadOut)
    }

    @inline(__always)
    private func copiedByteCount(_ remaining: Int, _ leavesPayloadOut: Bool) -> Int {
        1 + Self.variableByteCount(remaining) + remaining - (leavesPayloadOut ? payload.byteCount : 0)
    }

    /// Writes everything but a shared payload. - Returns: the offset of the packet identifier, 0 with QoS 0.
    @inline(__always)
    private func write(
        to target: UnsafeMutableRawPointer, _ remaining: Int, _ propertyCount: Int, _ leavesPayloadOut: Bool
    ) -> Int {
        var cursor = unsafe ByteCursor(target)
        unsafe cursor.put(0x30 | (isDuplicate ? 8 : 0) | qos.rawValue << 1 | (isRetained ? 1 : 0))
        unsafe cursor.putVariable(remaining)
        if omitsTopic {
            unsafe cursor.put(UInt16(0))
        } else {
            unsafe cursor.put(UInt16(truncatingIfNeeded: topic.byteCount))
            unsafe cursor.put(topic)
        }
        var identifierOffset = 0
        if qos != .atMostOnce {
            identifierOffset = unsafe cursor.offset
            unsafe cursor.put(packetIdentifier)
        }
        if version == .v5 {
            unsafe cursor.putVariable(propertyCount)
            if let messageExpiryInterval {
                unsafe cursor.put(UInt8(2))
                unsafe cursor.put(messageExpiryInterval)
            }
            if topicAlias != 0 {
                unsafe cursor.put(UInt8(35))
                unsafe cursor.put(topicAlias)
            }
            unsafe cursor.put(properties)
            if subscriptionIdentifier != 0 {
                unsafe cursor.put(UInt8(11))
                unsafe cursor.putVariable(Int(subscriptionIdentifier))
            }
        }
        if !leavesPayloadOut { unsafe cursor.put(payload) }
        return identifierOffset
    }

    @inline(__always)
    private static func variableByteCount(_ value: Int) -> Int {
        value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : value < 268_435_456 ? 4 : 5
    }
}

/// Writes front to back into memory that was measured before.
@unsafe private struct ByteCursor {
    private let base: UnsafeMutableRawPointer
    private(set) var offset = 0

    @inline(__always)
    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = unsafe base }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        unsafe base.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        unsafe offset += 1
    }

    @inline(__always)
    mutating func put(_ value: UInt16) {
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
        unsafe offset += 2
    }

    @inline(__always)
    mutating func put(_ value: UInt32) {
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
        unsafe offset += 4
    }

    @inline(__always)
    mutating func put(_ bytes: RawSpan) {
        let count = bytes.byteCount
        guard count > 0 else { return }
        unsafe bytes.withUnsafeBytes { source in
            if let from = source.baseAddress {
                unsafe (base + offset).copyMemory(from: from, byteCount: count)
            }
        }
        unsafe offset += count
    }

    @inline(__always)
    mutating func putVariable(_ value: Int) {
        var rest = value
        while rest > 127 {
            unsafe put(UInt8(truncatingIfNeeded: rest & 127 | 128))
            rest >>= 7
        }
        unsafe put(UInt8(truncatingIfNeeded: rest))
    }
}
