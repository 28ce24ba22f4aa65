package import Admin
import CCrypto
import Glibc
import Synchronization

/// The keys of the HTTP API. They are kept in one file as salted hashes: who reads the file cannot use it. A key is
/// compared in constant time.
///
///     salt 0c9f…                                              of this file
///     mgmt never 1795223547 9f86d0… Ub8lvG                     scope, expiry, made, hash, beginning of the key
package final class APIKeys: Sendable {
    /// What a key is good for.
    package enum Scope: String, CaseIterable, Sendable {
        case status, mgmt, metrics, health, api2, httppub
    }

    /// A key as it is shown: the key itself is known to nobody.
    package struct Shown: Sendable, Equatable {
        /// Its beginning, and a mark of its own by which it can be deleted: `Ub8lvG…5be1a0c2`.
        package let name: String
        package let scope: Scope
        /// Seconds since 1970 UTC; nil = never.
        package let expiresAt: Int64?
    }

    private struct Key: Equatable {
        let scope: Scope
        let expiresAt: Int64?
        let madeAt: Int64
        let hash: [UInt8]
        let beginning: String

        /// Of the salted hash: who has not the file of keys learns nothing from it.
        var mark: String { [UInt8](hash.prefix(4)).hex }
        var name: String { "\(beginning)…\(mark)" }

        /// Whether it is what `text` names: as `api-key show` writes it, with three full stops too, or its mark alone.
        func isNamed(_ text: String) -> Bool {
            let text = text.replacing("...", with: "…")
            return text == name || text == mark
        }
    }

    private struct State {
        var salt: [UInt8]
        var keys: [Key]
    }

    private let path: String
    private let minimumLength: Int
    /// nil = no limit.
    private let maximumExpiryDays: Int?
    private let state: Mutex<State>
    /// Keys that are kept at most.
    private static let limit = 1000
    /// Bytes of the file: more than that is not ours.
    private static let longestFile = 1 << 20

    /// What is shown of a key, so that its owner knows it: no more than a quarter, for who sees it must not know a short key.
    package static func beginning(of key: String) -> String { String(key.prefix(min(6, key.utf8.count / 4))) }

    /// Reads the keys.
    ///
    /// - Parameters:
    ///   - path: of the file, which is made with the first key.
    ///   - maximumExpiryDays: nil = a key may be good for ever.
    /// - Throws: `AdminFailure` when the file is there and cannot be read as keys.
    package init(path: String, minimumLength: Int, maximumExpiryDays: Int?) throws(AdminFailure) {
        self.path = path
        self.minimumLength = minimumLength
        self.maximumExpiryDays = maximumExpiryDays
        state = Mutex(try Self.read(path))
    }

    // MARK: Checking

    /// Whether no key was made, or all were deleted.
    package var isEmpty: Bool { state.withLock { $0.keys.isEmpty } }

    /// Whether `key` may be used for `scope` at `now`, in seconds since 1970 UTC.
    package func admits(_ key: String, _ scope: Scope, now: Int64) -> Bool {
        state.withLock { state in
            let hash = Self.hash(key, state.salt)
            var isFound = false
            // All of them: how long it takes says nothing about which one it is.
            for candidate in state.keys {
                let isSame = Self.equal(candidate.hash, hash)
                let isGood = candidate.scope == scope && candidate.expiresAt.map { $0 > now } != false
                isFound = isFound || (isSame && isGood)
            }
            return isFound
        }
    }

    /// Whether there is such a key of any scope, also one whose time is over.
    package func knows(_ key: String) -> Bool {
        state.withLock { state in
            let hash = Self.hash(key, state.salt)
            return state.keys.reduce(false) { Self.equal($1.hash, hash) || $0 }
        }
    }

    /// The keys of a scope, or all; the oldest first.
    package func list(_ scope: Scope?) -> [Shown] {
        state.withLock { state in
            state.keys.filter { scope == nil || $0.scope == scope }.map {
                Shown(name: $0.name, scope: $0.scope, expiresAt: $0.expiresAt)
            }
        }
    }

    // MARK: Changing

    /// Makes a key. - Returns: the key, which is shown this once.
    package func create(_ scope: Scope, expiresAt: Int64?, now: Int64) throws(AdminFailure) -> String {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var system = SystemRandomNumberGenerator()
        let characters = (0..<max(32, minimumLength)).map { _ in
            alphabet[Int.random(in: 0..<alphabet.count, using: &system)]
        }
        let key = String(decoding: characters, as: UTF8.self)
        try add(key, scope, expiresAt: expiresAt, now: now)
        return key
    }

    /// Takes a key that somebody has chosen.
    package func add(_ key: String, _ scope: Scope, expiresAt: Int64?, now: Int64) throws(AdminFailure) {
        guard key.utf8.count >= max(1, minimumLength), key.utf8.count <= 1024,
            key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A })
        else { throw AdminFailure(.failed, "{error,invalid_key_length}") }
        if let expiresAt {
            let isTooLate = maximumExpiryDays.map { expiresAt > now + Int64($0) * 86_400 } ?? false
            guard expiresAt > now, !isTooLate else {
                throw AdminFailure(.failed, "{error,invalid_expiry_date}")
            }
        } else if maximumExpiryDays != nil {
            throw AdminFailure(.failed, "{error,invalid_expiry_date}")
        }
        try change { state throws(AdminFailure) in
            let hash = Self.hash(key, state.salt)
            guard !state.keys.contains(where: { $0.scope == scope && $0.hash == hash }) else {
                throw AdminFailure(.failed, "{error,key_already_exists}")
            }
            guard state.keys.count < Self.limit else {
                throw AdminFailure(
                    .failed, "there are \(Self.limit) keys, which is the most there may be; delete one")
            }
            state.keys.append(
                Key(
                    scope: scope, expiresAt: expiresAt, madeAt: now, hash: hash,
                    beginning: Self.beginning(of: key)))
        }
    }

    /// Deletes one key.
    ///
    /// - Parameters:
    ///   - key: the whole key, or what `list` shows of it.
    ///   - scope: nil = the only one that it has.
    /// - Throws: when it is not there, or several keys are meant: nothing is deleted then, and the text names them.
    package func delete(_ key: String, _ scope: Scope?) throws(AdminFailure) {
        try change { state throws(AdminFailure) in
            let hash = Self.hash(key, state.salt)
            let whole = state.keys.filter { Self.equal($0.hash, hash) }
            let meant = whole.isEmpty ? state.keys.filter { $0.isNamed(key) } : whole
            let found = meant.filter { scope == nil || $0.scope == scope }
            guard let only = found.first else { throw Self.notFound(key, meant, state.keys) }
            guard found.count == 1 else {
                throw AdminFailure(
                    .failed,
                    "\(found.count) keys are meant, and none was deleted: \(Self.names(found)); say which with scope=, or give the whole key"
                )
            }
            state.keys.removeAll { $0 == only }
        }
    }

    /// - Parameter elsewhere: the keys that are meant, which have other scopes.
    private static func notFound(_ text: String, _ elsewhere: [Key], _ keys: [Key]) -> AdminFailure {
        let notFound = "{error,key_not_found}"
        guard elsewhere.isEmpty else {
            return AdminFailure(
                .failed,
                "\(notFound): it has another scope: \(names(elsewhere)); a key is deleted for one scope")
        }
        let similar = keys.filter { !$0.beginning.isEmpty && text == $0.beginning }
        guard !similar.isEmpty else { return AdminFailure(.failed, notFound) }
        return AdminFailure(
            .failed,
            "\(notFound): a beginning is not enough: \(names(similar)); write it so, or the whole key")
    }

    /// `Ub8lvG…5be1a0c2 (mgmt)`, of a few.
    private static func names(_ keys: [Key]) -> String {
        let most = 10
        let shown = keys.prefix(most).map { "\($0.name) (\($0.scope.rawValue))" }
        return shown.joined(separator: ", ") + (keys.count > most ? " and \(keys.count - most) more" : "")
    }

    private func change(_ body: (inout State) throws(AdminFailure) -> Void) throws(AdminFailure) {
        let failure = state.withLock { state -> AdminFailure? in
            do throws(AdminFailure) {
                var changed = state
                try body(&changed)
                try Self.write(changed, path)
                state = changed
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    // MARK: The file

    /// In place of the beginning of a key that is too short to show any of it. No key has a colon.
    private static let noBeginning = ":"

    private static func hash(_ key: String, _ salt: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 64)
        let bytes = Array(key.utf8)
        let isDone = salt.withUnsafeBytes { salt in
            bytes.withUnsafeBytes { bytes in
                ccrypto_sha512(salt.baseAddress, salt.count, bytes.baseAddress, bytes.count, &digest)
            }
        }
        // Without memory no key is good.
        return isDone == 1 ? digest : []
    }

    private static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        !left.isEmpty && left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }

    private static func read(_ path: String) throws(AdminFailure) -> State {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            // Where no folder can be there are no keys, and none can be made: that is said then.
            guard errno == ENOENT || errno == ENOTDIR else {
                throw AdminFailure(.failed, "\(path): cannot be read: \(String(cString: strerror(errno)))")
            }
            var salt = [UInt8](repeating: 0, count: 16)
            guard RAND_bytes(&salt, Int32(salt.count)) == 1 else {
                throw AdminFailure(.failed, "no random bytes for the file of API keys")
            }
            return State(salt: salt, keys: [])
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count < longestFile {
            let count = Glibc.read(descriptor, &piece, piece.count)
            guard count >= 0 else {
                throw AdminFailure(.failed, "\(path): cannot be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        var state = State(salt: [], keys: [])
        for (number, line) in lines.enumerated() {
            let words = line.split(separator: " ").map(String.init)
            if words.count == 2, words[0] == "salt", let salt = [UInt8](hex: words[1]) {
                state.salt = salt
                continue
            }
            guard words.count == 5, let scope = Scope(rawValue: words[0]),
                words[1] == "never" || Int64(words[1]) != nil, let madeAt = Int64(words[2]),
                let hash = [UInt8](hex: words[3]), hash.count == 64, state.keys.count < limit
            else {
                throw AdminFailure(
                    .failed,
                    "\(path):\(number + 1): this is no API key; expected SCOPE EXPIRY MADE HASH BEGINNING")
            }
            state.keys.append(
                Key(
                    scope: scope, expiresAt: Int64(words[1]), madeAt: madeAt, hash: hash,
                    beginning: words[4] == noBeginning ? "" : words[4])
            )
        }
        guard !state.salt.isEmpty else {
            throw AdminFailure(.failed, "\(path): the line with the salt is missing")
        }
        return state
    }

    private static func write(_ state: State, _ path: String) throws(AdminFailure) {
        var text = "salt \(state.salt.hex)\n"
        for key in state.keys {
            let expiry = key.expiresAt.map { "\($0)" } ?? "never"
            text += "\(key.scope.rawValue) \(expiry) \(key.madeAt) \(key.hash.hex) "
            text += (key.beginning.isEmpty ? noBeginning : key.beginning) + "\n"
        }
        let temporary = path + ".new"
        func failure(_ what: String) -> AdminFailure {
            AdminFailure(.failed, "\(temporary): cannot be \(what): \(String(cString: strerror(errno)))")
        }
        // Left behind by a broker that was killed, or put there by somebody: it is not followed.
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("made") }
        var rest = Array(text.utf8)
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest, rest.count)
            guard count > 0 else {
                let thrown = failure("written")
                close(descriptor)
                unlink(temporary)
                throw thrown
            }
            rest.removeFirst(count)
        }
        let isSafe = fsync(descriptor) == 0
        close(descriptor)
        guard isSafe, rename(temporary, path) == 0 else {
            let thrown = failure(isSafe ? "renamed" : "written to the disk")
            unlink(temporary)
            throw thrown
        }
        let folder = open(
            String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)) + "/", O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }
}

extension [UInt8] {
    fileprivate init?(hex text: String) {
        let digits = text.utf8.compactMap { digit -> UInt8? in
            switch digit {
            case 0x30...0x39: digit - 0x30
            case 0x61...0x66: digit - 0x61 + 10
            default: nil
            }
        }
        guard digits.count == text.utf8.count, digits.count % 2 == 0, !digits.isEmpty else { return nil }
        self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    fileprivate var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
