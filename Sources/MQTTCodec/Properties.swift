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
/// It has a member for each of `PropertyValues`. They are shared until one is changed, for packets are copied on their
/// way through the broker and most have no properties at all: ten references were counted with each copy.
@dynamicMemberLookup
public struct Properties: Equatable, Sendable {
    /// Bytes of a block: room for five of the longest texts. They are decoded at once, take up to sixteen times as much
    /// memory when they are, and go into each subscriber's packet anew: with 256 MB of them a single packet would stall
    /// everybody.
    public static let largestByteCount = 320 * 1024

    /// nil = every property is absent.
    @usableFromInline
    var storage: Storage?

    /// What several values share. It is changed only by one that has it alone.
    @usableFromInline
    final class Storage: @unchecked Sendable {
        @usableFromInline var values: PropertyValues
        @usableFromInline init(_ values: PropertyValues) { self.values = values }
    }

    /// No properties.
    @inlinable
    public init() {}

    /// For tests and literals: `Properties { $0.topicAlias = 3 }`.
    public init(_ fill: (inout Properties) -> Void) {
        fill(&self)
    }

    init(_ values: PropertyValues) { storage = Storage(values) }

    /// One of them.
    @inlinable
    public subscript<Value>(dynamicMember path: WritableKeyPath<PropertyValues, Value>) -> Value {
        get {
            if let storage { return storage.values[keyPath: path] }
            return PropertyValues.absent[keyPath: path]
        }
        _modify {
            let own = ownStorage()
            yield &own.values[keyPath: path]
        }
    }

    /// Storage that no other value has, and this one has from now on.
    @inlinable
    mutating func ownStorage() -> Storage {
        if isKnownUniquelyReferenced(&storage), let storage { return storage }
        let own = Storage(storage?.values ?? PropertyValues())
        storage = own
        return own
    }

    /// Whether every property is absent.
    public var isEmpty: Bool {
        guard let storage else { return true }
        return storage.values == PropertyValues()
    }

    public static func == (left: Properties, right: Properties) -> Bool {
        if left.storage === right.storage { return true }
        return (left.storage?.values ?? PropertyValues()) == (right.storage?.values ?? PropertyValues())
    }
}

/// What the properties of one packet say.
///
/// nil means absent. Intervals are in seconds, sizes in bytes. Flags are 0 or 1, as on the wire.
public struct PropertyValues: Equatable, Sendable {
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

    /// All absent.
    @inlinable
    public init() {}

    /// One for all who ask, for to make it takes longer than to read it.
    @usableFromInline
    static let absent = PropertyValues()
}

extension Properties {
    /// - Parameter range: the properties without their length; known to be inside `body`.
    static func decode(
        _ body: RawSpan, _ range: ByteRange, of place: PropertyPlace, in type: PacketType
    ) throws(MalformedPacket) -> Properties {
        guard !range.isEmpty else { return Properties() }
        var values = PropertyValues()
        var scanner = PropertyScanner(body, range, of: place, in: type)
        while let property = try scanner.next() {
            values.set(property, from: body)
        }
        return Properties(values)
    }

    /// Decodes the raw property bytes of a PUBLISH, as `PublishHeader` and `forwardedProperties` give them.
    public static func decodePublish(_ bytes: RawSpan) throws(MalformedPacket) -> Properties {
        try decode(bytes, ByteRange(offset: 0, count: bytes.byteCount), of: .publish, in: .publish)
    }

}

extension PropertyValues {
    fileprivate mutating func set(_ property: ScannedProperty, from body: RawSpan) {
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
    public var heldByteCount: Int { storage?.values.heldByteCount ?? 0 }
}

extension PropertyValues {
    fileprivate var heldByteCount: Int {
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
