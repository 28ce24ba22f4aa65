import BrokerMetrics
import MQTTCodec
import Primitives
import Synchronization

/// The watchers of one connection. A connection that nobody watches has none, which costs each of its packets one
/// branch.
final class ConnectionWatch: Sendable {
    let client: WatchedClient
    let watchers: [any PacketWatcher]

    private static let lastToken = Atomic<UInt64>(0)

    init(_ client: WatchedClient, _ watchers: [any PacketWatcher]) {
        self.client = client
        self.watchers = watchers
    }

    static func nextToken() -> UInt64 { lastToken.wrappingAdd(1, ordering: .relaxed).newValue }

    func began(_ packet: ConnectPacket) { for watcher in watchers { watcher.began(client, packet) } }

    func ended() { for watcher in watchers { watcher.ended(client) } }

    func asked(_ question: @autoclosure () -> WatchedQuestion, _ now: MonotonicTime) {
        for watcher in watchers where watcher.admits(client, now: now) { watcher.asked(question(), client) }
    }

    func answered(_ answer: @autoclosure () -> WatchedAnswer, _ now: MonotonicTime) {
        for watcher in watchers where watcher.admits(client, now: now) { watcher.answered(answer(), client) }
    }

    /// - Parameter packet: made once, if somebody wants it.
    func saw(
        _ now: MonotonicTime, isReceived: Bool, payloadByteCount: Int = 0, _ packet: () -> ControlPacket?
    ) {
        var made: WatchedPacket?
        for watcher in watchers where watcher.admits(client, now: now) {
            if made == nil, let packet = packet() {
                made = WatchedPacket(
                    packet: packet, isReceived: isReceived, payloadByteCount: payloadByteCount)
            }
            if let made { watcher.saw(made, client) }
        }
    }

    /// A packet as it came. What cannot be decoded is not shown: it ends the connection, and the log says why. SUBSCRIBE
    /// and UNSUBSCRIBE, which may have a million filters, are shown when they have been decoded, by `saw`.
    func received(_ header: FixedHeader, _ body: RawSpan, _ now: MonotonicTime) {
        if header.type == .subscribe || header.type == .unsubscribe { return }
        // Only what a watcher admits is decoded: a flood must not cost twice.
        for (index, watcher) in watchers.enumerated() where watcher.admits(client, now: now) {
            guard let packet = decode(header, body) else { return }
            watcher.saw(packet, client)
            for other in watchers[(index + 1)...] where other.admits(client, now: now) {
                other.saw(packet, client)
            }
            return
        }
    }

    private func decode(_ header: FixedHeader, _ body: RawSpan) -> WatchedPacket? {
        guard header.type == .publish else {
            let packet = try? ControlPacket.decode(header, body: body, version: client.version, from: .client)
            return packet.map { WatchedPacket(packet: $0, isReceived: true, payloadByteCount: 0) }
        }
        guard
            let publish = try? PublishHeader.decode(
                flags: header.flags, body: body, version: client.version)
        else { return nil }
        let shown = ByteRange(
            offset: publish.payload.offset, count: min(publish.payload.count, WatchedPacket.payloadLimit))
        let packet = PublishPacket(
            topic: UTF8Text(copying: publish.topic.bytes(in: body)),
            payload: shown.bytes(in: body).copiedBytes(), qos: publish.qos,
            isDuplicate: publish.isDuplicate, isRetained: publish.isRetained,
            packetIdentifier: publish.packetIdentifier == 0
                ? nil : PacketIdentifier(rawValue: publish.packetIdentifier),
            properties: (try? Properties.decodePublish(publish.properties.bytes(in: body)))
                ?? Properties())
        return WatchedPacket(
            packet: .publish(packet), isReceived: true, payloadByteCount: publish.payload.count)
    }

    /// A PUBLISH that goes to the client.
    func sent(
        _ publication: borrowing Publication, _ terms: DeliveryTerms, identifier: UInt16, isDuplicate: Bool,
        _ now: MonotonicTime
    ) {
        for (index, watcher) in watchers.enumerated() where watcher.admits(client, now: now) {
            let packet = packet(publication, terms, identifier, isDuplicate, now)
            watcher.saw(packet, client)
            for other in watchers[(index + 1)...] where other.admits(client, now: now) {
                other.saw(packet, client)
            }
            return
        }
    }

    private func packet(
        _ publication: borrowing Publication, _ terms: DeliveryTerms, _ identifier: UInt16,
        _ isDuplicate: Bool, _ now: MonotonicTime
    ) -> WatchedPacket {
        let payload = publication.payload
        var properties = Properties()
        if client.version == .v5 {
            properties = (try? Properties.decodePublish(publication.properties)) ?? Properties()
            if terms.subscriptionIdentifier != 0 {
                properties.subscriptionIdentifiers = [terms.subscriptionIdentifier]
            }
            if let deadline = publication.facts.expiryDeadline {
                properties.messageExpiryInterval = UInt32(clamping: deadline.secondsRoundedUp(since: now))
            }
        }
        let shown = payload.extracting(0..<min(payload.byteCount, WatchedPacket.payloadLimit))
        return WatchedPacket(
            packet: .publish(
                PublishPacket(
                    topic: UTF8Text(copying: publication.topic), payload: shown.copiedBytes(), qos: terms.qos,
                    isDuplicate: isDuplicate, isRetained: terms.isRetained,
                    packetIdentifier: identifier == 0 ? nil : PacketIdentifier(rawValue: identifier),
                    properties: properties)),
            isReceived: false, payloadByteCount: payload.byteCount)
    }
}
