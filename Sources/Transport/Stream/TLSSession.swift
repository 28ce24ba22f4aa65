import CTLS
import Glibc

/// The server's side of one TLS connection, on a socket that somebody else owns. One thread at a time.
final class TLSSession {
    private let raw: OpaquePointer

    /// - Returns: nil when the library has no memory.
    init?(_ context: TLSContext, descriptor: Int32) {
        guard let raw = ctls_session_new(context.raw, descriptor) else { return nil }
        self.raw = raw
    }

    deinit { ctls_session_free(raw) }

    /// What a step of the handshake came to.
    enum Handshake { case done, wantsReading, wantsWriting, failed(TLSFailure) }

    func handshake() -> Handshake {
        switch ctls_handshake(raw) {
        case 0: .done
        case 1: .wantsReading
        case 2: .wantsWriting
        default: .failed(failure)
        }
    }

    /// As `read`; -EPROTO: see `failure`.
    func read(_ target: UnsafeMutableRawBufferPointer) -> Int {
        ctls_read(raw, target.baseAddress, target.count)
    }

    /// As `send`; after -EAGAIN at least the same bytes must be offered again.
    func write(_ bytes: UnsafeRawPointer, _ count: Int) -> Int { ctls_write(raw, bytes, count) }

    /// Bytes are here that the socket will not announce.
    var hasInput: Bool { ctls_has_input(raw) == 1 }
    /// Reading cannot go on before the socket takes bytes.
    var wantsWriting: Bool { ctls_wants_writing(raw) == 1 }

    func close() { ctls_close(raw) }

    var failure: TLSFailure { TLSFailure(rawValue: ctls_failure(raw)) ?? .protocolError }
    var failureText: String { String(cString: ctls_failure_text(raw)) }

    /// What is known once the handshake is done.
    var facts: TLSFacts {
        let name = String(cString: ctls_server_name(raw))
        let identity = String(cString: ctls_psk_identity(raw))
        return TLSFacts(
            version: String(cString: ctls_version(raw)), cipher: String(cString: ctls_cipher(raw)),
            wasResumed: ctls_was_resumed(raw) == 1, usesKernel: ctls_uses_kernel(raw) == 1,
            serverName: name.isEmpty ? nil : name, pskIdentity: identity.isEmpty ? nil : identity,
            hasCertificate: ctls_has_certificate(raw) == 1, commonName: commonName, certificate: certificate)
    }

    private var commonName: [UInt8]? {
        withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
            let count = ctls_common_name(
                raw, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
            return count < 0 ? nil : Array(buffer.prefix(Int(count)))
        }
    }

    private var certificate: [UInt8] {
        let count = ctls_certificate(raw, nil, 0)
        guard count > 0, count <= 64 * 1024 else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(count))
        return ctls_certificate(raw, &bytes, bytes.count) == count ? bytes : []
    }
}

/// What is known of a TLS connection.
package struct TLSFacts: Sendable {
    /// As OpenSSL writes it: `TLSv1.3`.
    package let version: String
    /// OpenSSL's name of the cipher.
    package let cipher: String
    /// It goes on with keys of an earlier connection.
    package let wasResumed: Bool
    /// The kernel encrypts what is sent.
    package let usesKernel: Bool
    /// The host that the client asked for; nil = none.
    package let serverName: String?
    /// Whose pre-shared key is used; nil = nobody's.
    package let pskIdentity: String?
    /// The client has a certificate that was verified.
    package let hasCertificate: Bool
    /// The first common name in it, as UTF-8 of at most 1,024 bytes; nil = there is none.
    package let commonName: [UInt8]?
    /// It, as DER; empty = there is none, or it has more than 64 KiB.
    package let certificate: [UInt8]
}

/// Why TLS failed; the numbers are those of `ctls_failure`.
package enum TLSFailure: Int32, CaseIterable, Sendable {
    case none, closed, io, notTLS, version, cipher, noCertificate, expired, notYetValid, revoked, unknownCA,
        selfSigned, chain, certificate, psk, alert, alpn, protocolError
    /// The handshake took too long. Ours, not the library's.
    case timeout = 100

    /// The value of the metric label `reason`.
    package var label: String {
        switch self {
        case .none: "none"
        case .closed: "closed"
        case .io: "io_error"
        case .notTLS: "not_tls"
        case .version: "version"
        case .cipher: "no_shared_cipher"
        case .noCertificate: "no_certificate"
        case .expired: "certificate_expired"
        case .notYetValid: "certificate_not_yet_valid"
        case .revoked: "certificate_revoked"
        case .unknownCA: "unknown_authority"
        case .selfSigned: "self_signed"
        case .chain: "chain_too_long"
        case .certificate: "bad_certificate"
        case .psk: "pre_shared_key"
        case .alert: "refused_by_client"
        case .alpn: "application_protocol"
        case .protocolError: "protocol_error"
        case .timeout: "timeout"
        }
    }
}
