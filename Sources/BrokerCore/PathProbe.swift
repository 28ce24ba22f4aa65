import BrokerMetrics
import MQTTCodec
import Primitives

/// The broker's own messages that show whether the path of messages works: each loop has a subscriber for them, which is a
/// session without a connection. They are routed, posted and queued by the code that does so for clients.
///
/// Nobody else sees them. Their mountpoint is one that no client can have, no list of sessions shows the subscribers, and
/// they are counted as published by the broker, as `$SYS` is.
extension Shard {
    /// Gives this loop its subscriber. Does nothing when it has one.
    package func preparePathProbe() {
        guard pathProbe == nil else { return }
        var settings = settings.session
        settings.maxOfflineMessages = -1
        settings.queueByteLimit = 0
        settings.queueType = .fifo
        let topic = Self.probeTopic(of: index)
        let session = Session(
            id: SubscriberID(mountpoint: .probes, clientID: topic), shard: self, settings: settings, now: now)
        sessions.insert(session)
        pathProbe = session
        let subscription = Subscription(
            filter: topic, options: SubscriptionOptions(qos: .atLeastOnce), identifier: 0)
        broker.noteProbeSubscription()
        session.add(subscription)
    }

    /// Publishes a message for the subscriber of `loop`, and posts it at once: letters that are posted after this call
    /// come to that loop after the message.
    ///
    /// - Returns: how many subscribers it had: 1 when all is well.
    package func publishPathProbe(to loop: Int) -> Int {
        let facts = MessageFacts(
            qos: .atLeastOnce, isRetained: false, mountpoint: .probes, publisher: pathProbe?.handle)
        let topic = Self.probeTopic(of: loop)
        let nothing: [UInt8] = []
        let message = ApplicationMessage(
            facts: facts, topic: unsafe topic.bytes.span.bytes, properties: unsafe nothing.span.bytes,
            payload: unsafe nothing.span.bytes)
        var publication = Publication(message)
        let outcome = publish(&publication, origin: .broker)
        postDeliveries()
        return outcome.matchCount
    }

    /// Takes what has come for this loop's subscriber out of its queue.
    ///
    /// - Returns: how many messages it was.
    package func takePathProbes() -> Int { pathProbe?.takeQueued() ?? 0 }

    private static func probeTopic(of loop: Int) -> UTF8Text { UTF8Text("loop/\(loop)") }
}

extension Mountpoint {
    /// Where probes live. No configuration can name it: its name begins with a NUL.
    static let probes = Mountpoint.intern(UTF8Text("\0probes"))
}

extension Session {
    /// Whether it is a subscriber of the broker's own probes, which no operator sees and no setting changes.
    var isProbe: Bool { id.mountpoint == .probes }
}
