import BrokerMetrics
import MQTTCodec
import Primitives

/// What a client has sent and the session must remember: QoS 2 messages that are not released, topic aliases, how fast
/// it publishes, and what is being worked off before its next packet is taken. It does nothing by itself: `Session` asks
/// it and carries out what follows.
///
/// The first two survive the connection; the rest ends with it. A silent client owns no memory here.
struct Inbound {
    // MARK: QoS 2

    /// Identifiers of QoS 2 messages that were taken and not released.
    private var received = ReceivedPacketIdentifiers()
    /// Those of them that are in the store.
    private var storedReceived = ReceivedPacketIdentifiers()
    /// The last batch with an identifier that was received.
    private var receivedBatch: UInt64 = 0
    /// The last of its QoS 2 messages that was put off.
    private var receivedFanOut: UInt64 = 0

    /// Whether a PUBLISH may go on to its topic's check.
    @inline(__always)
    func admission(
        of header: PublishHeader, _ version: ProtocolVersion, _ limits: PublishLimits,
        isUTF8: @autoclosure () -> Bool
    ) -> PublishDecision {
        let isTwoStep = header.qos == .exactlyOnce
        return PublishDecision.admission(
            PublishDecision.Facts(
                version: version, qos: header.qos, isRetained: header.isRetained,
                topicLevelCount: header.topicLevelCount, claimsUTF8: header.payloadFormatIsUTF8,
                isRepeated: isTwoStep && received.contains(header.packetIdentifier),
                unreleasedCount: isTwoStep ? received.count : 0),
            limits, isUTF8: isUTF8())
    }

    /// What the answer to a repeated QoS 2 message waits for: the first may not be committed yet.
    var repeatedWait: StoreWait { StoreWait(batch: receivedBatch, fanOut: receivedFanOut) }

    /// A QoS 2 message was taken.
    ///
    /// - Parameter fanOut: of the copies that are given later; 0 = none are.
    mutating func accept(_ identifier: UInt16, fanOut: UInt64) {
        _ = received.insert(identifier)
        if fanOut != 0 { receivedFanOut = fanOut }
    }

    /// The copies of a QoS 2 message are in `batch`.
    ///
    /// - Parameter isKept: the session is stored.
    /// - Returns: whether its identifier belongs into that batch too.
    mutating func store(_ identifier: UInt16, in batch: UInt64, isKept: Bool) -> Bool {
        receivedBatch = batch
        guard isKept, received.contains(identifier) else { return false }
        _ = storedReceived.insert(identifier)
        return true
    }

    /// PUBREL has come.
    ///
    /// - Returns: whether a message with this identifier was taken, and whether that is in the store.
    mutating func release(_ identifier: UInt16) -> (wasKnown: Bool, wasStored: Bool) {
        (received.remove(identifier), storedReceived.remove(identifier))
    }

    /// Identifiers in the store.
    var storedCount: Int { storedReceived.count }
    var storedIdentifiers: [UInt16] { storedReceived.identifiers }

    /// The session was found in the store with these identifiers.
    mutating func restore(_ identifiers: [UInt16]) {
        for identifier in identifiers {
            _ = received.insert(identifier)
            _ = storedReceived.insert(identifier)
        }
    }

    /// What is stored belongs to the client: this session has it from now on.
    mutating func takeStored(from other: borrowing Inbound) { storedReceived = other.storedReceived }

    /// The session ends.
    mutating func forgetReceived() {
        received.removeAll()
        storedReceived.removeAll()
    }

    // MARK: Topic aliases

    private var aliases: IncomingTopicAliases?

    /// The topic that a PUBLISH names, by itself or by its alias [MQTT-3.3.2-8…12].
    ///
    /// - Returns: nil when the alias is over the broker's Topic Alias Maximum or was never set; the decision says which.
    func topic(of header: PublishHeader, body: RawSpan) -> (topic: UTF8Text?, decision: PublishDecision) {
        if header.topicAlias != 0 {
            guard let aliases, Int(header.topicAlias) <= aliases.maximum else {
                return (nil, .aliasOverMaximum)
            }
            if header.topic.count == 0 {
                guard let topic = aliases.topic(for: header.topicAlias) else {
                    return (nil, .aliasUnknown)
                }
                return (topic, .topic(firstByte: topic.bytes.first))
            }
        }
        let topic = UTF8Text(copying: header.topic.bytes(in: body))
        return (topic, .topic(firstByte: topic.bytes.first))
    }

