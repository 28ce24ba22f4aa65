import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import Transport

/// Who is at the other end, as far as the layers below MQTT tell.
extension ClientConnection {
    var tlsVersion: TLSVersion {
        switch streamFacts?.tls?.version {
        case "TLSv1": .tls10
        case "TLSv1.1": .tls11
        case "TLSv1.2": .tls12
        case "TLSv1.3": .tls13
        default: .none
        }
    }

    /// The user name that a certificate, a key or a proxy proves, where the listener takes it: it stands in place of that
    /// in CONNECT. nil = there is none, and the client says itself who it is.
    var provenUserName: UTF8Text? {
        guard let facts = streamFacts else { return nil }
        if listenerFacts.usesIdentityAsUserName, let tls = facts.tls {
            if let name = tls.commonName.map(UTF8Text.init(bytes:)), name.isWellFormed, !name.isEmpty {
                return name
            }
            if let identity = tls.pskIdentity { return UTF8Text(identity) }
        }
        if listenerFacts.usesProxyNameAsUserName, let name = facts.nameFromProxy { return name }
        return facts.webSocket?.commonName
    }

    var clientIdentity: ClientIdentity {
        var identity = ClientIdentity()
        let local = local
        identity.listenerAddress = local.ipText
        identity.listenerPort = local.port
        identity.listenerType = listenerFacts.kind.rawValue
        if let tls = streamFacts?.tls {
            identity.tlsVersion = tls.version
            identity.certificate = tls.certificate
        }
        return identity
    }
}

extension CloseReason {
    /// What an end in a layer below MQTT is counted as.
    init(_ problem: StreamProblem) {
        switch problem {
        case .tls: self = .tlsFailed
        case .proxy, .untrustedProxy: self = .proxyFailed
        case .forwardedFor, .upgrade, .webSocket: self = .webSocketFailed
        case .timeout: self = .connectTimeout
        }
    }

    /// What an end that the transport saw first is counted as.
    init(_ cause: ConnectionEnd) {
        switch cause {
        case .peerClosed: self = .peerClosed
        case .reset: self = .reset
        case .ioError: self = .ioError
        case .sendTimeout: self = .sendTimeout
        case .loopStopped: self = .shutdown
        case .requested, .detached, .stream: self = .administrative
        }
    }
}
