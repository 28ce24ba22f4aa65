import BrokerCore
import MQTTCodec
import Primitives

/// What the rows hold, and how it becomes bytes and back.
struct Rows {
    /// What deadlines are instants of.
    let line: TimeLine
    private var writer = RowWriter()

    private static let format: UInt8 = 1
    /// Of sessions; 1 did not say up to where copies were sent.
    private static let sessionFormat: UInt8 = 2
    /// Of a number whose body lies under another.
    private static let elsewhereFormat: UInt8 = 2

    init(line: TimeLine) { self.line = line }

    func instant(_ time: MonotonicTime) -> UInt64 { line.instant(time) }

    func time(_ instant: UInt64) -> MonotonicTime { line.time(instant) }

    // MARK: Copies

    struct Copy {
        var terms: DeliveryTerms
        /// An instant of the time line; 0 = does not expire.
        var deadline: UInt64
        /// nil: the body is shared.
        var message: ApplicationMessage?
        /// What it is to be sent with; 0 = that is chosen as it is sent.
        var identifier: UInt16
    }

    mutating func copy(
        _ key: StoreKey, _ copy: StoreBatch.Copy, _ message: ApplicationMessage, isShared: Bool
    ) -> [UInt8] {
        writer.begin(format: Self.format)
        writer.write(
            copy.terms.qos.rawValue | (copy.terms.isRetained ? 4 : 0) | (copy.terms.isShared ? 8 : 0)
                | (isShared ? 16 : 0) | (copy.identifier != 0 ? 32 : 0))
        writer.write(copy.terms.subscriptionIdentifier)
        writer.write(message.facts.expiryDeadline.map(instant) ?? 0)
        if copy.identifier != 0 { writer.write(copy.identifier) }
        if !isShared { write(message) }
        writer.end(key)
        return writer.bytes
    }

    /// - Parameter withMessage: false: whatever the row holds of it is passed over.
    func copy(_ key: [UInt8], _ value: [UInt8], withMessage: Bool = true) throws(RowProblem) -> Copy {
        guard key.count == 17 else { throw .badKey }
        var reader = try RowReader(value, key: key, format: Self.format)
        let flags = try reader.readUInt8()
        guard let qos = QoS(rawValue: flags & 3), flags < 64 else { throw .badField("flags") }
        let terms = DeliveryTerms(
            qos: qos, isRetained: flags & 4 != 0, isShared: flags & 8 != 0,
            subscriptionIdentifier: try reader.readUInt32())
        let deadline = try reader.readUInt64()
        let identifier = flags & 32 == 0 ? 0 : try reader.readUInt16()
        let message = flags & 16 == 0 && withMessage ? try readMessage(&reader, value) : nil
        return Copy(terms: terms, deadline: deadline, message: message, identifier: identifier)
    }

    // MARK: Messages

    mutating func message(_ key: StoreKey, _ message: ApplicationMessage) -> [UInt8] {
        writer.begin(format: Self.format)
        write(message)
        writer.end(key)
        return writer.bytes
    }

    func message(_ key: [UInt8], _ value: [UInt8]) throws(RowProblem) -> ApplicationMessage {
        var reader = try RowReader(value, key: key, format: Self.format)
        return try readMessage(&reader, value)
    }

    private mutating func write(_ message: ApplicationMessage) {
        let facts = message.facts
        writer.write(facts.qos.rawValue | (facts.isRetained ? 4 : 0) | (facts.payloadIsUTF8 ? 8 : 0))
        writer.write(facts.expiryDeadline.map(instant) ?? 0)
        writer.write(facts.mountpoint.name.bytes)
        writer.write(message.topic)
        writer.write(message.properties)
        writer.write(message.payload)
    }

    private func readMessage(_ reader: inout RowReader, _ value: [UInt8]) throws(RowProblem)
        -> ApplicationMessage
    {
        let flags = try reader.readUInt8()
        guard let qos = QoS(rawValue: flags & 3), flags < 16 else { throw .badField("message flags") }
        let deadline = try reader.readUInt64()
        let mountpoint = Mountpoint.intern(UTF8Text(bytes: try reader.readBlock()))
        let topic = try reader.readRange()
        let properties = try reader.readRange()
        let payload = try reader.readRange()
        guard !topic.isEmpty else { throw .badField("topic") }
        guard reader.isAtEnd else { throw .badField("length") }
        let bytes = value.span.bytes
        return ApplicationMessage(
            facts: MessageFacts(
                qos: qos, isRetained: flags & 4 != 0, mountpoint: mountpoint, publisher: nil,
                expiryDeadline: deadline == 0 ? nil : time(deadline), payloadIsUTF8: flags & 8 != 0),
            topic: bytes.extracting(topic), properties: bytes.extracting(properties),
            payload: bytes.extracting(payload))
    }

