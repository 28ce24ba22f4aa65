/// Where a property stands: in a packet, or among the will's properties in CONNECT.
struct PropertyPlace: OptionSet, Sendable, BitwiseCopyable {
    let rawValue: UInt16

    static let connect = PropertyPlace(rawValue: 1 << 0)
    static let will = PropertyPlace(rawValue: 1 << 1)
    static let connack = PropertyPlace(rawValue: 1 << 2)
    static let publish = PropertyPlace(rawValue: 1 << 3)
    /// PUBACK, PUBREC, PUBREL, PUBCOMP.
    static let publishAck = PropertyPlace(rawValue: 1 << 4)
    static let subscribe = PropertyPlace(rawValue: 1 << 5)
    static let suback = PropertyPlace(rawValue: 1 << 6)
    static let unsubscribe = PropertyPlace(rawValue: 1 << 7)
    static let unsuback = PropertyPlace(rawValue: 1 << 8)
    static let disconnect = PropertyPlace(rawValue: 1 << 9)
    static let auth = PropertyPlace(rawValue: 1 << 10)

    static let anywhere: PropertyPlace = [
        .connect, .will, .connack, .publish, .publishAck, .subscribe, .suback, .unsubscribe, .unsuback,
        .disconnect,
        .auth,
    ]
    static let message: PropertyPlace = [.publish, .will]
    /// Wherever a reason code is.
    static let reason: PropertyPlace = [.connack, .publishAck, .suback, .unsuback, .disconnect, .auth]
}

/// How a property's value is written.
enum PropertyForm: BitwiseCopyable {
    /// A byte of 0 or 1.
    case boolean
    case twoByte
    case fourByte
    case variableByte
    case text
    case binary
    case textPair
}

/// The properties of MQTT 5 (§2.2.2.2).
enum PropertyIdentifier: UInt8, CaseIterable, BitwiseCopyable {
    case payloadFormatIndicator = 1
    case messageExpiryInterval = 2
    case contentType = 3
    case responseTopic = 8
    case correlationData = 9
    case subscriptionIdentifier = 11
    case sessionExpiryInterval = 17
    case assignedClientIdentifier = 18
    case serverKeepAlive = 19
    case authenticationMethod = 21
    case authenticationData = 22
    case requestProblemInformation = 23
    case willDelayInterval = 24
    case requestResponseInformation = 25
    case responseInformation = 26
    case serverReference = 28
    case reasonString = 31
    case receiveMaximum = 33
    case topicAliasMaximum = 34
    case topicAlias = 35
    case maximumQoS = 36
    case retainAvailable = 37
    case userProperty = 38
    case maximumPacketSize = 39
    case wildcardSubscriptionAvailable = 40
    case subscriptionIdentifiersAvailable = 41
    case sharedSubscriptionAvailable = 42

    /// The table: how each value is written and where the property may stand.
    var rule: (form: PropertyForm, places: PropertyPlace) {
        switch self {
        case .payloadFormatIndicator: (.boolean, .message)
        case .messageExpiryInterval: (.fourByte, .message)
        case .contentType: (.text, .message)
        case .responseTopic: (.text, .message)
        case .correlationData: (.binary, .message)
        case .subscriptionIdentifier: (.variableByte, [.publish, .subscribe])
        case .sessionExpiryInterval: (.fourByte, [.connect, .connack, .disconnect])
        case .assignedClientIdentifier: (.text, .connack)
        case .serverKeepAlive: (.twoByte, .connack)
        case .authenticationMethod: (.text, [.connect, .connack, .auth])
        case .authenticationData: (.binary, [.connect, .connack, .auth])
        case .requestProblemInformation: (.boolean, .connect)
        case .willDelayInterval: (.fourByte, .will)
        case .requestResponseInformation: (.boolean, .connect)
        case .responseInformation: (.text, .connack)
        case .serverReference: (.text, [.connack, .disconnect])
        case .reasonString: (.text, .reason)
        case .receiveMaximum: (.twoByte, [.connect, .connack])
        case .topicAliasMaximum: (.twoByte, [.connect, .connack])
        case .topicAlias: (.twoByte, .publish)
        case .maximumQoS: (.boolean, .connack)
        case .retainAvailable: (.boolean, .connack)
        case .userProperty: (.textPair, .anywhere)
        case .maximumPacketSize: (.fourByte, [.connect, .connack])
        case .wildcardSubscriptionAvailable: (.boolean, .connack)
        case .subscriptionIdentifiersAvailable: (.boolean, .connack)
        case .sharedSubscriptionAvailable: (.boolean, .connack)
        }
    }

    /// Whether it may stand more than once.
    func isRepeatable(in place: PropertyPlace) -> Bool {
        self == .userProperty || (self == .subscriptionIdentifier && place == .publish)
    }

    /// What is wrong with a value that is too small; nil when 0 is a value like any other.
    var zeroProblem: MalformedPacket.Problem? {
        switch self {
        case .subscriptionIdentifier: .subscriptionIdentifierZero
        case .receiveMaximum: .receiveMaximumZero
        case .topicAlias: .topicAliasZero
        case .maximumPacketSize: .maximumPacketSizeZero
        default: nil
        }
    }
}
