/// What a CONNACK of MQTT 3.1 and 3.1.1 says (3.1.1 §3.2.2.3).
public enum ConnectReturnCode: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case accepted
    case unacceptableProtocolVersion
    case identifierRejected
    case serverUnavailable
    case badUserNameOrPassword
    case notAuthorized
}
