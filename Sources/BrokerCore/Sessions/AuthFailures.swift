import BrokerLog
import Glibc
import Logging
package import Primitives
import Synchronization

/// Logins that were refused, by address and by user name: who fails again and again is answered late, and banned for a time
/// if the operator wants that.
///
/// Bounded: so many addresses and so many names are known, whoever they are. Each table has two halves: what is touched is in
/// the newer one, and when that is full the older one is dropped but for bans. A million addresses that fail once push
/// each other out, and nobody else's ban.
package final class AuthFailures: Sendable {
    /// What follows from failures.
    package struct Limits: Sendable, Equatable {
        /// Failures after which an address is banned; 0 = never.
        package var maximum = 0
        /// Seconds after which a failure is forgotten.
        package var window: UInt64 = 60
        /// Seconds that a ban lasts.
        package var banTime: UInt64 = 300
        /// Whether names are banned as well.
        package var bansUsers = false
        /// Milliseconds that a refusal is held back at most; 0 = not at all.
        package var longestDelay: UInt64 = 0

        package init() {}
    }

    /// Whom failures are counted for.
    package enum Kind: String, Sendable, CaseIterable {
        /// An IPv4 address, or the 64 bits of an IPv6 address that name its network.
        case address
        /// A user name, or its first 256 bytes.
        case user
    }

    /// One row of what is known.
    package struct Row: Sendable {
        package let kind: Kind
        package let name: String
        package let failures: Int
        /// Seconds since the last one.
        package let age: UInt64
        /// Seconds that its ban still lasts; nil = it is not banned.
        package let bannedFor: UInt64?
    }

    /// Numbers since the start, and now.
    package struct Reading: Sendable, Equatable {
        package var failures: UInt64 = 0
        package var delayed: UInt64 = 0
        package var bans: UInt64 = 0
        /// CONNECT packets that were refused for a ban.
        package var refused: UInt64 = 0
        package var entries = 0
    }

    fileprivate struct Entry {
        var failures = 0
        var last = MonotonicTime(nanoseconds: 0)
        var bannedUntil: MonotonicTime?
    }

    /// Addresses that are known, and names.
    static let limit = 16_384
    private static let nameLimit = 256

    private struct State {
        var addresses = HalvedTable()
        var users = HalvedTable()
        var reading = Reading()
    }

    private let state = Mutex(State())
    /// Whether anything is known: asked for each CONNECT, without the lock.
    private let isUsed = Atomic<Bool>(false)
    private let bans: Episode

    init(_ log: Logger) {
        bans = Episode(
            log, began: "logins fail too often: addresses or user names are banned",
            ended: "no more addresses or user names are banned")
    }

    // MARK: The course of a CONNECT

    /// Whether a client is banned; counted then.
    func isBanned(_ peer: ClientPeer, _ userName: UTF8Text?, _ limits: Limits, now: MonotonicTime) -> Bool {
        guard isUsed.load(ordering: .relaxed), limits.maximum > 0 else { return false }
        let address = Self.key(of: peer)
        let user = userName.map(Self.key)
        return state.withLock { state in
            let isBanned =
                state.addresses.isBanned(address, now)
                || limits.bansUsers && user.map { state.users.isBanned($0, now) } == true
            if isBanned { state.reading.refused += 1 }
            return isBanned
        }
    }

    /// A login was refused.
    ///
    /// - Returns: milliseconds for which the answer is to be held back.
    func failed(_ peer: ClientPeer, _ userName: UTF8Text?, _ limits: Limits, now: MonotonicTime) -> UInt64 {
        isUsed.store(true, ordering: .relaxed)
        let address = Self.key(of: peer)
        let (delay, hasBanned) = state.withLock { state -> (UInt64, Bool) in
            state.reading.failures += 1
            var (count, isNew) = state.addresses.fail(address, limits, bans: true, now)
            if isNew { state.reading.bans += 1 }
            if let userName {
                let user = state.users.fail(Self.key(userName), limits, bans: limits.bansUsers, now)
                count = max(count, user.count)
                if user.isNewlyBanned { state.reading.bans += 1 }
                isNew = isNew || user.isNewlyBanned
            }
            state.reading.entries = state.addresses.count + state.users.count
            let delay = limits.longestDelay >> UInt64(max(0, 5 - count))
            if delay > 0 { state.reading.delayed += 1 }
            return (delay, isNew)
        }
        if hasBanned {
            bans.endIfQuiet(for: .seconds(60))
            bans.occurred(["address": "\(peer.address)", "user": "\(userName.map { "\($0)" } ?? "")"])
        }
        return delay
    }

    /// A login with this name was right. An address goes on being counted: who has one account must not be able to try
    /// others for ever.
    func succeeded(_ userName: UTF8Text?) {
        guard isUsed.load(ordering: .relaxed), let userName else { return }
        state.withLock { state in
            state.users.forget(Self.key(userName))
            state.reading.entries = state.addresses.count + state.users.count
        }
    }

    // MARK: Operators

    /// What is known, those with the last failures first.
    package func rows(window: UInt64, now: MonotonicTime) -> [Row] {
        let (addresses, users) = state.withLock { ($0.addresses, $0.users) }
        func rows(_ table: HalvedTable, _ kind: Kind) -> [Row] {
            table.all.compactMap { name, entry in
                let age = now.nanoseconds(since: entry.last) / 1_000_000_000
                let isBanned = entry.bannedUntil.map { $0 > now } ?? false
                guard isBanned || age < window else { return nil }
                return Row(
                    kind: kind, name: "\(name)", failures: entry.failures, age: age,
                    bannedFor: isBanned
                        ? entry.bannedUntil.map { $0.nanoseconds(since: now) / 1_000_000_000 + 1 } : nil)
            }
        }
        return (rows(addresses, .address) + rows(users, .user)).sorted {
            ($0.age, $0.name) < ($1.age, $1.name)
        }
    }

    /// Forgets what is known of an address, of a name, or of all.
    ///
    /// - Returns: entries that were forgotten.
    package func clear(_ kind: Kind?, _ name: String?) -> Int {
        state.withLock { state in
            let before = state.addresses.count + state.users.count
            if kind != .user {
                if let name {
                    let peer = ClientPeer(address: name, port: 0)
                    // As it was sent, or as it is shown.
                    for key in [Self.key(of: peer), UTF8Text(name)] { state.addresses.forget(key) }
                } else {
                    state.addresses = HalvedTable()
                }
            }
            if kind != .address {
                if let name {
                    state.users.forget(Self.key(UTF8Text(name)))
                } else {
                    state.users = HalvedTable()
                }
            }
            state.reading.entries = state.addresses.count + state.users.count
            return before - state.reading.entries
        }
    }

    /// The numbers now.
    package var reading: Reading { state.withLock { $0.reading } }

    // MARK: Keys

    private static func key(_ userName: UTF8Text) -> UTF8Text {
        userName.count <= nameLimit ? userName : UTF8Text(bytes: Array(userName.bytes.prefix(nameLimit)))
    }

    private static func key(of peer: ClientPeer) -> UTF8Text {
        var bytes = in6_addr()
        guard peer.address.utf8.contains(UInt8(ascii: ":")),
            unsafe inet_pton(AF_INET6, peer.address, &bytes) == 1
        else { return UTF8Text(peer.address) }
        let words = unsafe bytes.__in6_u.__u6_addr16
        let groups = [words.0, words.1, words.2, words.3].map { String(UInt16(bigEndian: $0), radix: 16) }
        return UTF8Text(groups.joined(separator: ":") + "::/64")
    }
}