    /// What is left of a shared body.
    struct References: Equatable {
        /// Copies, or, of the number that the body lies under, copies and other numbers.
        var count: UInt32
        /// The number that it lies under; nil = this one.
        var body: UInt64?
    }

    mutating func references(_ key: StoreKey, _ references: References) -> [UInt8] {
        writer.begin(format: references.body == nil ? Self.format : Self.elsewhereFormat)
        writer.write(references.count)
        if let body = references.body { writer.write(body) }
        writer.end(key)
        return writer.bytes
    }

    func references(_ key: [UInt8], _ value: [UInt8]) throws(RowProblem) -> References {
        let isElsewhere = value.first == Self.elsewhereFormat
        var reader = try RowReader(
            value, key: key, format: isElsewhere ? Self.elsewhereFormat : Self.format)
        let count = try reader.readUInt32()
        return References(count: count, body: isElsewhere ? try reader.readUInt64() : nil)
    }

    // MARK: Flights and received identifiers

    struct Flight {
        var packetIdentifier: UInt16
        /// PUBREC has come.
        var isReleased: Bool
    }

    mutating func flight(_ key: StoreKey, _ flight: Flight) -> [UInt8] {
        writer.begin(format: Self.format)
        writer.write(flight.packetIdentifier)
        writer.write(flight.isReleased)
        writer.end(key)
        return writer.bytes
    }

    func flight(_ key: [UInt8], _ value: [UInt8]) throws(RowProblem) -> Flight {
        guard key.count == 17 else { throw .badKey }
        var reader = try RowReader(value, key: key, format: Self.format)
        let identifier = try reader.readUInt16()
        guard identifier != 0 else { throw .badField("packet identifier") }
        return Flight(packetIdentifier: identifier, isReleased: try reader.readBool())
    }

    /// The key says it all.
    mutating func empty(_ key: StoreKey) -> [UInt8] {
        writer.begin(format: Self.format)
        writer.end(key)
        return writer.bytes
    }

    func received(_ key: [UInt8], _ value: [UInt8]) throws(RowProblem) -> UInt16 {
        _ = try RowReader(value, key: key, format: Self.format)
        guard key.count == 11 else { throw .badKey }
        return UInt16(key[9]) << 8 | UInt16(key[10])
    }

    // MARK: Subscriptions

    mutating func subscription(_ key: StoreKey, _ subscription: Subscription) -> [UInt8] {
        writer.begin(format: Self.format)
        writer.write(subscription.options.rawValue)
        writer.write(subscription.identifier)
        writer.end(key)
        return writer.bytes
    }

    func subscription(_ key: [UInt8], _ value: [UInt8]) throws(RowProblem) -> Subscription {
        var reader = try RowReader(value, key: key, format: Self.format)
        guard key.count > 9 else { throw .badKey }
        guard let options = SubscriptionOptions(rawValue: try reader.readUInt8()) else {
            throw .badField("options")
        }
        return Subscription(
            filter: UTF8Text(bytes: Array(key[9...])), options: options, identifier: try reader.readUInt32())
    }

    // MARK: Sessions and wills

    mutating func session(_ key: StoreKey, _ session: StoredSession) -> [UInt8] {
        writer.begin(format: Self.sessionFormat)
        writer.write(session.subscriber.mountpoint.name.bytes)
        writer.write(session.subscriber.clientID.bytes)
        writer.write(UInt8(session.version == .v5 ? 5 : session.version == .v311 ? 4 : 3))
        writer.write(session.isBridge)
        writer.write(session.expiryInterval)
        writer.write(session.expiryDeadline.map(instant) ?? 0)
        writer.write(session.will != nil)
        if let will = session.will {
            write(will)
            writer.write(session.willDeadline.map(instant) ?? 0)
        }
        writer.write(session.sentThrough)
        writer.end(key)
        return writer.bytes
    }

