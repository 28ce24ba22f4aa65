import CCrypto

/// A password as the file keeps it.
///
/// VerneMQ's form is SHA-512 over the password and then a salt, once, written as `$6$salt$digest`. The marker is that of
/// crypt(3)'s SHA-512, but the content is not: there are no rounds. So whoever gets hold of the file can try passwords
/// fast. The slow form is scrypt (RFC 7914), written as `$scrypt$ln=14,r=8,p=1$salt$digest`: each try takes 16 MB of memory
/// and tens of milliseconds. VerneMQ cannot read it. Salts and digests are in base64.
package struct PasswordHash: Equatable, Sendable {
    /// How a password becomes a digest.
    package enum Scheme: Equatable, Sendable {
        /// VerneMQ's.
        case sha512
        /// scrypt with 2^`cost` blocks of `blockSize` × 128 bytes, `lanes` times.
        case scrypt(cost: Int, blockSize: Int, lanes: Int)

        /// What a fresh slow hash has.
        package static let slow = Scheme.scrypt(cost: 14, blockSize: 8, lanes: 1)

        /// Whether it is within what the broker computes: a file must not ask for gigabytes or minutes.
        var isAllowed: Bool {
            guard case .scrypt(let cost, let blockSize, let lanes) = self else { return true }
            return (1...20).contains(cost) && (1...32).contains(blockSize) && (1...16).contains(lanes)
                && blockSize * 128 << cost <= PasswordHash.memoryLimit && lanes << cost <= 1 << 20
        }
    }

    /// Bytes of a fresh salt.
    static let saltByteCount = 12
    /// Bytes of a digest of SHA-512.
    static let digestByteCount = 64
    /// Bytes of a digest of scrypt.
    static let slowDigestByteCount = 32
    /// Bytes that one scrypt may take.
    static let memoryLimit = 256 << 20
    /// What hashed passwords begin with.
    static let marker = Array("$6$".utf8)
    static let slowMarker = Array("$scrypt$".utf8)

    let scheme: Scheme
    let salt: [UInt8]
    let digest: [UInt8]

    /// Hashes `password` with a fresh random salt.
    ///
    /// - Throws: when the system gives no random numbers or no memory.
    package init(of password: [UInt8], _ scheme: Scheme = .sha512) throws(PasswordFileError) {
        var salt = [UInt8](repeating: 0, count: Self.saltByteCount)
        guard RAND_bytes(&salt, Int32(salt.count)) == 1 else { throw PasswordFileError(.noRandomBytes) }
        try self.init(of: password, salt: salt, scheme)
    }

    /// Hashes `password` with a given salt.
    init(of password: [UInt8], salt: [UInt8], _ scheme: Scheme = .sha512) throws(PasswordFileError) {
        guard let digest = Self.digest(password, salt, scheme) else {
            throw PasswordFileError(.hashingFailed)
        }
        self.scheme = scheme
        self.salt = salt
        self.digest = digest
    }

    /// Reads what `text` writes; `nil` when it has another form.
    package init?(text: ArraySlice<UInt8>) {
        if text.starts(with: Self.marker) {
            self.init(text.dropFirst(Self.marker.count), .sha512, digestByteCount: Self.digestByteCount)
        } else if text.starts(with: Self.slowMarker) {
            let rest = text.dropFirst(Self.slowMarker.count)
            guard let end = rest.firstIndex(of: UInt8(ascii: "$")), let scheme = Self.scheme(rest[..<end])
            else {
                return nil
            }
            self.init(rest[(end + 1)...], scheme, digestByteCount: Self.slowDigestByteCount)
        } else {
            return nil
        }
    }

    private init?(_ text: ArraySlice<UInt8>, _ scheme: Scheme, digestByteCount: Int) {
        let parts = text.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
        guard parts.count == 2, let salt = Base64.decode(parts[0]), let digest = Base64.decode(parts[1]),
            digest.count == digestByteCount
        else { return nil }
        self.scheme = scheme
        self.salt = salt
        self.digest = digest
    }

    /// Reads `ln=14,r=8,p=1`.
    private static func scheme(_ text: ArraySlice<UInt8>) -> Scheme? {
        let parts = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var numbers: [Int] = []
        for (part, name) in zip(parts, ["ln=", "r=", "p="]) {
            let digits = part.dropFirst(name.utf8.count)
            guard part.starts(with: name.utf8), (1...3).contains(digits.count),
                digits.first != UInt8(ascii: "0"),
                digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
            else { return nil }
            numbers.append(digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) })
        }
        let scheme = Scheme.scrypt(cost: numbers[0], blockSize: numbers[1], lanes: numbers[2])
        return scheme.isAllowed ? scheme : nil
    }

    /// As it stands in the file.
    package var text: [UInt8] {
        let head: [UInt8] =
            switch scheme {
            case .sha512: Self.marker
            case .scrypt(let cost, let blockSize, let lanes):
                Self.slowMarker + Array("ln=\(cost),r=\(blockSize),p=\(lanes)$".utf8)
            }
        return head + Base64.encode(salt) + [UInt8(ascii: "$")] + Base64.encode(digest)
    }

    /// Whether `password` is the one that was hashed. How long it takes does not depend on the digest. A slow hash takes tens
    /// of milliseconds: never on an event loop.
    package func matches(_ password: [UInt8]) -> Bool {
        guard let other = Self.digest(password, salt, scheme) else { return false }
        return CRYPTO_memcmp(digest, other, digest.count) == 0
    }

    private static func digest(_ password: [UInt8], _ salt: [UInt8], _ scheme: Scheme) -> [UInt8]? {
        switch scheme {
        case .sha512:
            var digest = [UInt8](repeating: 0, count: digestByteCount)
            guard ccrypto_sha512(password, password.count, salt, salt.count, &digest) == 1 else { return nil }
            return digest
        case .scrypt(let cost, let blockSize, let lanes):
            var digest = [UInt8](repeating: 0, count: slowDigestByteCount)
            let isMade = password.withUnsafeBytes { bytes in
                // An empty password has no address, and OpenSSL takes none for "no password".
                let text = bytes.bindMemory(to: CChar.self).baseAddress
                return EVP_PBE_scrypt(
                    text, bytes.count, salt, salt.count, 1 << UInt64(cost), UInt64(blockSize), UInt64(lanes),
                    UInt64(memoryLimit) + (1 << 20), &digest, digest.count)
            }
            return isMade == 1 ? digest : nil
        }
    }
}
