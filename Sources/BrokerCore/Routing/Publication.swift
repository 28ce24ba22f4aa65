import MQTTCodec
import Primitives

/// One message while it is routed: borrowed bytes, and an object that is made from them only when something must keep
/// the message (a queue, an in-flight window, a retained topic, a QoS 1 copy for another loop).
///
/// A QoS 0 delivery to a subscriber of the same loop never needs the object.
package struct Publication: ~Copyable, ~Escapable {
    /// The topic name.
    package let topic: RawSpan
    /// The encoded properties that subscribers get.
    package let properties: RawSpan
    /// The payload; may be empty.
    package let payload: RawSpan
    /// What routing has to know of the message.
    package let facts: MessageFacts
    /// The object; nil until it is needed.
    package private(set) var message: ApplicationMessage?
    /// What the store has got of it so far.
    var storing = StoredPublication()

    /// A publication of borrowed bytes.
    @_lifetime(copy topic, copy properties, copy payload)
    package init(topic: RawSpan, properties: RawSpan, payload: RawSpan, facts: MessageFacts) {
        self.topic = topic
        self.properties = properties
        self.payload = payload
        self.facts = facts
        message = nil
    }

    /// The publication of a message that is already an object.
    @_lifetime(borrow message)
    package init(_ message: borrowing ApplicationMessage) {
        topic = message.topic
        properties = message.properties
        payload = message.payload
        facts = message.facts
        self.message = copy message
    }

    /// The object, made on first use.
    @_lifetime(self: copy self)
    package mutating func sharedMessage() -> ApplicationMessage {
        if let message { return message }
        let made = ApplicationMessage(facts: facts, topic: topic, properties: properties, payload: payload)
        message = made
        return made
    }

    /// Memory that the object takes, in bytes.
    package var byteCount: Int {
        topic.byteCount + properties.byteCount + payload.byteCount + ApplicationMessage.overheadByteCount
    }

    /// Whether the payload is so large that subscribers' outputs share it rather than copy it.
    package var isLarge: Bool { payload.byteCount >= OutputBuffer.sharingThreshold }
}

/// What the store has of a message while its copies are given: it goes with the message from the route to the last copy.
struct StoredPublication {
    /// Whether copies may be stored.
    var isActive = false
    /// How the copies share a body.
    var keeping = BodySharing.single
    /// Its index in the open batch; -1 = none of its copies is stored so far.
    var message: Int32 = -1
    /// Its number in the store.
    var number: UInt64 = 0
    /// The session whose held answers are looked at when no copy of it needs the store any more.
    var publisher: SessionHandle?
    /// Its copies of QoS 2 for sessions of other loops.
    var route: StoreOutbox.HeldRoute?
}
