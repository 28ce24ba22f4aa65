import CCrypto

/// A password as VerneMQ keeps it: SHA-512 over the password and then a salt, once.
///
/// Written as `$6$`, the salt and `$`, the digest, both in base64. The marker is that of crypt(3)'s SHA-512, but the
/// content is not: there are no rounds. So whoever gets hold of the file can try passwords fast.
package struct PasswordHash: Equatable, Sendable {
    /// Bytes of a fresh salt.
    static let saltByteCount = 12
    /// Bytes of a digest.
    static let digestByteCount = 64
    /// What every hashed password begins with.
    static let marker = Array("$6$".utf8)

    let salt: [UInt8]
    let digest: [UInt8]

    /// Hashes `password` with a fresh random salt.
    ///
    /// - Throws: when the system gives no random numbers or no memory.
    package init(of password: [UInt8]) throws(PasswordFileError) {
        var salt = [UInt8](repeating: 0, count: Self.saltByteCount)
        guard RAND_bytes(&salt, Int32(salt.count)) == 1 else { throw PasswordFileError(.noRandomBytes) }
        try self.init(of: password, salt: salt)
    }

    /// Hashes `password` with a given salt.
    init(of password: [UInt8], salt: [UInt8]) throws(PasswordFileError) {
        guard let digest = Self.digest(password, salt) else { throw PasswordFileError(.hashingFailed) }
        self.salt = salt
        self.digest = digest
    }

    /// Reads `$6$salt$digest`; `nil` when the text has another form.
    package init?(text: ArraySlice<UInt8>) {
        guard text.starts(with: Self.marker) else { return nil }
        let parts = text.dropFirst(Self.marker.count).split(
            separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
        guard parts.count == 2, let salt = Base64.decode(parts[0]), let digest = Base64.decode(parts[1]),
            digest.count == Self.digestByteCount
        else { return nil }
        self.salt = salt
        self.digest = digest
    }

    /// `$6$salt$digest`
    package var text: [UInt8] {
        Self.marker + Base64.encode(salt) + [UInt8(ascii: "$")] + Base64.encode(digest)
    }

    /// Whether `password` is the one that was hashed. How long it takes does not depend on the digest.
    package func matches(_ password: [UInt8]) -> Bool {
        guard let other = Self.digest(password, salt) else { return false }
        return CRYPTO_memcmp(digest, other, Self.digestByteCount) == 0
    }

    private static func digest(_ password: [UInt8], _ salt: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: digestByteCount)
        guard ccrypto_sha512(password, password.count, salt, salt.count, &digest) == 1 else { return nil }
        return digest
    }
}
