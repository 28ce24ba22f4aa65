import BrokerMetrics
import Logging
import MQTTCodec
import Primitives

/// A SUBSCRIBE or UNSUBSCRIBE that is decoded in several parts. The packet stays in the connection's buffer until it is
/// decoded, so only its filters are copied.
final class FilterDecoding {
    var subscribe = SubscribePacket.Decoder()
    var unsubscribe = UnsubscribePacket.Decoder()

    /// Units of `FilterListPart` that are decoded at once.
    static let partUnits = 1024
}

extension Session {
    /// Decodes SUBSCRIBE or UNSUBSCRIBE, and carries it out when all of it is well-formed.
    ///
    /// - Returns: false when there is more to decode: call again, with the same packet.
    func receiveFilters(_ type: PacketType, _ body: RawSpan) throws(MalformedPacket) -> Bool {
        let decoding = inbound.takeDecoding() ?? FilterDecoding()
        var part = FilterListPart(units: FilterDecoding.partUnits)
        defer { shard.count(steps: (FilterDecoding.partUnits - part.left) >> 1 + 1) }
        let filterCount: Int
        if type == .subscribe {
            let packet = try decoding.subscribe.decode(body, version: version, part: &part)
            filterCount = decoding.subscribe.filterCount
            if let packet {
                counters.add(.subscribeReceived, version.label)
                if let watch = connection.output.watch {
                    watch.saw(shard.now, isReceived: true) { .subscribe(packet) }
                }
                if allows(filterCount, levels: decoding.subscribe.levelCount) {
                    authorize(packet)
                }
                return true
            }
        } else {
            let packet = try decoding.unsubscribe.decode(body, version: version, part: &part)
            filterCount = decoding.unsubscribe.filterCount
            if let packet {
                counters.add(.unsubscribeReceived, version.label)
                if let watch = connection.output.watch {
                    watch.saw(shard.now, isReceived: true) { .unsubscribe(packet) }
                }
                if allows(filterCount, levels: decoding.unsubscribe.levelCount) { ask(packet) }
                return true
            }
        }
        // Checked after each part, so that filters over the limit are not decoded.
        guard allows(filterCount, levels: 0) else { return true }
        inbound.setDecoding(decoding)
        return false
    }

    /// Ends the connection when a packet has more filters than allowed. So does, before MQTT 5, one with too many
    /// levels (VerneMQ); MQTT 5 has a code for that one filter.
    private func allows(_ filterCount: Int, levels: Int) -> Bool {
        let limit = shard.settings.maxFiltersPerPacket
        if limit > 0, filterCount > limit {
            counters.add(.filterListsRefused)
            shard.log.debug(
                "client sent too many filters in one packet",
                metadata: ["client": "\(id.clientID)", "limit": "\(limit)"])
            disconnect(.quotaExceeded, .protocolError)
            return false
        }
        let depth = shard.settings.publish.topicMaxDepth
        if version != .v5, depth > 0, levels > depth {
            counters.add(.filtersTooDeep)
            disconnect(.topicFilterInvalid, .malformed)
            return false
        }
        return true
    }

    /// Whether a filter has more levels than allowed, which `topic_max_depth` says.
    func isTooDeep(_ filter: UTF8Text) -> Bool {
        let limit = shard.settings.publish.topicMaxDepth
        return limit > 0 && filter.bytes.count { $0 == UInt8(ascii: "/") } >= limit
    }

    /// Carries out a SUBSCRIBE or UNSUBSCRIBE. The client's next packet is taken when the last slice is done.
    func perform(filterJob job: some DeferredJob) {
        inbound.begin(job)
        shard.perform(job)
        if inbound.isPerforming(job) { connection.transport?.pauseReading(.work) }
    }

    /// The last slice is done.
    func filterJobEnded(_ job: some DeferredJob) {
        guard inbound.isPerforming(job) else { return }
        inbound.endFilterJob()
        connection.transport?.resumeReading(.work)
    }
}
