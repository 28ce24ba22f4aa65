package import BrokerCore
import Logging
import Synchronization
package import Transport

/// Listeners for MQTT: they begin, are suspended, go on and end while the broker runs.
///
///     (none) ── listen ──→ running ── suspend ──→ suspended
///                            ▲  └──────┐             │
///                            └── resume ─────────────┤
///                                      └── delete ───┴──→ (none)
///
/// One change at a time: letters to the loops go out in the order of the changes, so that no loop opens what was deleted.
///
/// A suspended listener has closed its sockets, so a client is refused at once by the kernel rather than left waiting.
/// Its connections go on unless they are closed with it; those of a deleted one end.
extension BrokerRuntime {
    /// Opens a listener on every loop.
    ///
    /// - Returns: the address it really listens on, which tells the port when 0 was asked for.
    @discardableResult
    package func listen(
        _ facts: ListenerFacts, on address: ListenAddress, _ access: ListenerAccess = ListenerAccess()
    ) throws(TransportError) -> ListenAddress {
        changing.lock()
        defer { changing.unlock() }
        let bound = try bindListener(
            address: address, loops: broker.loopCount, options: access.options, inherited: inherited)
        let state = ListenerState(
            name: facts.name, kind: facts.kind.rawValue, maxConnections: access.maxConnections,
            action: access.overLimit,
            policy: access.policy, maxHandshakes: access.maxHandshakes, rate: access.rate, shared: limits)
        let listener = RunningListener(
            facts: facts, address: bound.address, options: access.options, state: state, bound: bound)
        listeners.withLock { $0.append(listener) }
        start(listener)
        return bound.address
    }

    /// The listeners in the order in which they were opened, suspended ones included.
    package var runningListeners: [RunningListener] { listeners.withLock { $0 } }

    /// Stops accepting.
    ///
    /// - Parameter closing: whether its connections end too.
    /// - Returns: false when no listener has this address.
    package func suspend(_ address: ListenAddress, closing: Bool) -> Bool {
        changing.lock()
        defer { changing.unlock() }
        guard let before = runningListeners.first(where: { $0.address == address }),
            let found = change(address, { $0.isSuspended = true })
        else { return false }
        directory.post(.closeListener(found.state, closing: closing))
        if !before.isSuspended { found.bound.removeSocketFile() }
        log.info("listener suspended", metadata: found.metadata)
        return true
    }

    /// Accepts again what `suspend` has stopped.
    ///
    /// - Returns: false when no listener has this address.
    /// - Throws: when the address was taken by somebody else meanwhile.
    package func resume(_ address: ListenAddress) throws(TransportError) -> Bool {
        changing.lock()
        defer { changing.unlock() }
        guard let listener = runningListeners.first(where: { $0.address == address }) else { return false }
        guard listener.isSuspended else { return true }
        let bound = try bindListener(address: address, loops: broker.loopCount, options: listener.options)
        let resumed = change(address) {
            $0.isSuspended = false
            $0.bound = bound
        }
        guard let resumed else { return false }
        start(resumed)
        return true
    }

    /// Ends a listener and its connections.
    ///
    /// - Returns: false when no listener has this address.
    package func delete(_ address: ListenAddress) -> Bool {
        changing.lock()
        defer { changing.unlock() }
        let removed = listeners.withLock { listeners -> RunningListener? in
            guard let index = listeners.firstIndex(where: { $0.address == address }) else { return nil }
            // In one step for who reads the counters: first it stands here, then there.
            deletedListeners.withLock { $0.add(listeners[index].state) }
            return listeners.remove(at: index)
        }
        guard let removed else { return false }
        directory.post(.closeListener(removed.state, closing: true))
        if !removed.isSuspended { removed.bound.removeSocketFile() }
        log.info("listener deleted", metadata: removed.metadata)
        return true
    }

    private func start(_ listener: RunningListener) {
        directory.post(.listen(listener.bound, listener.state, listener.facts))
        log.info("listening", metadata: listener.metadata)
    }

    private func change(_ address: ListenAddress, _ body: (inout RunningListener) -> Void) -> RunningListener?
    {
        listeners.withLock { listeners in
            guard let index = listeners.firstIndex(where: { $0.address == address }) else { return nil }
            body(&listeners[index])
            return listeners[index]
        }
    }
}

/// A listener and what it has to show.
package struct RunningListener: Sendable {
    /// What it gives to its clients, its name included.
    package let facts: ListenerFacts
    /// The address that it really listens on, with the port that the system chose if 0 was asked for.
    package let address: ListenAddress
    let options: ListenOptions
    /// Its connections, limits and counts, which all loops share.
    package let state: ListenerState
    fileprivate(set) var bound: BoundListener
    /// Whether it accepts nobody, until it is resumed.
    package fileprivate(set) var isSuspended = false

    fileprivate var metadata: Logger.Metadata {
        ["listener": "\(facts.name)", "address": "\(address)", "protocol": "\(facts.kind)"]
    }
}
