import CCrypto

/// What operators want to know of a certificate.
package struct Certificate: Equatable, Sendable {
    /// The file it was read from.
    package var file: String
    /// Seconds since 1970.
    package var notBefore: Int64
    /// Seconds since 1970.
    package var notAfter: Int64
    /// The common name of whom it is for, or the whole name where it has none.
    package var commonName: String
    /// Who has signed it, in the same form.
    package var issuer: String
    /// `DNS:localhost, IP:127.0.0.1`
    package var alternativeNames: String

    /// Certificates of one file that are looked at.
    private static let limit = 100

    /// The certificates of a text in PEM, in their order, up to the first that cannot be read.
    ///
    /// - Parameter file: where the text is from.
    package static func reading(pem: [UInt8], of file: String) -> [Certificate] {
        var found: [Certificate] = []
        pem.withUnsafeBytes { bytes in
            guard let source = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else {
                return
            }
            defer { unsafe BIO_free(source) }
            var read = unsafe CCryptoCertificate()
            while found.count < limit, unsafe ccrypto_next_certificate(source, &read) == 1 {
                unsafe found.append(
                    Certificate(
                        file: file, notBefore: read.notBefore, notAfter: read.notAfter,
                        commonName: String(cString: read.commonName), issuer: String(cString: read.issuer),
                        alternativeNames: String(cString: read.alternativeNames)))
                unsafe ccrypto_free_certificate(&read)
            }
        }
        return found
    }

    /// Whether it is not valid at `now`, or ends within `seconds` after it.
    func isToBeLookedAt(at now: Int64, within seconds: Int64) -> Bool {
        let (limit, overflow) = now.addingReportingOverflow(seconds)
        return notBefore > now || notAfter <= (overflow ? .max : limit)
    }
}

/// What a listener proves itself with, as it is in force; empty texts where nothing is set.
package struct ListenerTLS: Sendable {
    /// Such as `tlsv1.2, tlsv1.3`.
    package var versions: String
    package var certificateFile: String
    package var authorityFile: String
    package var keyFile: String
    package var requiresCertificate: Bool
    /// The name in a client's certificate, or of its key, becomes its user name.
    package var usesIdentityAsUserName = false
    /// nil: there are no pre-shared keys.
    package var preSharedKeyFile: String?
    /// Those of the listener and of its authorities.
    package var certificates: [Certificate]

    package init(
        versions: String, certificateFile: String, authorityFile: String, keyFile: String,
        requiresCertificate: Bool, certificates: [Certificate]
    ) {
        self.versions = versions
        self.certificateFile = certificateFile
        self.authorityFile = authorityFile
        self.keyFile = keyFile
        self.requiresCertificate = requiresCertificate
        self.certificates = certificates
    }
}