/// A table that holds about as many entries as it may, those that were touched last.
private struct HalvedTable {
    typealias Entry = AuthFailures.Entry

    private var newer: [UTF8Text: Entry] = [:]
    private var older: [UTF8Text: Entry] = [:]

    var count: Int { newer.count + older.count }
    var all: [(UTF8Text, Entry)] { newer.map { ($0.key, $0.value) } + older.map { ($0.key, $0.value) } }

    func isBanned(_ key: UTF8Text, _ now: MonotonicTime) -> Bool {
        guard let until = (newer[key] ?? older[key])?.bannedUntil else { return false }
        return until > now
    }

    /// - Returns: failures within the window, this one included.
    mutating func fail(
        _ key: UTF8Text, _ limits: AuthFailures.Limits, bans: Bool, _ now: MonotonicTime
    ) -> (count: Int, isNewlyBanned: Bool) {
        var entry = newer[key] ?? older.removeValue(forKey: key) ?? Entry()
        if now.nanoseconds(since: entry.last) >= limits.window &* 1_000_000_000 { entry.failures = 0 }
        entry.failures += 1
        entry.last = now
        let isOver = bans && limits.maximum > 0 && entry.failures >= limits.maximum
        let isNewlyBanned = isOver && entry.bannedUntil.map { $0 <= now } ?? true
        if isOver { entry.bannedUntil = now.adding(seconds: limits.banTime) }
        if newer[key] == nil, newer.count >= AuthFailures.limit / 2 { turnOver(now) }
        newer[key] = entry
        return (entry.failures, isNewlyBanned)
    }

    /// The newer half becomes the older one, with the bans of that, as far as there is room.
    private mutating func turnOver(_ now: MonotonicTime) {
        var kept = newer
        for (key, entry) in older {
            guard kept.count < AuthFailures.limit / 2 + AuthFailures.limit / 4 else { break }
            if let until = entry.bannedUntil, until > now { kept[key] = entry }
        }
        older = kept
        newer = [:]
    }

    mutating func forget(_ key: UTF8Text) {
        newer.removeValue(forKey: key)
        older.removeValue(forKey: key)
    }
}
