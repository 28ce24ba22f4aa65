import BrokerMetrics
import MQTTCodec
import Primitives

/// PUBACK, PUBREC, PUBREL and PUBCOMP from the client.
extension Session {
    func receiveAck(_ header: FixedHeader, body: RawSpan) throws(MalformedPacket) {
        let identifier: UInt16
        let code: ReasonCode
        if body.byteCount == 2, body.byte(at: 0) | body.byte(at: 1) != 0 {
            // Nearly all packets have the two-byte form.
            identifier = UInt16(body.byte(at: 0)) << 8 | UInt16(body.byte(at: 1))
            code = .success
        } else {
            let packet = try AckHeader.decode(header.type, body: body, version: version)
            identifier = packet.packetIdentifier.rawValue
            code = packet.reasonCode
        }
        // To look at 64 words or entries of the window takes about as long as one step.
        let before = outbound.window.steps
        // The session may end meanwhile, and its window with it, which then counts anew.
        defer { shard.count(steps: 1 + max(0, outbound.window.steps - before) / 64) }
        if header.type == .pubrel {
            receivePubrel(identifier, code)
        } else {
            receiveAck(header.type, identifier, code)
        }
    }

    /// PUBACK, PUBREC or PUBCOMP: an answer to a message of ours.
    private func receiveAck(_ type: PacketType, _ identifier: UInt16, _ code: ReasonCode) {
        countReceived(type, code)
        let isRefusal = code.rawValue >= 0x80
        guard let place = outbound.find(identifier) else {
            countInvalid(type)
            // It is answered, so that the client can end its exchange [3.1.1 MQTT-4.3.3-1]; a PUBREC with an error has
            // ended it. A client answers each PUBREL [MQTT-4.3.3-11], so one that was sent twice has two PUBCOMPs.
            if type == .pubrec, !isRefusal { sendAck(.pubrel, identifier, .packetIdentifierNotFound) }
            return
        }
        switch AckDecision.decide(type, isRefusal: isRefusal, outbound.window[place].state) {
        case .complete: complete(place, isRefused: false)
        case .refuse: complete(place, isRefused: true)
        case .sendPubrel:
            receiveFirstPubrec(place)
            sendPubrel(place, identifier)
        case .sendPubrelAgain: sendPubrel(place, identifier)
        case .protocolError:
            countInvalid(type)
            disconnect(.protocolError, .protocolError)
        case .ignore: break
        }
    }

    @inline(__always)
    private func countReceived(_ type: PacketType, _ code: ReasonCode) {
        switch type {
        case .puback: counters.add(.pubackReceived, version.label, code: code.rawValue)
        case .pubrec: counters.add(.pubrecReceived, version.label, code: code.rawValue)
        default: counters.add(.pubcompReceived, version.label, code: code.rawValue)
        }
    }

    private func countInvalid(_ type: PacketType) {
        switch type {
        case .puback: counters.add(.pubackInvalidError, version.label)
        case .pubrec: counters.add(.pubrecInvalidError, version.label)
        default: counters.add(.pubcompInvalidError, version.label)
        }
    }

    /// PUBREC has come for the first time: the message is not needed any more, only its packet identifier.
    private func receiveFirstPubrec(_ place: InflightWindow.Place) {
        observe(.pubrecRoundTrip, since: outbound.window[place].sentAt)
        outbound.received(place, now: shard.now)
        if isKept, outbound.window[place].ticket.isStored {
            // Once the client has PUBREL the message must never be sent again, not even after a crash.
            hold(place, for: noteFlight(place, isReleased: true))
        }
        outbound.forgetMessage(at: place)
    }

    /// The PUBREC may be for a PUBLISH of an earlier connection. PUBREL is sent now, and the PUBLISH not again.
    private func sendPubrel(_ place: InflightWindow.Place, _ identifier: UInt16) {
        outbound.markSent(place, holdsPlace: false)
        if outbound.window[place].heldFor == 0 { sendAck(.pubrel, identifier) }
        // The message is no longer held: another may have waited for room.
        drain()
    }

    private func receivePubrel(_ identifier: UInt16, _ code: ReasonCode) {
        counters.add(.pubrelReceived, version.label, code: code.rawValue)
        let (wasKnown, wasStored) = inbound.release(identifier)
        var wait = StoreWait.none
        if wasStored {
            // Until this is written, a new message with this identifier would be taken for a repeated one after a
            // crash.
            wait = shard.noteUrgently(.released(session: record.number, packetIdentifier: identifier))
        }
        answer(.pubcomp, identifier, wasKnown ? .success : .packetIdentifierNotFound, after: wait)
    }

    /// The client has acknowledged the message, or refused it: the entry leaves the window.
    private func complete(_ place: InflightWindow.Place, isRefused: Bool) {
        let removed = outbound.remove(at: place)
        switch removed.entry.state {
        case .awaitingPuback: observe(.pubackRoundTrip, since: removed.entry.sentAt)
        case .awaitingPubrec: observe(.pubrecRoundTrip, since: removed.entry.sentAt)
        case .awaitingPubcomp: observe(.pubcompRoundTrip, since: removed.entry.sentAt)
        }
        if isRefused { lose(removed, .refusedByClient) } else { delivered(removed) }
        if outbound.window.unsentCount > 0 { resume() }
        drain()
    }

    /// The client has answered what it was sent at `time`, at the resolution of a turn.
    @inline(__always)
    private func observe(_ roundTrip: LoopHistogram, since time: MonotonicTime) {
        counters.observe(roundTrip, shard.now.nanoseconds(since: time))
    }
}
