package import Primitives

/// What a PROXY header tells of the connection whose bytes follow it.
package struct ProxyFacts: Equatable, Sendable {
    /// 1 or 2.
    package var version: UInt8
    /// Where the client connected from. nil: the proxy tells nothing (LOCAL, UNKNOWN, unspecified), so the
    /// peer of the socket is the client. Health checks of a load balancer are such connections.
    package var source: ProxyAddress?
    /// Where the client connected to; nil exactly when `source` is.
    package var destination: ProxyAddress?
    /// nil: the client spoke no TLS with the proxy, or the proxy does not say.
    package var tls: ProxyTLS?
    /// The protocol agreed on by TLS, such as `mqtt`.
    package var alpn: [UInt8]?
    /// The host name that the client asked for (SNI).
    package var authority: UTF8Text?
    /// What the proxy calls the connection, at most 128 bytes.
    package var uniqueID: [UInt8]?
    /// The name of the network namespace that the proxy uses.
    package var networkNamespace: UTF8Text?

    package init(
        version: UInt8, source: ProxyAddress? = nil, destination: ProxyAddress? = nil, tls: ProxyTLS? = nil,
        alpn: [UInt8]? = nil, authority: UTF8Text? = nil, uniqueID: [UInt8]? = nil,
        networkNamespace: UTF8Text? = nil
    ) {
        self.version = version
        self.source = source
        self.destination = destination
        self.tls = tls
        self.alpn = alpn
        self.authority = authority
        self.uniqueID = uniqueID
        self.networkNamespace = networkNamespace
    }
}

/// One end of the connection between client and proxy.
package enum ProxyAddress: Equatable, Sendable {
    /// A host and its port.
    case ip(IPAddress, port: UInt16)
    /// A Unix socket; its path has 1 to 108 bytes, or is nil when it has none. Never contains U+0000.
    case unix(path: UTF8Text?)
}

/// What the proxy tells of the TLS between it and the client. The proxy is believed: whether it may be is a
/// matter of the listener, not of the header.
package struct ProxyTLS: Equatable, Sendable {
    /// Bits of `clientFlags`.
    package enum ClientFlag {
        /// The client connected over TLS.
        package static let tls: UInt8 = 1
        /// The client presented a certificate in this connection.
        package static let certificateInConnection: UInt8 = 2
        /// The client presented a certificate at least once in the TLS session that this connection belongs
        /// to.
        package static let certificateInSession: UInt8 = 4
    }

    /// See `ClientFlag`; other bits are kept and mean nothing.
    package var clientFlags: UInt8
    /// 0: the certificate was verified. What else it may be is the proxy's affair (for haproxy, OpenSSL's
    /// verify result).
    package var verify: UInt32
    /// Such as `TLSv1.3`.
    package var version: UTF8Text?
    /// Of the certificate's subject. Never empty: an empty name counts as none. Never contains U+0000.
    package var commonName: UTF8Text?
    /// Such as `ECDHE-RSA-AES128-GCM-SHA256`.
    package var cipher: UTF8Text?
    /// Such as `SHA256`.
    package var signatureAlgorithm: UTF8Text?
    /// Such as `RSA2048`.
    package var keyAlgorithm: UTF8Text?

    package init(
        clientFlags: UInt8, verify: UInt32, version: UTF8Text? = nil, commonName: UTF8Text? = nil,
        cipher: UTF8Text? = nil, signatureAlgorithm: UTF8Text? = nil, keyAlgorithm: UTF8Text? = nil
    ) {
        self.clientFlags = clientFlags
        self.verify = verify
        self.version = version
        self.commonName = commonName
        self.cipher = cipher
        self.signatureAlgorithm = signatureAlgorithm
        self.keyAlgorithm = keyAlgorithm
    }

    /// Whether the proxy says that the client presented a certificate over TLS and that it was verified: what
    /// the common name is worth something for. A proxy that verifies nothing sends 0 as well, but sets no
    /// flag of a certificate.
    package var hasVerifiedCertificate: Bool {
        let certificate = ClientFlag.certificateInConnection | ClientFlag.certificateInSession
        return verify == 0 && clientFlags & ClientFlag.tls != 0 && clientFlags & certificate != 0
    }
}
