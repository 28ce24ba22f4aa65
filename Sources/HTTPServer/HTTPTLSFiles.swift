import CMicroHTTPD
import Glibc

/// Where a listener for HTTPS has what it proves itself with. Files in PEM, read once, before the server listens.
package struct HTTPTLSFiles: Sendable {
    /// The listener's certificate, then those that lead to its root.
    package var certificate: String
    /// The key of the certificate.
    package var key: String
    /// Certificates of authorities. When it is given, only clients with a certificate that one of them has signed for
    /// clients are served; others get 403.
    package var authority: String?
    /// The password that the key is encrypted with.
    package var keyPassword: String?

    /// The paths of the files.
    package init(certificate: String, key: String, authority: String? = nil, keyPassword: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.authority = authority
        self.keyPassword = keyPassword
    }
}

/// A file with certificates, as it was when the listener read it.
package struct HTTPCertificateFile: Sendable {
    package let path: String
    package let pem: [UInt8]
}

/// The texts of the files, as C wants them; alive as long as the server, and wiped at its end.
final class TLSTexts: @unchecked Sendable {
    // Never changed between initialiser and deinitialiser, hence @unchecked.
    let texts: CMicroHTTPDTLS
    /// What the files with certificates had in them.
    let certificates: [HTTPCertificateFile]
    private let buffers: [UnsafeMutableBufferPointer<CChar>]

    /// Reads the files and looks whether they can be used.
    ///
    /// - Parameter address: of the listener, for the error.
    init(_ files: HTTPTLSFiles, address: String) throws(HTTPServerError) {
        var buffers: [UnsafeMutableBufferPointer<CChar>] = []
        func keep(_ bytes: [UInt8]) -> UnsafePointer<CChar>? {
            let buffer = UnsafeMutableBufferPointer<CChar>.allocate(capacity: bytes.count + 1)
            _ = buffer.initialize(from: bytes.map { CChar(bitPattern: $0) } + [0])
            buffers.append(buffer)
            guard let base = buffer.baseAddress else { return nil }
            return UnsafePointer(base)
        }
        do throws(HTTPServerError) {
            let certificate = try Self.read(files.certificate, "certificate", address) as [UInt8]
            let authority = try Self.read(files.authority, "authority", address)
            texts = CMicroHTTPDTLS(
                certificate: keep(certificate), key: keep(try Self.read(files.key, "key", address)),
                keyPassword: files.keyPassword.flatMap { keep(Array($0.utf8)) },
                authority: authority.flatMap(keep))
            certificates =
                [HTTPCertificateFile(path: files.certificate, pem: certificate)]
                + (authority.map { [HTTPCertificateFile(path: files.authority ?? "", pem: $0)] } ?? [])
            try Self.check(texts, files, address)
        } catch {
            Self.wipe(buffers)
            throw error
        }
        self.buffers = buffers
    }

    deinit { Self.wipe(buffers) }

    private static func wipe(_ buffers: [UnsafeMutableBufferPointer<CChar>]) {
        for buffer in buffers {
            if let base = buffer.baseAddress { explicit_bzero(base, buffer.count) }
            buffer.deallocate()
        }
    }

    private static func failure(_ what: String, _ path: String, _ reason: String, _ address: String)
        -> HTTPServerError
    {
        HTTPServerError(
            problem: .tlsUnfit, address: address, errorNumber: 0, detail: " the \(what) \(path): \(reason)")
    }

    private static func read(_ path: String?, _ what: String, _ address: String) throws(HTTPServerError)
        -> [UInt8]?
    {
        guard let path else { return nil }
        return try read(path, what, address) as [UInt8]
    }

    private static func read(_ path: String, _ what: String, _ address: String) throws(HTTPServerError)
        -> [UInt8]
    {
        func failed(_ number: Int32) -> HTTPServerError {
            failure(what, path, String(cString: strerror(number)), address)
        }
        // Not waiting for the other end of a pipe.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw failed(errno) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &piece, piece.count)
            guard count >= 0 else { throw failed(errno) }
            if count == 0 { break }
            bytes += piece[..<count]
            guard bytes.count <= longestFile else { throw failed(EFBIG) }
        }
        explicit_bzero(&piece, piece.count)
        guard !bytes.isEmpty else { throw failure(what, path, "The file is empty", address) }
        guard !bytes.contains(0) else { throw failure(what, path, "The file is not PEM", address) }
        return bytes
    }

    private static let longestFile = 4 << 20

    private static func check(_ texts: CMicroHTTPDTLS, _ files: HTTPTLSFiles, _ address: String)
        throws(HTTPServerError)
    {
        var part: Int32 = 0
        let number = cmicrohttpd_check_tls(
            texts.certificate, texts.key, texts.keyPassword, texts.authority, &part)
        guard number < 0 else { return }
        var reason = gnutls_strerror(number).map { String(cString: $0) } ?? "error \(number)"
        while reason.hasSuffix(".") { reason.removeLast() }
        switch UInt32(part) {
        case CMICROHTTPD_CERTIFICATE.rawValue:
            throw failure("certificate", files.certificate, reason, address)
        case CMICROHTTPD_KEY.rawValue: throw failure("key", files.key, reason, address)
        case CMICROHTTPD_AUTHORITY.rawValue:
            throw failure("authority", files.authority ?? "", reason, address)
        default: throw failure("key", "\(files.key) with \(files.certificate)", reason, address)
        }
    }
}
