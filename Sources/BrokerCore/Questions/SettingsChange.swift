import Primitives

/// Settings that change while the broker runs. They are one value, which is replaced as a whole: a loop sees all of a
/// change or none of it.
extension Shard {
    /// Goes by `settings` from now on.
    ///
    /// What a session was given at CONNECT changes with them, unless a hook has given it another value: a limit that an
    /// operator lowers holds for clients that are connected. It reaches sessions in slices, in later turns.
    package func apply(_ settings: BrokerSettings) {
        let before = self.settings.session
        self.settings = settings
        lookWhoAuthorizes()
        guard before != settings.session else { return }
        performLater(SessionSettingsChange(from: before, to: settings.session))
    }
}

/// Gives the sessions of a loop their new limits.
private final class SessionSettingsChange: DeferredJob {
    private let before: SessionSettings
    private let after: SessionSettings
    private var slot = 0

    init(from before: SessionSettings, to after: SessionSettings) {
        self.before = before
        self.after = after
    }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while slot < shard.sessions.slotCount {
            guard shard.steps < end else { return true }
            shard.count(steps: 8)
            if let session = shard.sessions.session(inSlot: slot), !session.isProbe {
                session.change(from: before, to: after)
            }
            slot += 1
        }
        return false
    }
}

extension SessionSettings {
    /// Replaces each value that is still as in `before` by the one in `after`.
    mutating func follow(_ before: SessionSettings, to after: SessionSettings) {
        func follow<Value: Equatable>(_ field: inout Value, _ before: Value, _ after: Value) {
            if field == before { field = after }
        }
        follow(&maxInflightMessages, before.maxInflightMessages, after.maxInflightMessages)
        follow(&receiveMaxClient, before.receiveMaxClient, after.receiveMaxClient)
        follow(&maxOnlineMessages, before.maxOnlineMessages, after.maxOnlineMessages)
        follow(&maxOfflineMessages, before.maxOfflineMessages, after.maxOfflineMessages)
        follow(
            &overridesMaxOnlineMessages, before.overridesMaxOnlineMessages, after.overridesMaxOnlineMessages)
        follow(&queueByteLimit, before.queueByteLimit, after.queueByteLimit)
        follow(&queueType, before.queueType, after.queueType)
        follow(&retryInterval, before.retryInterval, after.retryInterval)
        follow(&maxMessageRate, before.maxMessageRate, after.maxMessageRate)
        follow(&maxMessageSize, before.maxMessageSize, after.maxMessageSize)
        follow(&upgradesOutgoingQoS, before.upgradesOutgoingQoS, after.upgradesOutgoingQoS)
        follow(&deliverMode, before.deliverMode, after.deliverMode)
    }
}
