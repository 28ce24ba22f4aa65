package import Primitives
package import StreamProtocols

/// What is known of a peer beside its address, from the layers that its bytes came through.
package struct StreamFacts: Sendable {
    /// nil: the bytes came as they are.
    package var tls: TLSFacts?
    /// nil: no proxy told anything.
    package var proxy: ProxyFacts?
    /// nil: the bytes came without WebSocket.
    package var webSocket: WebSocketFacts?

    /// Nothing is known.
    package init() {}

    /// The name in the client's certificate, as a proxy tells that has verified it; nil = none.
    package var nameFromProxy: UTF8Text? {
        guard let tls = proxy?.tls, tls.hasVerifiedCertificate else { return nil }
        return tls.commonName
    }
}

/// What the request of a WebSocket client said.
package struct WebSocketFacts: Sendable {
    /// `mqtt` or `mqttv3.1`.
    package let subprotocol: UTF8Text
    /// The value of the header that a proxy puts the name of its client's certificate in; nil = none is asked for.
    package let commonName: UTF8Text?
}

/// Why the layers below a connection ended it, or never came to the first byte.
package enum StreamProblem: Sendable, Equatable {
    /// TLS: the handshake, or a record after it.
    case tls(TLSFailure)
    /// The PROXY header could not be read.
    case proxy(ProxyProblem)
    /// A PROXY header, or X-Forwarded-For, from an address that is not trusted.
    case untrustedProxy
    /// The listener needs a header of its proxy that is not there, or does not say what it should.
    case forwardedFor
    /// The request to speak WebSocket was refused.
    case upgrade(WebSocketUpgradeProblem)
    /// A frame that must not come.
    case webSocket(WebSocketProblem)
    /// PROXY header, TLS handshake and request together took too long.
    case timeout

    /// All values of the metric label `reason`.
    package static var labels: [String] {
        let tls = TLSFailure.allCases.filter { $0 != .none }.map { StreamProblem.tls($0) }
        let proxy = ProxyProblem.allCases.map { StreamProblem.proxy($0) }
        let frames = WebSocketProblem.allCases.map { StreamProblem.webSocket($0) }
        let requests = WebSocketUpgradeProblem.allCases.map { StreamProblem.upgrade($0) }
        let others: [StreamProblem] = [.untrustedProxy, .forwardedFor, .timeout]
        return (tls + proxy + requests + frames + others).map(\.label)
    }

    /// The value of the metric label `reason`.
    package var label: String {
        switch self {
        case .tls(let failure): "tls_\(failure.label)"
        case .proxy(let problem): "proxy_\(problem.label)"
        case .untrustedProxy: "proxy_untrusted"
        case .forwardedFor: "forwarded_for"
        case .upgrade(let problem): "websocket_request_\(problem.label)"
        case .webSocket(let problem): "websocket_\(problem.label)"
        case .timeout: "timeout"
        }
    }
}
