package import MQTTCodec
package import Primitives

/// Sees what goes between the broker and some clients: the tracer. All of it is called on the clients' loops, so it must
/// not wait; the same watcher may be called on several loops at once.
package protocol PacketWatcher: AnyObject, Sendable {
    /// Asked before each event. False: the event is skipped, and the watcher counts that; so a flood costs no more than
    /// this call.
    func admits(_ client: WatchedClient, now: MonotonicTime) -> Bool
    /// A client that is watched has sent CONNECT.
    func began(_ client: WatchedClient, _ packet: ConnectPacket)
    /// A packet came from the client, or goes to it.
    func saw(_ packet: WatchedPacket, _ client: WatchedClient)
    /// Hooks are asked about something that the client wants to do.
    func asked(_ question: WatchedQuestion, _ client: WatchedClient)
    /// They have answered.
    func answered(_ answer: WatchedAnswer, _ client: WatchedClient)
    /// The connection has ended.
    func ended(_ client: WatchedClient)
}

/// Whose packets they are.
package struct WatchedClient: Sendable {
    /// A number for this connection, unique in the process.
    package let token: UInt64
    package let mountpoint: Mountpoint
    package let clientID: UTF8Text
    package let version: ProtocolVersion
    package let peer: ClientPeer
}

/// A packet as a watcher sees it. The payload of a PUBLISH is cut behind `payloadLimit` bytes, so that a large one costs
/// the loop no copy.
package struct WatchedPacket: Sendable {
    /// Bytes of a payload that a watcher sees at most.
    package static let payloadLimit = 4096

    package let packet: ControlPacket
    /// From the client to the broker.
    package let isReceived: Bool
    /// Bytes of the whole payload of a PUBLISH; 0 with other packets.
    package let payloadByteCount: Int
}

/// What hooks are asked.
package enum WatchedQuestion: Sendable {
    case register(RegisterEvent)
    case publish(PublishEvent)
    case subscribe(SubscribeEvent)
    case authenticate(AuthEvent)
}

/// What hooks have answered, all of them together.
package enum WatchedAnswer: Sendable {
    /// Yes; the changes are shown by what follows.
    case ok(WatchedModifiers)
    /// No, with a reason code if the hook gave one.
    case refused(HookRefusal)
    /// Every hook has left it to the next.
    case exhausted
}

/// What a hook has changed.
package enum WatchedModifiers: Sendable {
    case none
    case register(RegisterModifiers)
    case publish(PublishModifiers)
    case subscribe([SubscribeVerdict])
    case authenticate(AuthModifiers)
}

/// Which clients are watched.
package struct WatchSelection: Sendable, Equatable {
    package var clientID: UTF8Text
    /// nil = on every mountpoint.
    package var mountpoint: Mountpoint?

    package init(clientID: UTF8Text, mountpoint: Mountpoint?) {
        self.clientID = clientID
        self.mountpoint = mountpoint
    }

    package func matches(_ subscriber: SubscriberID) -> Bool {
        subscriber.clientID == clientID && (mountpoint == nil || mountpoint == subscriber.mountpoint)
    }
}
