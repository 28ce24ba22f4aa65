import Synchronization

/// Whether a session has a connection. The shared groups that it is a member of read it when they pick a member, so a
/// session with 250,000 shared subscriptions goes offline, or ends, by writing one value. Its loop writes it, all loops
/// read it.
///
///     online ⇄ offline → gone
///
/// The groups also sort their members by it, in slices, and when they find a member that has changed. So no message has
/// to pass over many members that are away.
package final class SessionPresence: Sendable {
    /// What the session is now.
    package enum State: UInt8, Sendable {
        /// It has a connection.
        case online
        case offline
        /// It has ended, and its memberships are being removed: it is not picked any more.
        case gone
    }

    private let value: Atomic<UInt8>

    /// A session in this state.
    package init(_ state: State) { value = Atomic(state.rawValue) }

    /// The state now. Any thread reads it, the session's loop writes it.
    package var state: State {
        get { State(rawValue: value.load(ordering: .relaxed)) ?? .gone }
        set { value.store(newValue.rawValue, ordering: .relaxed) }
    }
}
