import MQTTCodec

/// What the sessions that ended last had subscribed to together with others. A copy that was on its way to one of them
/// from another loop can so be given to another member of its group.
///
/// A copy travels for a turn or two; the last 1,024 such sessions are more than end meanwhile.
struct EndedMembers {
    private var subscriptionsBySession: [SessionHandle: ContiguousArray<Subscription>] = [:]
    /// In the order in which they ended, from `next` on round.
    private var sessions: ContiguousArray<SessionHandle> = []
    private var next = 0

    private static let limit = 1024

    mutating func note(_ session: SessionHandle, _ subscriptions: SubscriptionList) {
        let shared = subscriptions.filter { SharedFilter($0.filter) != nil }
        guard !shared.isEmpty else { return }
        if sessions.count < Self.limit {
            sessions.append(session)
        } else {
            subscriptionsBySession[sessions[next]] = nil
            sessions[next] = session
            next = (next + 1) % Self.limit
        }
        subscriptionsBySession[session] = ContiguousArray(shared)
    }

    func subscriptions(of session: SessionHandle) -> ContiguousArray<Subscription>? {
        subscriptionsBySession[session]
    }
}
