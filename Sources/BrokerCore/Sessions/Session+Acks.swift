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
        let before = inflight.steps
        defer { shard.count(steps: 1 + (inflight.steps - before) / 64) }
        switch header.type {
        case .puback: receivePuback(identifier, code)
        case .pubrec: receivePubrec(identifier, code)
        case .pubrel: receivePubrel(identifier, code)
        default: receivePubcomp(identifier, code)
        }
    }

    private func receivePuback(_ identifier: UInt16, _ code: ReasonCode) {
        counters.add(.pubackReceived, version.label, code: code.rawValue)
        guard let place = inflight.find(identifier) else {
            counters.add(.pubackInvalidError, version.label)
            return
        }
        guard inflight[place].state == .awaitingPuback else {
            // The wrong answer to a QoS 2 message [MQTT-4.8.0-1].
            counters.add(.pubackInvalidError, version.label)
            disconnect(.protocolError, .protocolError)
            return
        }
        complete(place, isRefused: code.rawValue >= 0x80)
    }

    private func receivePubrec(_ identifier: UInt16, _ code: ReasonCode) {
        counters.add(.pubrecReceived, version.label, code: code.rawValue)
        guard let place = inflight.find(identifier) else {
            // It is answered, so that the client can end its exchange [3.1.1 MQTT-4.3.3-1]; a PUBREC with an error has
            // ended it.
            counters.add(.pubrecInvalidError, version.label)
            if code.rawValue < 0x80 { sendAck(.pubrel, identifier, .packetIdentifierNotFound) }
            return
        }
        guard inflight[place].state != .awaitingPuback else {
            // The wrong answer to a QoS 1 message [MQTT-4.8.0-1].
            counters.add(.pubrecInvalidError, version.label)
            disconnect(.protocolError, .protocolError)
            return
        }
        if code.rawValue >= 0x80 {
            if inflight[place].state == .awaitingPubrec { complete(place, isRefused: true) }
            return
        }
        if inflight[place].state == .awaitingPubrec {
            inflight[place].state = .awaitingPubcomp
            inflight[place].sentAt = shard.now
            if isKept, inflight[place].ticket.isStored {
                // Once the client has PUBREL the message must never be sent again, not even after a crash.
                hold(place, for: noteFlight(place, isReleased: true))
            }
            inflight.forgetMessage(at: place)
        }
        // The PUBREC may be for a PUBLISH of an earlier connection. PUBREL is sent now, and the PUBLISH not again.
        inflight.markSent(place, holdsPlace: false)
        if inflight[place].heldFor == 0 { sendAck(.pubrel, identifier) }
        // The message is no longer held: another may have waited for room.
        drain()
    }

    private func receivePubcomp(_ identifier: UInt16, _ code: ReasonCode) {
        counters.add(.pubcompReceived, version.label, code: code.rawValue)
        guard let place = inflight.find(identifier) else {
            // A client answers each PUBREL [MQTT-4.3.3-11], so one that was sent twice has two answers.
            counters.add(.pubcompInvalidError, version.label)
            return
        }
        guard inflight[place].state == .awaitingPubcomp else {
            counters.add(.pubcompInvalidError, version.label)
            disconnect(.protocolError, .protocolError)
            return
        }
        complete(place, isRefused: false)
    }

    private func receivePubrel(_ identifier: UInt16, _ code: ReasonCode) {
        counters.add(.pubrelReceived, version.label, code: code.rawValue)
        let wasKnown = received.remove(identifier)
        var wait = StoreWait.none
        if storedReceived.remove(identifier) {
            // Until this is written, a new message with this identifier would be taken for a repeated one after a
            // crash.
            wait = shard.noteUrgently(.released(session: storeNumber, packetIdentifier: identifier))
        }
        answer(.pubcomp, identifier, wasKnown ? .success : .packetIdentifierNotFound, after: wait)
    }

    /// The client has acknowledged the message, or refused it: the entry leaves the window.
    private func complete(_ place: InflightWindow.Place, isRefused: Bool) {
        let removed = inflight.remove(at: place)
        if isRefused { lose(removed, .refusedByClient) } else { delivered(removed) }
        if inflight.unsentCount > 0 { resume() }
        drain()
    }
}
