public import Primitives

/// A name and a value that the protocol does not interpret. Order and repetition mean something.
public struct UserProperty: Hashable, Sendable {
    /// The name; the same name may occur several times.
    public var name: UTF8Text
    /// The value; may be empty.
    public var value: UTF8Text

    /// A pair of name and value.
    public init(_ name: UTF8Text, _ value: UTF8Text) {
        self.name = name
        self.value = value
    }
}

/// The properties of one packet (or one will) of MQTT 5. Empty before MQTT 5.
///
/// nil means absent. Intervals are in seconds, sizes in bytes. Flags are 0 or 1, as on the wire.
public struct Properties: Equatable, Sendable {
    /// Bytes of a block: room for five of the longest texts. They are decoded at once, take up to sixteen times as much
    /// memory when they are, and go into each subscriber's packet anew: with 256 MB of them a single packet would stall
    /// everybody.
    public static let largestByteCount = 320 * 1024

    /// 1: the payload is UTF-8. PUBLISH and will.
    public var payloadFormatIndicator: UInt8?
    /// PUBLISH and will.
    public var messageExpiryInterval: UInt32?
    /// PUBLISH and will.
    public var contentType: UTF8Text?
    /// PUBLISH and will.
    public var responseTopic: UTF8Text?
    /// PUBLISH and will.
    public var correlationData: [UInt8]?
    /// SUBSCRIBE: at most one. PUBLISH from a server: any number.
    public var subscriptionIdentifiers: [UInt32] = []
    /// CONNECT, CONNACK, DISCONNECT.
    public var sessionExpiryInterval: UInt32?
    /// CONNACK.
    public var assignedClientIdentifier: UTF8Text?
    /// CONNACK.
    public var serverKeepAlive: UInt16?
    /// CONNECT, CONNACK, AUTH.
    public var authenticationMethod: UTF8Text?
    /// CONNECT, CONNACK, AUTH; only beside a method.
    public var authenticationData: [UInt8]?
    /// CONNECT.
    public var requestProblemInformation: UInt8?
    /// Will.
    public var willDelayInterval: UInt32?
    /// CONNECT.
    public var requestResponseInformation: UInt8?
    /// CONNACK.
    public var responseInformation: UTF8Text?
    /// CONNACK, DISCONNECT.
    public var serverReference: UTF8Text?
    /// CONNACK, DISCONNECT, AUTH and every acknowledgement.
    public var reasonString: UTF8Text?
    /// CONNECT, CONNACK; not 0.
    public var receiveMaximum: UInt16?
    /// CONNECT, CONNACK.
    public var topicAliasMaximum: UInt16?
    /// PUBLISH; not 0.
    public var topicAlias: UInt16?
    /// CONNACK: 0 or 1.
    public var maximumQoS: UInt8?
    /// CONNACK.
    public var retainAvailable: UInt8?
    /// Everywhere.
    public var userProperties: [UserProperty] = []
    /// CONNECT, CONNACK; not 0.
    public var maximumPacketSize: UInt32?
    /// CONNACK.
    public var wildcardSubscriptionAvailable: UInt8?
    /// CONNACK.
    public var subscriptionIdentifiersAvailable: UInt8?
    /// CONNACK.
    public var sharedSubscriptionAvailable: UInt8?

    /// No properties.
    public init() {}

    /// For tests and literals: `Properties { $0.topicAlias = 3 }`.
    public init(_ fill: (inout Properties) -> Void) {
        fill(&self)
    }

    /// Whether every property is absent.
    public var isEmpty: Bool { self == Properties() }
}

extension Properties {
    /// - Parameter range: the properties without their length; known to be inside `body`.
    static func decode(
        _ body: RawSpan, _ range: ByteRange, of place: PropertyPlace, in type: PacketType
    ) throws(MalformedPacket) -> Properties {
        var properties = Properties()
        guard !range.isEmpty else { return properties }
        var scanner = PropertyScanner(body, range, of: place, in: type)
        while let property = try scanner.next() {
            properties.set(property, from: body)
        }
        return properties
    }

    /// Decodes the raw property bytes of a PUBLISH, as `PublishHeader` and `forwardedProperties` give them.
    public static func decodePublish(_ bytes: RawSpan) throws(MalformedPacket) -> Properties {
        try decode(bytes, ByteRange(offset: 0, count: bytes.byteCount), of: .publish, in: .publish)
    }

    private mutating func set(_ property: ScannedProperty, from body: RawSpan) {
        func data(_ range: ByteRange) -> [UInt8] { range.bytes(in: body).copiedBytes() }
        let number = property.number
        let byte = UInt8(truncatingIfNeeded: number)
        let short = UInt16(truncatingIfNeeded: number)
        switch property.identifier {
        case .payloadFormatIndicator: payloadFormatIndicator = byte
        case .messageExpiryInterval: messageExpiryInterval = number
        case .contentType: contentType = UTF8Text(bytes: data(property.content))
        case .responseTopic: responseTopic = UTF8Text(bytes: data(property.content))
        case .correlationData: correlationData = data(property.content)
        case .subscriptionIdentifier: subscriptionIdentifiers.append(number)
        case .sessionExpiryInterval: sessionExpiryInterval = number
        case .assignedClientIdentifier: assignedClientIdentifier = UTF8Text(bytes: data(property.content))
        case .serverKeepAlive: serverKeepAlive = short
        case .authenticationMethod: authenticationMethod = UTF8Text(bytes: data(property.content))
        case .authenticationData: authenticationData = data(property.content)
        case .requestProblemInformation: requestProblemInformation = byte
        case .willDelayInterval: willDelayInterval = number
        case .requestResponseInformation: requestResponseInformation = byte
        case .responseInformation: responseInformation = UTF8Text(bytes: data(property.content))
        case .serverReference: serverReference = UTF8Text(bytes: data(property.content))
        case .reasonString: reasonString = UTF8Text(bytes: data(property.content))
        case .receiveMaximum: receiveMaximum = short
        case .topicAliasMaximum: topicAliasMaximum = short
        case .topicAlias: topicAlias = short
        case .maximumQoS: maximumQoS = byte
        case .retainAvailable: retainAvailable = byte
        case .userProperty:
            userProperties.append(
                UserProperty(
                    UTF8Text(bytes: data(property.content)), UTF8Text(bytes: data(property.second))))
        case .maximumPacketSize: maximumPacketSize = number
        case .wildcardSubscriptionAvailable: wildcardSubscriptionAvailable = byte
        case .subscriptionIdentifiersAvailable: subscriptionIdentifiersAvailable = byte
        case .sharedSubscriptionAvailable: sharedSubscriptionAvailable = byte
        }
    }
}

extension Properties {
    /// Memory that texts and lists hold, in bytes. A user property of 7 bytes on the wire takes 112.
    public var heldByteCount: Int {
        var count = subscriptionIdentifiers.count * MemoryLayout<UInt32>.stride
        for text in [
            contentType, responseTopic, assignedClientIdentifier, authenticationMethod, responseInformation,
            serverReference, reasonString,
        ] {
            if let text { count += text.count + Self.arrayOverhead }
        }
        for bytes in [correlationData, authenticationData] {
            if let bytes { count += bytes.count + Self.arrayOverhead }
        }
        for property in userProperties {
            count += MemoryLayout<UserProperty>.stride + 2 * Self.arrayOverhead
            count += property.name.count + property.value.count
        }
        return count
    }

    /// The header of an array and what the allocator adds.
    private static let arrayOverhead = 48
}
