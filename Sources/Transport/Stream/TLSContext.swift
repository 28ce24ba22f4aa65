import CTLS

/// What the server's side of TLS is made of: certificate, key, whom it trusts, and what it speaks. Immutable; a listener
/// that gets other files gets another context, and connections keep theirs.
///
/// Usable from any thread.
package final class TLSContext: @unchecked Sendable {
    // Sendable: the library counts owners and locks what changes, which are the keys of session tickets.
    let raw: OpaquePointer
    /// When the server's certificate ends, in seconds since 1970; 0 without one.
    package let expiry: Int64
    /// Whether clients are asked for certificates.
    package let asksForCertificate: Bool

    /// - Parameter previous: the context that this one replaces, whose clients may resume their sessions. Those of clients
    ///   with certificates may not: whom they name may be revoked by now.
    /// - Throws: when a file cannot be read or used, or a setting is not understood; the text names which.
    package init(_ settings: TLSContextSettings, replacing previous: TLSContext? = nil)
        throws(TransportError)
    {
        let context = try Self.make(settings, certificate: settings.certificate)
        raw = context
        expiry = ctls_context_expiry(context)
        asksForCertificate = settings.verification != .none
        for host in settings.hosts {
            let other = try Self.make(settings, certificate: host.certificate)
            let isAdded = ctls_context_add_host(context, host.name, other)
            ctls_context_release(other)
            guard isAdded == 1 else { throw Self.outOfMemory }
        }
        for entry in settings.preSharedKeys {
            let isAdded = entry.key.withUnsafeBufferPointer {
                ctls_context_add_psk(context, entry.identity, $0.baseAddress, $0.count)
            }
            guard isAdded == 1 else {
                throw TransportError(
                    "use the pre-shared key of \"\(entry.identity)\"", errorNumber: 0,
                    advice: "an identity has at most 255 bytes, a key from 1 to 256")
            }
        }
        // A ticket names somebody who may have been taken out of the files meanwhile.
        let keys = asksForCertificate || settings.usesPreSharedKeys ? nil : previous?.raw
        guard ctls_context_finish(context, keys, settings.ticketSeconds) == 1 else { throw Self.outOfMemory }
    }

    deinit { ctls_context_release(raw) }

    private static var outOfMemory: TransportError {
        TransportError("set up TLS", errorNumber: 0, advice: "the library has no memory for it")
    }

    private static func make(
        _ settings: TLSContextSettings, certificate: TLSContextSettings.Certificate?
    ) throws(TransportError) -> OpaquePointer {
        var failure = [CChar](repeating: 0, count: 512)
        // The texts live until the closure has returned; the library keeps none of them.
        let context = withTexts([
            certificate?.file, certificate?.keyFile, settings.keyPassword, settings.authorityFile,
            settings.authorityPath, settings.revocationFile, settings.dhFile, certificate?.ocspFile,
            settings.ciphers, settings.curves, settings.name, settings.pskHint,
        ]) { texts in
            var raw = ctls_settings(
                certificate_file: texts[0], key_file: texts[1], key_password: texts[2], ca_file: texts[3],
                ca_path: texts[4], crl_file: texts[5], dh_file: texts[6], ocsp_file: texts[7],
                ciphers: texts[8], curves: texts[9], session_context: texts[10], psk_hint: texts[11],
                versions: UInt32(settings.versions.rawValue), depth: Int32(clamping: settings.depth),
                verify: settings.verification.rawValue, uses_psk: settings.usesPreSharedKeys ? 1 : 0,
                uses_kernel: settings.usesKernel ? 1 : 0)
            return ctls_context_new(&raw, &failure, failure.count)
        }
        guard let context else {
            throw TransportError(
                "set up TLS of listener \(settings.name)", errorNumber: 0,
                advice: String(
                    decoding: failure.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        return context
    }

    /// Calls `body` with C's form of each text; nil for one that is empty or absent.
    private static func withTexts<Result>(
        _ texts: [String?], _ body: ([UnsafePointer<CChar>?]) -> Result
    ) -> Result {
        func step(_ index: Int, _ done: [UnsafePointer<CChar>?]) -> Result {
            guard index < texts.count else { return body(done) }
            guard let text = texts[index], !text.isEmpty else { return step(index + 1, done + [nil]) }
            return text.withCString { step(index + 1, done + [$0]) }
        }
        return step(0, [])
    }
}

/// What a `TLSContext` is made of. Paths of files; empty or nil: not set.
package struct TLSContextSettings: Sendable {
    /// What the server proves itself with.
    package struct Certificate: Sendable {
        /// PEM: the certificate, then those that lead to its authority.
        package var file: String
        /// PEM: its key.
        package var keyFile: String
        /// DER: the answer of its authority about it, which clients that ask for it are given.
        package var ocspFile: String?

        /// A certificate and its key.
        package init(file: String, keyFile: String, ocspFile: String? = nil) {
            self.file = file
            self.keyFile = keyFile
            self.ocspFile = ocspFile
        }
    }

    /// Versions of TLS.
    package struct Versions: OptionSet, Sendable {
        package let rawValue: UInt8
        /// Versions by their bits.
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// TLS 1.0 and 1.1, which need weak signatures: with either of them the library's level of security is the lowest.
        package static let tls10 = Versions(rawValue: 1)
        /// See `tls10`.
        package static let tls11 = Versions(rawValue: 2)
        /// TLS 1.2.
        package static let tls12 = Versions(rawValue: 4)
        /// TLS 1.3.
        package static let tls13 = Versions(rawValue: 8)
    }

    /// Whether clients are asked for a certificate, and refused for having none.
    package enum Verification: Int32, Sendable { case none = 0, request = 1, require = 2 }

    /// The listener's name: for errors, and so that no session of one listener is resumed at another.
    package var name: String
    /// nil with pre-shared keys alone.
    package var certificate: Certificate?
    /// Password of all keys.
    package var keyPassword: String?
    /// Certificates for clients that ask for these hosts; `*.example.org` stands for one label.
    package var hosts: [(name: String, certificate: Certificate)] = []
    /// PEM: the authorities of clients.
    package var authorityFile: String?
    /// A directory of them, by the hash of their names.
    package var authorityPath: String?
    /// PEM: lists of revoked certificates.
    package var revocationFile: String?
    /// PEM: parameters of Diffie-Hellman; nil = it is not done in finite fields.
    package var dhFile: String?
    /// OpenSSL's names with colons; nil = the broker's choice.
    package var ciphers: String?
    /// OpenSSL's names with colons; nil = the library's choice.
    package var curves: String?
    /// Versions that are spoken.
    package var versions: Versions = [.tls12, .tls13]
    /// Certificates that may stand between a client's and its authority's.
    package var depth = 1
    /// Whether clients show certificates.
    package var verification = Verification.none
    /// Whether keys that both sides know take the place of certificates.
    package var usesPreSharedKeys = false
    /// What TLS 1.2 tells clients about them.
    package var pskHint: String?
    /// Identities and keys.
    package var preSharedKeys: [(identity: String, key: [UInt8])] = []
    /// Let the kernel encrypt, where it can.
    package var usesKernel = true
    /// After so many seconds session tickets are sealed with another key; they are accepted for as long again.
    package var ticketSeconds: UInt32 = 3600

    /// The settings above, with nothing to prove oneself with.
    package init(name: String) { self.name = name }
}
