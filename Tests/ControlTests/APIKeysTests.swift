import Admin
import Foundation
import TestSupport
import Testing

@testable import Control

@Suite struct APIKeysTests {
    private func keys(
        _ folder: TestFolder, minimumLength: Int = 0, maximumExpiryDays: Int? = nil
    ) throws -> APIKeys {
        try APIKeys(
            path: folder.path + "/api-keys", minimumLength: minimumLength,
            maximumExpiryDays: maximumExpiryDays)
    }

    @Test func `a key opens its scope, until it ends, and outlives the broker`() throws {
        let folder = TestFolder()
        let made = try keys(folder)
        let key = try made.create(.mgmt, expiresAt: 2000, now: 1000)
        #expect(key.utf8.count == 32)
        let again = try keys(folder)
        for keys in [made, again] {
            #expect(keys.admits(key, .mgmt, now: 1999))
            #expect(!keys.admits(key, .mgmt, now: 2000), "it has ended")
            #expect(!keys.admits(key, .metrics, now: 1000), "another scope")
            #expect(!keys.admits(String(key.dropLast()), .mgmt, now: 1000))
            #expect(!keys.admits("", .mgmt, now: 1000))
        }
    }

    @Test func `the file is its owner's alone, and has no key in it`() throws {
        let folder = TestFolder()
        let made = try keys(folder)
        let key = try made.create(.metrics, expiresAt: nil, now: 1000)
        let path = folder.path + "/api-keys"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(!text.contains(key))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func `what is refused says why, in VerneMQ's words, and changes nothing`() throws {
        let folder = TestFolder()
        let made = try keys(folder, minimumLength: 10, maximumExpiryDays: 30)
        let cases: [(key: String, expiresAt: Int64?, text: String)] = [
            ("short", 2000, "{error,invalid_key_length}"),
            ("with:a:colon", 2000, "{error,invalid_key_length}"),
            ("long enough with blanks", 2000, "{error,invalid_key_length}"),
            ("0123456789", 999, "{error,invalid_expiry_date}"),
            ("0123456789", 1000 + 31 * 86_400, "{error,invalid_expiry_date}"),
            ("0123456789", nil, "{error,invalid_expiry_date}"),
        ]
        for (key, expiresAt, text) in cases {
            #expect(throws: AdminFailure(.failed, text)) {
                try made.add(key, .mgmt, expiresAt: expiresAt, now: 1000)
            }
        }
        try made.add("0123456789", .mgmt, expiresAt: 2000, now: 1000)
        #expect(throws: AdminFailure(.failed, "{error,key_already_exists}")) {
            try made.add("0123456789", .mgmt, expiresAt: 2000, now: 1000)
        }
        try made.add("0123456789", .health, expiresAt: 2000, now: 1000)
        #expect(made.list(nil).map(\.scope) == [.mgmt, .health])
        #expect(made.list(.health).map { $0.name.prefix(3) } == ["01…"])
    }

    private func refusal(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "done"
        } catch {
            return (error as? AdminFailure)?.text ?? "\(error)"
        }
    }

    @Test func `a key is deleted by itself or by what is shown of it`() throws {
        let folder = TestFolder()
        let made = try keys(folder)
        for key in ["abcdefgh", "ABCDEFGH", "IJKLMNOP", "QRSTUVWX"] {
            try made.add(key, .mgmt, expiresAt: nil, now: 1)
        }
        try made.delete("abcdefgh", .mgmt)
        #expect(throws: AdminFailure(.failed, "{error,key_not_found}")) { try made.delete("abcdefgh", nil) }
        let names = made.list(nil).map(\.name)
        try made.delete(names[0], nil)
        try made.delete(names[1].replacing("…", with: "..."), .mgmt)
        try made.delete(String(names[2].suffix(8)), nil)
        #expect(made.list(nil).isEmpty && !made.admits("ABCDEFGH", .mgmt, now: 1))
    }

    @Test func `a beginning deletes nothing, and says which keys begin so`() throws {
        let folder = TestFolder()
        let made = try keys(folder)
        try made.add("abcdefgh", .mgmt, expiresAt: nil, now: 1)
        try made.add("abxxxxxx", .health, expiresAt: nil, now: 1)
        let names = made.list(nil).map(\.name)
        let text = refusal { try made.delete("ab", nil) }
        #expect(text.hasPrefix("{error,key_not_found}: a beginning is not enough"))
        #expect(text.contains("\(names[0]) (mgmt), \(names[1]) (health)"))
        #expect(made.list(nil).count == 2)
        // A whole key that is the beginning of others is a key.
        try made.add("ab", .api2, expiresAt: nil, now: 1)
        try made.delete("ab", nil)
        #expect(made.list(nil).map(\.scope) == [.mgmt, .health])
    }

    @Test func `of a key with several scopes one is deleted, and only the one that is named`() throws {
        let folder = TestFolder()
        let made = try keys(folder)
        for scope in [APIKeys.Scope.mgmt, .metrics] {
            try made.add("abcdefgh", scope, expiresAt: nil, now: 1)
        }
        let name = try #require(made.list(nil).first?.name)
        for key in ["abcdefgh", name] {
            let text = refusal { try made.delete(key, nil) }
            #expect(text.contains("2 keys are meant") && text.contains("\(name) (mgmt), \(name) (metrics)"))
            #expect(
                refusal { try made.delete(key, .health) }.contains("it has another scope: \(name) (mgmt)"))
        }
        #expect(made.list(nil).count == 2)
        try made.delete("abcdefgh", .metrics)
        #expect(made.list(nil).map(\.scope) == [.mgmt])
    }

    @Test(arguments: ["nonsense", "salt zz\n", "salt 0011\nmgmt never 1 00 abc\n", "mgmt never 1 2 3\n"])
    func `a file that is none is refused with its line`(_ text: String) throws {
        let folder = TestFolder()
        try text.write(toFile: folder.path + "/api-keys", atomically: true, encoding: .utf8)
        #expect(throws: AdminFailure.self) { try keys(folder) }
    }

    @Test func `who shows wrong keys too often is not listened to for a minute`() {
        let attempts = FailedAttempts()
        for _ in 0..<FailedAttempts.allowed {
            #expect(!attempts.isLimited("a", now: 100))
            attempts.failed("a", now: 100)
        }
        #expect(attempts.isLimited("a", now: 159) && !attempts.isLimited("b", now: 159))
        #expect(!attempts.isLimited("a", now: 160))
    }

    @Test func `a good key forgives nothing, and is let in from where it was good within the last hour`() {
        let attempts = FailedAttempts()
        attempts.succeeded("c", key: "good", now: 100)
        for _ in 0..<9 { #expect(!attempts.failed("c", now: 3600)) }
        attempts.succeeded("c", key: "second", now: 3600)
        #expect(attempts.failed("c", now: 3659))
        #expect(!attempts.failed("c", now: 3659))
        #expect(attempts.isLimited("c", now: 3660) && attempts.isLimited("c", key: "bad", now: 3660))
        #expect(!attempts.isLimited("c", key: "good", now: 3699))
        #expect(attempts.isLimited("c", key: "good", now: 3700))
        #expect(!attempts.isLimited("c", key: "second", now: 3700))
        for number in 0..<10 { attempts.failed("d", now: 3700 + Int64(number)) }
        #expect(attempts.isLimited("d", key: "second", now: 3710))
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("2001:db8:0:1::7", "2001:db8:0:1::/64"), ("::1", "::/64"),
        ("fe80::1:2%eth0", "fe80::/64"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("local", "local"),
        ("2001:db8:0:1:ffff::", "2001:db8:0:1::/64"),
    ])
    func `of IPv6 a network counts as one address`(_ address: String, _ origin: String) {
        #expect(FailedAttempts.origin(of: address) == origin)
    }

    @Test func `a key of another scope is known, and so is one whose time is over`() throws {
        let folder = TestFolder()
        let keys = try keys(folder)
        defer { withExtendedLifetime(folder) {} }
        try keys.add("a-key-of-somebody", .health, expiresAt: 200, now: 100)
        #expect(keys.knows("a-key-of-somebody") && !keys.knows("a-key-of-nobody"))
        #expect(!keys.admits("a-key-of-somebody", .mgmt, now: 150))
    }

    @Test func `wrong keys now and then add up to nothing`() {
        let attempts = FailedAttempts()
        for number in 0..<100 { attempts.failed("a", now: 100 + Int64(number) * 30) }
        #expect(!attempts.isLimited("a", now: 100 + 99 * 30))
    }

    @Test func `addresses that fail take bounded memory, and the latest stay limited`() {
        let attempts = FailedAttempts()
        for number in 0..<20_000 { attempts.failed("\(number)", now: Int64(number / 100)) }
        for _ in 0..<FailedAttempts.allowed { attempts.failed("last", now: 200) }
        #expect(attempts.isLimited("last", now: 201))
        for number in 0..<20_000 { attempts.succeeded("\(number)", key: "k", now: 200) }
        attempts.succeeded("last", key: "k", now: 201)
        #expect(!attempts.isLimited("last", key: "k", now: 202))
    }
}
