import Glibc
import Synchronization

/// Which addresses have shown wrong keys lately. Who has failed ten times within a minute is not listened to until a minute
/// after its last failure: guessing a key over the network takes longer than the key lives. Of IPv6 a whole /64 counts as one
/// address, for whoever has one address there has all.
///
/// Behind one address there may be many: a key that was good from there within the last hour goes on to be looked at.
package final class FailedAttempts: Sendable {
    private struct Entry {
        var count = 0
        /// When the count began.
        var first: Int64 = 0
        var last: Int64 = 0
    }

    /// A key and where it came from, as a number that says nothing of the key.
    private struct Good: Hashable {
        let origin: String
        let key: Int
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// When a key was good from an address last, in seconds.
        var good: [Good: Int64] = [:]
    }

    private let state = Mutex(State())
    /// Failures that an address may have within `window`.
    package static let allowed = 10
    /// Seconds.
    package static let window: Int64 = 60
    /// Seconds in which a good key is remembered.
    package static let memory: Int64 = 3600
    /// Addresses that are remembered, and as many good keys; when there are more, those seen longest ago are forgotten.
    package static let mostAddresses = 4096

    package init() {}

    /// Whether a request from the address is answered without looking at its key.
    ///
    /// - Parameters:
    ///   - key: the key that came with it.
    ///   - now: seconds of a clock that does not jump.
    package func isLimited(_ address: String, key: String? = nil, now: Int64) -> Bool {
        let origin = Self.origin(of: address)
        let good = key.map { Good(origin: origin, key: $0.hashValue) }
        return state.withLock { state in
            guard let entry = state.entries[origin] else { return false }
            guard now - entry.last < Self.window else {
                state.entries[origin] = nil
                return false
            }
            if let seen = good.flatMap({ state.good[$0] }), now - seen < Self.memory { return false }
            return entry.count >= Self.allowed
        }
    }

    /// - Returns: whether the address is limited from now on.
    @discardableResult
    package func failed(_ address: String, now: Int64) -> Bool {
        let origin = Self.origin(of: address)
        return state.withLock { state in
            var entry = state.entries[origin] ?? Entry(first: now)
            if now - entry.first >= Self.window { entry = Entry(first: now) }
            entry.count += 1
            entry.last = now
            state.entries[origin] = entry
            if state.entries.count > Self.mostAddresses {
                let old = state.entries.sorted { $0.value.last < $1.value.last }
                for (origin, _) in old.prefix(Self.mostAddresses / 4) { state.entries[origin] = nil }
            }
            return entry.count == Self.allowed
        }
    }

    /// A key was good. It makes up for no wrong one: who has a key must not guess others with it.
    package func succeeded(_ address: String, key: String, now: Int64) {
        let good = Good(origin: Self.origin(of: address), key: key.hashValue)
        state.withLock { state in
            state.good[good] = now
            guard state.good.count > Self.mostAddresses else { return }
            let old = state.good.sorted { $0.value < $1.value }
            for (good, _) in old.prefix(Self.mostAddresses / 4) { state.good[good] = nil }
        }
    }

    /// What counts as one address: `192.0.2.1`, or `2001:db8:0:1::/64`.
    package static func origin(of address: String) -> String {
        guard address.utf8.contains(UInt8(ascii: ":")) else { return address }
        var parsed = in6_addr()
        guard inet_pton(AF_INET6, String(address.prefix { $0 != "%" }), &parsed) == 1 else { return address }
        let isMapped = withUnsafeBytes(of: parsed) {
            $0.prefix(10).allSatisfy { $0 == 0 } && $0[10] == 0xFF && $0[11] == 0xFF
        }
        guard !isMapped else { return address }
        withUnsafeMutableBytes(of: &parsed) { for index in 8..<16 { $0[index] = 0 } }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, &parsed, &text, socklen_t(text.count)) != nil else { return address }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) + "/64"
    }
}
