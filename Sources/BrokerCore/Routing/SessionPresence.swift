import Synchronization

/// Whether a session has a connection. The shared groups it is a member of look at it when they pick a member, so that a
/// session with 250,000 shared subscriptions goes offline, or ends, in one store. Its loop writes, any loop reads.
///
///     online ⇄ offline → gone
///
/// The groups sort their members by it as well, a slice at a time and when they meet one that has changed: nobody looks
/// through members that are away for long.
package final class SessionPresence: Sendable {
    package enum State: UInt8, Sendable {
        /// It has a connection.
        case online
        case offline
        /// It has ended, and its memberships are being cleared away: it is not picked any more.
        case gone
    }

    private let value: Atomic<UInt8>

    package init(_ state: State) { value = Atomic(state.rawValue) }

    package var state: State {
        get { State(rawValue: value.load(ordering: .relaxed)) ?? .gone }
        set { value.store(newValue.rawValue, ordering: .relaxed) }
    }
}
