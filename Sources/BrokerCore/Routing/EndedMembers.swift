import MQTTCodec
import Primitives

/// Which shared subscription, in 8 bytes: a hash of its mountpoint, its name and its filter, under a key that is made
/// anew with each start. Two that are different have the same once in 2^64.
struct SharedGroupIdentity: Hashable, Sendable, BitwiseCopyable {
    let bits: UInt64

    init(shareName: [UInt8], filter: [UInt8], mountpoint: Mountpoint) {
        var hasher = Hasher()
        hasher.combine(mountpoint.id)
        hasher.combine(shareName)
        hasher.combine(filter)
        bits = UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// nil when `filter` is not that of a shared subscription.
    init?(_ filter: UTF8Text, _ mountpoint: Mountpoint) {
        guard let shared = SharedFilter(filter) else { return nil }
        self.init(shareName: shared.shareName.bytes, filter: shared.filter.bytes, mountpoint: mountpoint)
    }
}

/// What the sessions that ended last had subscribed to together with others. A copy that was on its way to one of them
/// from another loop can so be given to another member of its group.
///
/// A copy travels for a turn or two, so the last sessions are enough, and only the identities of their groups are kept:
///
///     sessions   [ 7 | 12 | 3 | … ]      in the order in which they ended, from `next` on round
///     groups     7 → { 9f…, 41… }   12 → { 41… }   …
///
/// The oldest are forgotten when there are more than 1,024 sessions or 131,072 identities. A copy for a session that was
/// forgotten is dropped and counted (`subscriber_gone`).
struct EndedMembers {
    typealias Groups = Set<SharedGroupIdentity>

    private var groupsBySession: [SessionHandle: Groups] = [:]
    private var sessions: ContiguousArray<SessionHandle?> = []
    /// Where the next one goes; round from the oldest once all places are taken.
    private var next = 0
    /// The oldest that is still remembered.
    private var oldest = 0
    private var groupCount = 0

    static let sessionLimit = 1024
    /// Identities of all sessions together. A set takes 8 bytes and a quarter for each place, and has up to 8/3 as many
    /// places as members: 3 MiB at most.
    static let groupLimit = 1 << 17
    /// Identities of one session. Of a session that had more, so many are remembered.
    static let groupLimitOfSession = 1 << 13

    /// Memory held at most, in bytes.
    var byteCount: Int {
        groupCount * 24 + groupsBySession.count * 128 + sessions.capacity
            * MemoryLayout<SessionHandle?>.stride
    }

    var count: Int { groupsBySession.count }

    mutating func note(
        _ session: SessionHandle, _ subscriptions: some Sequence<Subscription>, _ mountpoint: Mountpoint
    ) {
        let groups = Self.groups(of: subscriptions, mountpoint, limit: Self.groupLimitOfSession)
        guard !groups.isEmpty else { return }
        if sessions.isEmpty { sessions = ContiguousArray(repeating: nil, count: Self.sessionLimit) }
        while sessions[next] != nil || groupCount + groups.count > Self.groupLimit {
            guard forgetOldest() else { break }
        }
        sessions[next] = session
        next = (next + 1) % Self.sessionLimit
        groupCount += groups.count - (groupsBySession.updateValue(groups, forKey: session)?.count ?? 0)
    }

    /// - Returns: false when there is none.
    private mutating func forgetOldest() -> Bool {
        guard let session = sessions[oldest] else { return false }
        sessions[oldest] = nil
        oldest = (oldest + 1) % Self.sessionLimit
        groupCount -= groupsBySession.removeValue(forKey: session)?.count ?? 0
        return true
    }

    /// The groups that `session` was in when it ended; nil when it was in none, or that was too long ago.
    func groups(of session: SessionHandle) -> Groups? { groupsBySession[session] }

    /// The groups among `subscriptions`.
    ///
    /// - Parameter limit: stop at so many.
    static func groups(
        of subscriptions: some Sequence<Subscription>, _ mountpoint: Mountpoint, limit: Int = .max
    ) -> Groups {
        var groups: Groups = []
        for subscription in subscriptions {
            guard let identity = SharedGroupIdentity(subscription.filter, mountpoint) else { continue }
            groups.insert(identity)
            if groups.count >= limit { break }
        }
        return groups
    }
}
