/// Which session on which home loop: what routing knows of a subscriber. It is packed into 8 bytes:
///
///     bit 63      56 55               26 25            0
///         [  loop   |    generation    |     slot     ]
///
/// A slot is used again after its session has ended; the generation tells the two sessions apart. Slots are used again
/// in the order in which they became free. With 1,000 slots and 10,000 new sessions a second, a slot has an old
/// generation again after a year.
package struct SessionHandle: Hashable, Sendable, BitwiseCopyable {
    /// All three parts in one word. It identifies the session; its order means nothing.
    package let bits: UInt64

    private static var slotBits: UInt64 { 26 }
    private static var generationBits: UInt64 { 30 }
    /// Slots, and so sessions, of one loop.
    package static var slotLimit: Int { 1 << slotBits }

    /// The handle of these parts.
    @inline(__always)
    package init(loop: UInt16, slot: UInt32, generation: UInt32) {
        bits =
            UInt64(loop) << (Self.slotBits + Self.generationBits)
            | UInt64(generation) << Self.slotBits | UInt64(slot)
    }

    /// The handle with these bits.
    @inline(__always)
    package init(bits: UInt64) {
        self.bits = bits
    }

    /// The index of the session's home loop.
    @inline(__always)
    package var loop: UInt16 { UInt16(truncatingIfNeeded: bits >> (Self.slotBits + Self.generationBits)) }

    /// The index in the table of sessions of that loop.
    @inline(__always)
    package var slot: UInt32 { UInt32(truncatingIfNeeded: bits & (1 << Self.slotBits - 1)) }

    /// Tells the sessions that have had the same slot apart.
    @inline(__always)
    package var generation: UInt32 {
        UInt32(truncatingIfNeeded: bits >> Self.slotBits & (1 << Self.generationBits - 1))
    }

    /// The generation that follows; after the last the first.
    package static func generation(after generation: UInt32) -> UInt32 {
        (generation &+ 1) & (1 << UInt32(generationBits) - 1)
    }
}

/// One subscription as routing sees it: the session and the options. 24 bytes.
package struct SubscriptionTarget: Sendable, BitwiseCopyable, Equatable {
    /// The session that subscribed.
    package let session: SessionHandle
    /// 0 when the SUBSCRIBE had none; ids of clients are never 0 [MQTT-3.8.2.1.2].
    package let subscriptionIdentifier: UInt32
    /// The options byte as on the wire (§3.8.3.1): bits 0-1 maximum QoS, 2 no local, 3 retain as published,
    /// 4-5 retain handling.
    package let options: UInt8
    /// The session's number in the store, with which any loop can store a copy for it; 0 = the session is not stored.
    package let storeNumber: UInt64

    /// A subscription with these options.
    @inline(__always)
    package init(
        session: SessionHandle, options: UInt8, subscriptionIdentifier: UInt32 = 0, storeNumber: UInt64 = 0
    ) {
        self.session = session
        self.options = options
        self.subscriptionIdentifier = subscriptionIdentifier
        self.storeNumber = storeNumber
    }

    /// The maximum QoS the subscriber was granted, 0...2.
    @inline(__always)
    package var qos: UInt8 { options & 0b11 }

    /// The subscriber must not get its own messages back [MQTT-3.8.3-3].
    @inline(__always)
    package var isNoLocal: Bool { options & 0b100 != 0 }

    /// The subscription is shared. A bit that is reserved on the wire says so here.
    @inline(__always)
    package var isShared: Bool { options & Self.sharedBit != 0 }

    /// The bit of `options` that says that the subscription is shared.
    package static let sharedBit: UInt8 = 0b0100_0000

    /// The RETAIN flag is forwarded as published [MQTT-3.3.1-13].
    @inline(__always)
    package var isRetainAsPublished: Bool { options & 0b1000 != 0 }
}