    func session(_ key: [UInt8], _ value: [UInt8]) throws(RowProblem) -> StoredSession {
        guard key.count == 9, let number = key.keyNumber(at: 1), number > 0 else { throw .badKey }
        let format = value.first == 1 ? 1 : Self.sessionFormat
        var reader = try RowReader(value, key: key, format: format)
        let mountpoint = Mountpoint.intern(UTF8Text(bytes: try reader.readBlock()))
        let clientID = UTF8Text(bytes: try reader.readBlock())
        let version = try readVersion(&reader)
        let isBridge = try reader.readBool()
        let interval = try reader.readUInt32()
        let deadline = try reader.readUInt64()
        var session = StoredSession(
            number: number, subscriber: SubscriberID(mountpoint: mountpoint, clientID: clientID),
            version: version, isBridge: isBridge, expiryInterval: interval,
            expiryDeadline: deadline == 0 ? nil : time(deadline))
        if try reader.readBool() {
            session.will = try readWill(&reader)
            let due = try reader.readUInt64()
            session.willDeadline = due == 0 ? nil : time(due)
        }
        if format > 1 { session.sentThrough = try reader.readUInt64() }
        return session
    }

    private mutating func write(_ will: WillMessage) {
        writer.write(will.qos.rawValue | (will.isRetained ? 4 : 0))
        writer.write(will.mountpoint.name.bytes)
        writer.write(will.topic.bytes)
        writer.write(will.payload)
        writer.write(will.properties)
        writer.write(will.messageExpiryInterval != nil)
        writer.write(will.messageExpiryInterval ?? 0)
        writer.write(will.delayInterval)
    }

    private func readWill(_ reader: inout RowReader) throws(RowProblem) -> WillMessage {
        let flags = try reader.readUInt8()
        guard let qos = QoS(rawValue: flags & 3), flags < 8 else { throw .badField("will flags") }
        let mountpoint = Mountpoint.intern(UTF8Text(bytes: try reader.readBlock()))
        let topic = UTF8Text(bytes: try reader.readBlock())
        let payload = try reader.readBlock()
        let properties = try reader.readBlock()
        let hasExpiry = try reader.readBool()
        let expiry = try reader.readUInt32()
        return WillMessage(
            qos: qos, isRetained: flags & 4 != 0, topic: topic, payload: payload, properties: properties,
            messageExpiryInterval: hasExpiry ? expiry : nil, delayInterval: try reader.readUInt32(),
            mountpoint: mountpoint)
    }

    mutating func will(_ key: StoreKey, _ stored: StoredWill) -> [UInt8] {
        writer.begin(format: Self.format)
        writer.write(stored.subscriber.mountpoint.name.bytes)
        writer.write(stored.subscriber.clientID.bytes)
        writer.write(UInt8(stored.version == .v5 ? 5 : stored.version == .v311 ? 4 : 3))
        write(stored.will)
        writer.end(key)
        return writer.bytes
    }

    func will(_ key: [UInt8], _ value: [UInt8]) throws(RowProblem) -> StoredWill {
        guard key.count == 9, let number = key.keyNumber(at: 1), number > 0 else { throw .badKey }
        var reader = try RowReader(value, key: key, format: Self.format)
        let mountpoint = Mountpoint.intern(UTF8Text(bytes: try reader.readBlock()))
        let clientID = UTF8Text(bytes: try reader.readBlock())
        let version = try readVersion(&reader)
        return StoredWill(
            number: number, subscriber: SubscriberID(mountpoint: mountpoint, clientID: clientID),
            version: version, will: try readWill(&reader))
    }

    private func readVersion(_ reader: inout RowReader) throws(RowProblem) -> ProtocolVersion {
        switch try reader.readUInt8() {
        case 5: return .v5
        case 4: return .v311
        case 3: return .v31
        default: throw .badField("protocol version")
        }
    }

    // MARK: The time line

    mutating func checkpoint(_ checkpoint: TimeLine.Checkpoint) -> [UInt8] {
        writer.begin(format: Self.format)
        writer.write(checkpoint.instant)
        writer.write(UInt64(bitPattern: checkpoint.wall))
        writer.write(checkpoint.isEnd)
        writer.end(.checkpoint)
        return writer.bytes
    }

    static func checkpoint(_ value: [UInt8]) throws(RowProblem) -> TimeLine.Checkpoint {
        var reader = try RowReader(value, key: StoreKey.checkpoint.bytes, format: format)
        let instant = try reader.readUInt64()
        guard TimeLine.instants.contains(instant) else { throw .badField("instant") }
        return TimeLine.Checkpoint(
            instant: instant, wall: Int64(bitPattern: try reader.readUInt64()),
            isEnd: try reader.readBool())
    }
}
