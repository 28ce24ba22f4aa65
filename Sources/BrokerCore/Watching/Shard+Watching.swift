import MQTTCodec
import Primitives

/// Who is watched on this loop.
struct Watches {
    fileprivate var list: ContiguousArray<(selection: WatchSelection, watcher: any PacketWatcher)> = []

    /// Whether nobody is.
    @inline(__always)
    var isEmpty: Bool { list.isEmpty }

    fileprivate func watchers(of subscriber: SubscriberID) -> [any PacketWatcher] {
        list.filter { $0.selection.matches(subscriber) }.map(\.watcher)
    }
}

extension Shard {
    /// Watches the clients of `selection` from now on: those that are connected, and those that connect.
    ///
    /// - Returns: those that are connected.
    package func watch(_ selection: WatchSelection, with watcher: any PacketWatcher) -> [WatchedClient] {
        watches.list.append((selection, watcher))
        return sessions(of: selection).filter(\.isOnline).compactMap { $0.updateWatch() }
    }

    /// The watcher is told of nothing any more.
    package func endWatching(_ watcher: any PacketWatcher) {
        let ended = watches.list.filter { $0.watcher === watcher }
        watches.list.removeAll { $0.watcher === watcher }
        for watch in ended {
            for session in sessions(of: watch.selection) where session.isOnline { _ = session.updateWatch() }
        }
    }

    private func sessions(of selection: WatchSelection) -> [Session] {
        let mountpoints = selection.mountpoint.map { [$0] } ?? Mountpoint.all
        return mountpoints.flatMap { mountpoint -> [Session] in
            let subscriber = SubscriberID(mountpoint: mountpoint, clientID: selection.clientID)
            return session(subscriber).map { [$0] + $0.siblings } ?? []
        }
    }

    /// The watch of a connection that has sent CONNECT; nil = nobody watches it.
    func newWatch(_ attempt: ConnectAttempt, _ transport: any ClientTransport) -> ConnectionWatch? {
        guard !watches.isEmpty else { return nil }
        return watch(of: attempt.subscriber, attempt.packet.version, transport, token: nil)
    }

    fileprivate func watch(
        of subscriber: SubscriberID, _ version: ProtocolVersion, _ transport: any ClientTransport,
        token: UInt64?
    ) -> ConnectionWatch? {
        let watchers = watches.watchers(of: subscriber)
        guard !watchers.isEmpty else { return nil }
        return ConnectionWatch(
            WatchedClient(
                token: token ?? ConnectionWatch.nextToken(), mountpoint: subscriber.mountpoint,
                clientID: subscriber.clientID, version: version, peer: transport.clientPeer),
            watchers)
    }
}

extension Session {
    /// Who watches the connection has changed. - Returns: the client, when somebody does.
    fileprivate func updateWatch() -> WatchedClient? {
        guard let transport = connection.transport else { return nil }
        let token = connection.output.watch?.client.token
        connection.output.watch = shard.watch(of: id, version, transport, token: token)
        return connection.output.watch?.client
    }

    /// Hooks are asked about something that the client wants to do.
    @inline(__always)
    func watchAsked(_ question: @autoclosure () -> WatchedQuestion) {
        if let watch = connection.output.watch { watch.asked(question(), shard.now) }
    }

    /// They have answered.
    @inline(__always)
    func watchAnswered(_ answer: @autoclosure () -> WatchedAnswer) {
        if let watch = connection.output.watch { watch.answered(answer(), shard.now) }
    }
}

extension HookOutcome {
    /// As a watcher sees it; nil where nobody was asked, or a hook has not answered.
    func watched(_ modifiers: (Modifiers) -> WatchedModifiers) -> WatchedAnswer? {
        switch self {
        case .ok(let changed): .ok(changed.map(modifiers) ?? .none)
        case .refused(let refusal): .refused(refusal)
        case .exhausted: .exhausted
        case .nobody, .pending: nil
        }
    }
}

extension HookAnswer {
    /// As a watcher sees a late answer; nil where another hook is asked next.
    func watched(_ modifiers: (Modifiers) -> WatchedModifiers) -> WatchedAnswer? {
        switch self {
        case .ok(let changed): .ok(changed.map(modifiers) ?? .none)
        case .refuse(let refusal): .refused(refusal)
        case .next, .later: nil
        }
    }
}
