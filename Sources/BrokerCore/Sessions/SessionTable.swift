import DequeModule
import MQTTCodec

/// The sessions of one loop: a table of slots, in which a handle finds its session, and the way from a client to its
/// handle.
///
///     client ── directory ──→ handle (slot, generation)
///                                 │
///     slots        [ session | – | session | session ]
///     generations  [       3 | 8 |       1 |       5 ]   a handle of another generation finds nobody
///
/// Handles travel: other loops, timers and late answers hold them. So a slot changes its generation when it is taken
/// and when it becomes free.
struct SessionTable {
    private let loop: UInt16
    private var slots: ContiguousArray<Session?> = []
    private var generations: ContiguousArray<UInt32> = []
    /// First in, first out: a slot rests as long as it can, and with it the handles that still travel.
    private var freeSlots: Deque<UInt32> = []
    private var directory: [SubscriberID: SessionHandle] = [:]

    private var lastEpoch: UInt32 = 0
    /// Sessions that were removed since a turn ended last. They live until one ends, so that nobody who was given one by
    /// `unretained` finds it gone.
    private var removed: ContiguousArray<Session> = []

    init(loop: Int) { self.loop = UInt16(loop) }

    // MARK: Looking up

    @inline(__always)
    subscript(handle: SessionHandle) -> Session? {
        let slot = Int(handle.slot)
        guard slot < generations.count, generations[slot] == handle.generation else { return nil }
        return slots[slot]
    }

    /// The session, without a reference being counted: that was two of the nine of a QoS 0 message. It is good until the
    /// end of the turn.
    @inline(__always)
    func unretained(_ handle: SessionHandle) -> Unmanaged<Session>? {
        let slot = Int(handle.slot)
        guard slot < generations.count, generations[slot] == handle.generation else { return nil }
        return unsafe slots[slot].map { unsafe Unmanaged.passUnretained($0) }
    }

    subscript(subscriber: SubscriberID) -> Session? { directory[subscriber].flatMap { self[$0] } }

    /// Whether no session of this client lives here.
    func isFree(_ subscriber: SubscriberID) -> Bool { directory[subscriber] == nil }

    /// Slots, those that are free included: a cursor over all sessions goes from 0 up to it.
    var slotCount: Int { slots.count }
    func session(inSlot slot: Int) -> Session? { slots[slot] }

    // MARK: Changing

    /// - Returns: a number for the beginning or the end of a connection. No two of this loop have the same, so a timer of
    ///   one connection is never taken for that of another, though a session may take another's handle.
    mutating func takeEpoch() -> UInt32 {
        lastEpoch &+= 1
        return lastEpoch
    }

    /// Gives a new session a slot and its handle. Its client id leads to it.
    mutating func insert(_ session: Session) {
        session.handle = takeSlot(for: session)
        directory[session.id] = session.handle
    }

    /// Makes `session` the one that its client id leads to.
    mutating func register(_ session: Session) { directory[session.id] = session.handle }

    /// - Returns: false when it was not here.
    mutating func remove(_ session: Session) -> Bool {
        guard self[session.handle] === session else { return false }
        removed.append(session)
        free(session.handle)
        if let former = session.formerHandle { free(former) }
        if directory[session.id] == session.handle { directory[session.id] = nil }
        return true
    }

    /// `heir` is found by the handle of `session` too, and that is its handle from now on; `session` gets one of its
    /// own.
    mutating func giveHandle(of session: Session, to heir: Session) {
        let handle = session.handle
        slots[Int(handle.slot)] = heir
        heir.formerHandle = heir.handle
        heir.handle = handle
        directory[heir.id] = handle
        session.handle = takeSlot(for: session)
    }

    /// The turn ends.
    @inline(__always)
    mutating func forgetRemoved() {
        if !removed.isEmpty { removed.removeAll(keepingCapacity: removed.count <= 64) }
    }

    mutating func removeAll() {
        self = SessionTable(loop: Int(loop))
    }

    private mutating func takeSlot(for session: Session) -> SessionHandle {
        let slot: UInt32
        if let free = freeSlots.popFirst() {
            slot = free
        } else {
            precondition(slots.count < SessionHandle.slotLimit, "more sessions on one loop than handles")
            slot = UInt32(slots.count)
            slots.append(nil)
            generations.append(0)
        }
        let generation = SessionHandle.generation(after: generations[Int(slot)])
        generations[Int(slot)] = generation
        slots[Int(slot)] = session
        return SessionHandle(loop: loop, slot: slot, generation: generation)
    }

    private mutating func free(_ handle: SessionHandle) {
        let slot = Int(handle.slot)
        slots[slot] = nil
        // Handles that still travel find nobody.
        generations[slot] = SessionHandle.generation(after: generations[slot])
        freeSlots.append(handle.slot)
    }
}
