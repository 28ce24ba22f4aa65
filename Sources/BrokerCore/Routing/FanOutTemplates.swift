import MQTTCodec
import Primitives

/// The encoded packets of the message that is being given to its subscribers: one for each wire shape. It is made for
/// the first subscriber of that shape and copied for the others. Only the packet identifier differs.
///
///     shape = version (4, 5) × QoS × RETAIN        12 of them
struct FanOutTemplates: ~Copyable {
    @safe private struct Template {
        /// Memory of its own, for an array would be counted with each copy; kept for the next message.
        var block = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
        /// Bytes in it; 0 = there is no such packet.
        var byteCount = 0
        var identifierOffset = 0
        /// Whether the payload is not in it. A large payload may be there: the shared object may have been made
        /// after the template, for a later subscriber.
        var leavesPayloadOut = false
        var serial: UInt64 = 0
    }

    private var templates: ContiguousArray<Template> = ContiguousArray(repeating: Template(), count: 12)
    /// The number of the message that a template must belong to.
    private var serial: UInt64 = 0
    private(set) var isActive = false
    /// Room for a small payload with its topic and some properties. A larger block is not kept.
    private static let keptByteCount = 64 * 1024

    init() {}

    deinit {
        for index in templates.indices { unsafe templates[index].block.deallocate() }
    }

    /// To be called before a message with many subscribers is given: templates of an earlier message are not valid any
    /// more.
    mutating func begin() {
        serial += 1
        isActive = true
    }

    mutating func end() { isActive = false }

    /// Appends a PUBLISH of the message to `output`.
    ///
    /// - Parameter identifier: 0 with QoS 0.
    /// - Returns: false, with nothing written, when there is no such packet: it is over 256 MB in this version.
    @inline(__always)
    mutating func append(
        _ publication: borrowing Publication, _ version: ProtocolVersion, _ qos: QoS, _ isRetained: Bool,
        identifier: UInt16, now: MonotonicTime, to output: OutputBuffer
    ) -> Bool {
        let shape = (version == .v5 ? 6 : 0) + Int(qos.rawValue) * 2 + (isRetained ? 1 : 0)
        if templates[shape].serial != serial {
            make(shape, publication, version, qos, isRetained, now)
        }
        let offset = templates[shape].identifierOffset
        let count = templates[shape].byteCount
        guard count > 0, let source = unsafe templates[shape].block.baseAddress else { return false }
        unsafe output.append(count: count) { target in
            unsafe target.copyMemory(from: source, byteCount: count)
            if offset > 0 {
                unsafe target.storeBytes(of: identifier.bigEndian, toByteOffset: offset, as: UInt16.self)
            }
        }
        if templates[shape].leavesPayloadOut, let shared = publication.message?.sharedPayload {
            output.append(shared: shared, from: 0)
        }
        return true
    }

    private mutating func make(
        _ shape: Int, _ publication: borrowing Publication, _ version: ProtocolVersion, _ qos: QoS,
        _ isRetained: Bool, _ now: MonotonicTime
    ) {
        var encoder = PublishEncoder(
            topic: publication.topic, properties: publication.properties, payload: publication.payload,
            version: version)
        encoder.qos = qos
        encoder.isRetained = isRetained
        encoder.packetIdentifier = 1
        if version == .v5, let deadline = publication.facts.expiryDeadline {
            encoder.messageExpiryInterval = UInt32(clamping: deadline.secondsRoundedUp(since: now))
        }
        let leavesPayloadOut = publication.message?.sharedPayload != nil
        let count = encoder.templateByteCount(leavesPayloadOut: leavesPayloadOut) ?? 0
        makeRoom(shape, for: count)
        templates[shape].byteCount = count
        templates[shape].leavesPayloadOut = leavesPayloadOut
        templates[shape].serial = serial
        if count > 0, let target = unsafe templates[shape].block.baseAddress {
            templates[shape].identifierOffset = unsafe encoder.encode(
                template: target, leavesPayloadOut: leavesPayloadOut)
        }
    }

    private mutating func makeRoom(_ shape: Int, for count: Int) {
        let have = unsafe templates[shape].block.count
        guard have < count || have > max(count, Self.keptByteCount) else { return }
        unsafe templates[shape].block.deallocate()
        unsafe templates[shape].block = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
    }
}