    /// - Parameter alias: 0 = the packet had none.
    /// - Returns: false when the topics of this client's aliases would take more bytes than they may.
    mutating func setAlias(_ alias: UInt16, to topic: @autoclosure () -> UTF8Text) -> Bool {
        alias == 0 || aliases?.set(alias, to: topic()) != false
    }

    // MARK: Rate

    private var rateWindowStart = MonotonicTime(nanoseconds: 0)
    private var rateCount = 0

    /// A PUBLISH has come.
    ///
    /// - Parameter limit: in each second; 0 = none.
    /// - Returns: milliseconds for which the client is not to be read, when it has reached the limit.
    mutating func countPublish(limit: Int, now: MonotonicTime) -> UInt64? {
        guard limit > 0 else { return nil }
        if now.nanoseconds(since: rateWindowStart) >= 1_000_000_000 {
            rateWindowStart = now
            rateCount = 0
        }
        rateCount += 1
        guard rateCount == limit else { return nil }
        return 1000 - min(now.nanoseconds(since: rateWindowStart) / 1_000_000, 999)
    }

    // MARK: The packet that is being worked off

    /// The question to a hook that has not been answered; the packet waits for it.
    private var question: PendingHook?
    /// A SUBSCRIBE or UNSUBSCRIBE that is decoded in parts.
    private var decoding: FilterDecoding?
    /// The SUBSCRIBE or UNSUBSCRIBE that is being carried out.
    private var filterJob: (any DeferredJob)?

    /// Whether the next packet may be taken.
    @inline(__always)
    var isFree: Bool { question == nil && filterJob == nil }

    /// Whether a hook has not answered yet.
    var isAsking: Bool { question != nil }
    mutating func ask(_ question: PendingHook) { self.question = question }

    /// - Parameter serial: of the question; nil = any.
    /// - Returns: the question that is open, which is closed by this.
    mutating func takeQuestion(serial: UInt64? = nil) -> PendingHook? {
        guard let open = question, serial == nil || open.serial == serial else { return nil }
        question = nil
        return open
    }

    /// The question with this serial, if it is open.
    func question(serial: UInt64) -> PendingHook? { question.flatMap { $0.serial == serial ? $0 : nil } }

    /// Whether a part of a packet has been decoded, and the next call brings the same packet.
    var isDecoding: Bool { decoding != nil }
    mutating func takeDecoding() -> FilterDecoding? { decoding.take() }
    mutating func setDecoding(_ unfinished: FilterDecoding) { decoding = unfinished }

    mutating func begin(_ job: some DeferredJob) { filterJob = job }
    func isPerforming(_ job: some DeferredJob) -> Bool { filterJob === job }
    mutating func endFilterJob() { filterJob = nil }

    // MARK: SUBSCRIBE

    /// SUBSCRIBE packets of this connection that were granted, and those of them that have been answered.
    private var subscribesGranted: UInt32 = 0
    private var subscribesAnswered: UInt32 = 0

    /// - Returns: the number of a SUBSCRIBE that is being granted.
    mutating func grantSubscribe() -> UInt32 {
        subscribesGranted &+= 1
        return subscribesGranted
    }

    mutating func answerSubscribe(_ number: UInt32) { subscribesAnswered = number }
    func isAnswered(_ number: UInt32) -> Bool { Int32(bitPattern: number &- subscribesAnswered) <= 0 }

    // MARK: The connection

    /// - Parameter aliases: nil = the broker takes none.
    mutating func beginConnection(_ aliases: IncomingTopicAliases?) { self.aliases = aliases }

    mutating func endConnection() {
        aliases = nil
        question = nil
        decoding = nil
        filterJob = nil
        subscribesAnswered = subscribesGranted
    }
}
