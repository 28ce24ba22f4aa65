import MQTTCodec
import Primitives

/// The encoded packets of the message that is being given to its subscribers: one for each wire shape. It is made for
/// the first subscriber of that shape and copied for the others. Only the packet identifier differs.
///
///     shape = version (4, 5) × QoS × RETAIN        12 of them
struct FanOutTemplates {
    private struct Template {
        var bytes: [UInt8] = []
        var identifierOffset = 0
        /// Whether the payload is not in `bytes`. A large payload may be there: the shared object may have been made
        /// after the template, for a later subscriber.
        var leavesPayloadOut = false
        var serial: UInt64 = 0
    }

    private var templates: ContiguousArray<Template> = ContiguousArray(repeating: Template(), count: 12)
    /// The number of the message that a template must belong to.
    private var serial: UInt64 = 0
    private(set) var isActive = false

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
        let count = templates[shape].bytes.count
        guard count > 0 else { return false }
        unsafe templates[shape].bytes.withUnsafeBytes { template in
            guard let source = template.baseAddress else { return }
            unsafe output.append(count: count) { target in
                unsafe target.copyMemory(from: source, byteCount: count)
                if offset > 0 {
                    unsafe target.storeBytes(of: identifier.bigEndian, toByteOffset: offset, as: UInt16.self)
                }
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
            sharedPayload: publication.message?.sharedPayload, version: version)
        encoder.qos = qos
        encoder.isRetained = isRetained
        encoder.packetIdentifier = 1
        if version == .v5, let deadline = publication.facts.expiryDeadline {
            encoder.messageExpiryInterval = UInt32(clamping: deadline.secondsRoundedUp(since: now))
        }
        templates[shape].leavesPayloadOut = publication.message?.sharedPayload != nil
        templates[shape].identifierOffset = encoder.encode(template: &templates[shape].bytes) ?? 0
        templates[shape].serial = serial
    }
}
