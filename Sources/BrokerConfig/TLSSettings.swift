/// What a listener with TLS proves itself with, whom it trusts and what it speaks. Paths of files; empty where none is set.
package struct TLSSettings: Equatable, Sendable {
    /// A certificate for clients that ask for a host.
    package struct Host: Equatable, Sendable {
        package let name: String
        package let certificateFile: String
        package let keyFile: String
        package let ocspFile: String
    }

    /// Keys that both sides know, in place of certificates.
    package struct PreSharedKeys: Equatable, Sendable {
        package let file: String
        /// What stands between identity and key.
        package let separator: Character
        package let hint: String
    }

    package let certificateFile: String
    package let keyFile: String
    package let authorityFile: String
    package let authorityPath: String
    package let keyPassword: String
    /// Only clients with a certificate of one of the authorities are served.
    package let requiresCertificate: Bool
    /// The name in a client's certificate, or of its key, becomes its user name.
    package let usesIdentityAsUserName: Bool
    package let revocationFile: String
    package let ocspFile: String
    package let dhFile: String
    /// OpenSSL's names with colons.
    package let ciphers: String
    /// Names of curves.
    package let curves: [String]
    /// Of `versionNames`; never empty.
    package let versions: [String]
    package let depth: Int
    package let hosts: [Host]
    package let preSharedKeys: PreSharedKeys?
    package let usesKernel: Bool
    package let ticketSeconds: Int
    /// Milliseconds; nil = for ever.
    package let handshakeTimeout: Int?

    /// What `tls_version` may name.
    package static let versionNames = ["tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"]

    /// - Parameter text: the value of an option in force; nil = none.
    init(_ text: (String) -> String?, hosts: [Host], isHTTP: Bool) {
        certificateFile = text("certfile") ?? ""
        keyFile = text("keyfile") ?? ""
        authorityFile = text("cafile") ?? ""
        authorityPath = isHTTP ? "" : text("capath") ?? ""
        keyPassword = text("keypasswd") ?? ""
        requiresCertificate = text("require_certificate") == "on"
        usesIdentityAsUserName = text("use_identity_as_username") == "on"
        revocationFile = text("crlfile") ?? ""
        ocspFile = text("ocsp_staple_file") ?? ""
        dhFile = text("dhfile") ?? ""
        ciphers = text("ciphers") ?? ""
        curves = text("eccs").flatMap(ConfigValue.words) ?? []
        versions = text("tls_version").flatMap(ConfigValue.words) ?? []
        depth = text("depth").flatMap { Int($0) } ?? 1
        self.hosts = hosts
        preSharedKeys =
            text("psk_support") == "on"
            ? PreSharedKeys(
                file: text("pskfile") ?? "", separator: text("pskfile_separator")?.first ?? ":",
                hint: text("psk_identity_hint") ?? "") : nil
        usesKernel = text("ktls") != "off"
        ticketSeconds = text("session_ticket_lifetime").flatMap { Int($0) } ?? 3600
        let timeout = text("tls_handshake_timeout")
        handshakeTimeout = timeout == "infinity" ? nil : timeout.flatMap { Int($0) } ?? 5000
    }
}

extension WebSocketSettings {
    /// - Parameter text: the value of an option in force; nil = none.
    init(_ text: (String) -> String?) {
        let isForwarded = text("proxy_xff_support") == "on"
        forwarders =
            isForwarded
            ? text("proxy_xff_trusted_intermediate").flatMap(NetworksSetting.init) ?? .listed([]) : nil
        nameHeader =
            isForwarded && text("proxy_xff_use_cn_as_username") == "on" ? text("proxy_xff_cn_header") : nil
        allowedOrigins = text("allowed_origins").flatMap(ConfigValue.words) ?? []
    }
}
