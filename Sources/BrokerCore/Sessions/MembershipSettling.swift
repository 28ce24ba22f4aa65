import MQTTCodec
import Primitives

/// A session with shared subscriptions has come online or gone offline. Moves it, in each of its groups, to the online
/// or offline members, in slices. Until a group is reached, it reads the member's `SessionPresence` when it picks it.
///
/// It goes from the last subscription to the first. When a subscription is removed in between, the last one takes its
/// place, and that one is done already.
final class MembershipSettling: DeferredJob {
    private let session: Session
    private var left: Int

    init(_ session: Session) {
        self.session = session
        left = session.subscriptions.count
    }

    /// The session has come online or gone offline again.
    func beginAnew() { left = session.subscriptions.count }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        left = min(left, session.subscriptions.count)
        while left > 0, shard.steps < end {
            left -= 1
            shard.count(steps: 1)
            let subscription = session.subscriptions[left]
            guard subscription.isShared, let shared = SharedFilter(subscription.filter) else { continue }
            shard.count(steps: 1)
            shard.settle(shared, session.id.mountpoint, session.handle)
        }
        if left == 0 { session.settling = nil }
        return left > 0
    }
}

extension Session {
    /// Tells the groups of this session's shared subscriptions whether it has a connection.
    func setPresence(_ state: SessionPresence.State) {
        guard let presence else { return }
        presence.state = state
        guard subscriptions.sharedCount > 0, state != .gone else { return }
        if let settling {
            settling.beginAnew()
            return
        }
        let settling = MembershipSettling(self)
        self.settling = settling
        shard.perform(settling)
    }
}
