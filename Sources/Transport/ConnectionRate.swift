package import Primitives
import Synchronization

/// How often clients of one address may connect to a listener: a bucket of tokens for each address.
///
/// An IPv6 address counts by its first 64 bits, which are one site's. A bounded number of addresses is remembered; those
/// that are full again are forgotten first. When more than that are busy, the rest share the buckets that their addresses'
/// hash leads to: nobody gets round the limit by coming from everywhere.
///
/// Usable from any thread. One lock, held for a few instructions, or while what is full again is forgotten.
package final class ConnectionRate: Sendable {
    private struct Bucket {
        var tokens: Double
        var last: MonotonicTime
    }

    private struct State {
        var known: [PeerAddress: Bucket] = [:]
        var shared = [Bucket?](repeating: nil, count: 1024)
        /// Until then there is nothing to forget.
        var nextSweep = MonotonicTime(nanoseconds: 0)
    }

    /// Connections that an address may make at once.
    package let burst: Int
    private let perSecond: Double
    private let maximumCount: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - perSecond: connections of one address, in the long run.
    ///   - burst: connections of one address at once, at least 1.
    ///   - maximumCount: addresses that are remembered.
    package init(perSecond: Int, burst: Int, maximumCount: Int = 65_536) {
        self.perSecond = Double(perSecond)
        self.burst = max(burst, 1)
        self.maximumCount = maximumCount
    }

    /// Takes a token of `address`. - Returns: false when it has none.
    package func admits(_ address: PeerAddress, now: MonotonicTime) -> Bool {
        let site = address.site
        return state.withLock { state in
            if state.known[site] == nil, state.known.count >= maximumCount { forget(&state, now) }
            guard state.known[site] != nil || state.known.count < maximumCount else {
                let index = Int(UInt(bitPattern: site.hashValue) % UInt(state.shared.count))
                return take(&state.shared[index], now)
            }
            return take(&state.known[site], now)
        }
    }

    /// Addresses that are remembered now.
    package var count: Int { state.withLock { $0.known.count } }

    private func take(_ bucket: inout Bucket?, _ now: MonotonicTime) -> Bool {
        var new = bucket ?? Bucket(tokens: Double(burst), last: now)
        new.tokens = min(
            Double(burst), new.tokens + Double(now.nanoseconds(since: new.last)) / 1e9 * perSecond)
        // Loops do not begin their turns at the same moment.
        new.last = max(new.last, now)
        let isAdmitted = new.tokens >= 1
        if isAdmitted { new.tokens -= 1 }
        bucket = new
        return isAdmitted
    }

    /// At most once in the time in which an empty bucket fills, for it looks at all.
    private func forget(_ state: inout State, _ now: MonotonicTime) {
        guard now >= state.nextSweep else { return }
        let full = Double(burst)
        state.known = state.known.filter { _, bucket in
            bucket.tokens + Double(now.nanoseconds(since: bucket.last)) / 1e9 * perSecond < full
        }
        state.nextSweep = now.adding(milliseconds: 1000)
    }
}

extension PeerAddress {
    /// Whom a limit by address means: the address without its port, the first half of it for IPv6.
    var site: PeerAddress {
        let plain = unmapped
        return plain.kind == .ipv6 ? .ipv6(high: plain.high, low: 0, port: 0) : plain.withPort(0)
    }
}
