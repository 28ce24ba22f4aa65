import BrokerMetrics
import MQTTCodec
import Primitives

/// PUBACK, PUBREC, PUBREL and PUBCOMP from the client.
extension Session {
    func receiveAck(_ header: FixedHeader, body: RawSpan) throws(MalformedPacket) {
        let identifier: UInt16
        let code: ReasonCode
        if body.byteCount == 2, body.byte(at: 0) | body.byte(at: 1) != 0 {
            // The short form is nearly all there is.
            identifier = UInt16(body.byte(at: 0)) << 8 | UInt16(body.byte(at: 1))
            code = .success
        } else {
            let packet = try AckHeader.decode(header.type, body: body, version: version)
            identifier = packet.packetIdentifier.rawValue
            code = packet.reasonCode
        }
        switch header.type {
        case .puback: receivePuback(identifier, code)
        case .pubrec: receivePubrec(identifier, code)
        case .pubrel: receivePubrel(identifier, code)
        default: receivePubcomp(identifier, code)
        }
    }

    private func receivePuback(_ identifier: UInt16, _ code: ReasonCode) {
        counters.add(.pubackReceived, version.label, code: code.rawValue)
        guard let index = inflight.index(of: identifier), inflight[index].state == .awaitingPuback else {
            counters.add(.pubackInvalidError, version.label)
            return
        }
        complete(index, isRefused: code.rawValue >= 0x80)
    }

    private func receivePubrec(_ identifier: UInt16, _ code: ReasonCode) {
        counters.add(.pubrecReceived, version.label, code: code.rawValue)
        guard let index = inflight.index(of: identifier), inflight[index].state != .awaitingPuback else {
            counters.add(.pubrecInvalidError, version.label)
            if version == .v5 {
                sendAck(.pubrel, identifier, .packetIdentifierNotFound)
            } else {
                disconnect(.protocolError, .protocolError)
            }
            return
        }
        if code.rawValue >= 0x80 {
            if inflight[index].state == .awaitingPubrec { complete(index, isRefused: true) }
            return
        }
        if inflight[index].state == .awaitingPubrec {
            inflight[index].state = .awaitingPubcomp
            inflight[index].message = nil
            inflight[index].sentAt = shard.now
        }
        sendAck(.pubrel, identifier)
    }

    private func receivePubcomp(_ identifier: UInt16, _ code: ReasonCode) {
        counters.add(.pubcompReceived, version.label, code: code.rawValue)
        guard let index = inflight.index(of: identifier), inflight[index].state == .awaitingPubcomp else {
            counters.add(.pubcompInvalidError, version.label)
            if code == .packetIdentifierNotFound { return }  // the answer to our PUBREL 0x92
            disconnect(.protocolError, .protocolError)
            return
        }
        complete(index, isRefused: false)
    }

    private func receivePubrel(_ identifier: UInt16, _ code: ReasonCode) {
        counters.add(.pubrelReceived, version.label, code: code.rawValue)
        let wasKnown = received.remove(identifier)
        sendAck(.pubcomp, identifier, wasKnown ? .success : .packetIdentifierNotFound)
    }

    /// The client has taken the message, or refused it: its place in the window is free.
    private func complete(_ index: Int, isRefused: Bool) {
        let entry = inflight.remove(at: index)
        if index < resumedCount { resumedCount -= 1 }
        counters.move(.inflightMessages, by: -1)
        if isRefused { counters.add(DropReason.refusedByClient) } else { counters.add(.ledgerDelivered) }
        shard.storeRemoves(id, entry.storeNumber)
        if resumedCount < inflight.count { resume() }
        drain()
    }
}
