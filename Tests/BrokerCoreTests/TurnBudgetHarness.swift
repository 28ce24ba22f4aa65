import BrokerMetrics
import Glibc
import Logging
import MQTTCodec
import Primitives
import Synchronization
import Testing

@testable import BrokerCore

/// The bench of all `TurnBudget…Tests`: a broker's loops without sockets and clocks, to which clients send what an
/// attacker would. It measures counted work, never time, so its numbers are the same on every machine:
///
///     cost(2n) ≤ 2.3 · cost(n)     what a packet costs grows as its size does, n·log n at most
///     longest turn ≤ a constant    whatever its size, and whatever state it meets
///
/// To add a case:
///
/// 1. Find the loop that grows with the input, or with what clients have set up, and count its rounds where they happen:
///    `shard.count(steps: n)`, one step for what takes up to about a microsecond. Work that nobody counts is not seen.
/// 2. Write a test in `TurnBudget<Topic>Tests.swift`:
///
///        try expectBounded(by: 4000) { n in
///            TurnBudgetCase(TurnBench()) { bench in … set up the state, not measured … }
///                attack: { bench in … send the packets … }
///        }
///
///    `expectBounded` runs it with n and with 2n, each until the loops would sleep.
/// 3. See it fail without your mend: if it passes, the work is not counted.
///
/// A turn here says that its time is up after `turnSteps` steps. So slices behave as they do in production, where the
/// clock says it.
final class TurnBench {
    let broker: Broker
    let shards: [Shard]
    private(set) var clients: [BenchClient] = []
    private let mailboxes: Mailboxes
    private var letters: [[CoreLetter]]
    private var milliseconds: UInt64 = 1000
    private(set) var cost = WorkCost()

    /// Steps after which a turn is over.
    static let turnSteps: UInt64 = 2000

    private final class Mailboxes: Sendable {
        let letters: Mutex<[[CoreLetter]]>

        init(_ count: Int) { letters = Mutex(Array(repeating: [], count: count)) }
    }

    init(
        loops: Int = 1, store: any MessageStore = MemoryMessageStore(), hooks: [any Hook] = [],
        _ change: (inout BrokerSettings) -> Void = { _ in }
    ) {
        var settings = BrokerSettings()
        settings.allowsAnonymous = true
        settings.allowsAllTopics = true
        change(&settings)
        let broker = Broker(
            settings: settings, loopCount: loops, store: store, hooks: hooks,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let mailboxes = Mailboxes(loops)
        self.broker = broker
        self.mailboxes = mailboxes
        shards = (0..<loops).map { index in
            Shard(
                broker, index: index, counters: LoopCounters(),
                links: ShardLinks { letter, loop in mailboxes.letters.withLock { $0[loop].append(letter) } },
                now: MonotonicTime(nanoseconds: 0))
        }
        letters = Array(repeating: [], count: loops)
    }

    deinit { for shard in shards { shard.forgetSessions() } }

    /// All counters of all loops together.
    var numbers: Snapshot {
        for shard in shards { shard.refreshGauges() }
        return Snapshot(loops: shards.map { Snapshot.Loop(words: $0.counters.copy()) })
    }

    // MARK: Clients

    /// A client that has connected. It reads what it is sent unless `isReading` is set to false.
    @discardableResult
    func connect(
        _ id: UTF8Text, _ version: ProtocolVersion = .v5, cleanStart: Bool = true, expiry: UInt32 = 0,
        receiveMaximum: UInt16? = nil, will: WillPacketFields? = nil
    ) -> BenchClient {
        var properties = Properties()
        if version == .v5 {
            properties.sessionExpiryInterval = expiry
            properties.receiveMaximum = receiveMaximum
        }
        let packet = ConnectPacket(
            version: version, cleanStart: cleanStart, clientID: id, will: will, properties: properties)
        return connect(packet)
    }

    @discardableResult
    func connect(_ packet: ConnectPacket) -> BenchClient {
        let client = BenchClient(slot: clients.count, version: packet.version)
        clients.append(client)
        let subscriber = SubscriberID(mountpoint: .default, clientID: packet.clientID)
        client.loop = broker.homeLoop(of: subscriber)
        _ = shards[client.loop].admit(packet, client)
        return client
    }

    // MARK: Turns

    func advance(seconds: UInt64) { milliseconds += seconds * 1000 }

    /// Each loop does one turn; or one of them, while the others are busy.
    func turn(only loop: Int? = nil) {
        milliseconds += 1
        let now = MonotonicTime(nanoseconds: milliseconds * 1_000_000)
        for shard in shards where loop == nil || loop == shard.index {
            let start = shard.steps
            let isTurnOver = { shard.steps &- start >= Self.turnSteps }
            shard.turnBegan(now, isTurnOver: isTurnOver)
            receiveLetters(shard, isTurnOver)
            for client in clients where client.loop == shard.index && !isTurnOver() {
                client.handOver(until: isTurnOver)
            }
            shard.turnEnded(isTurnOver: isTurnOver)
            for client in clients where client.loop == shard.index { client.flush() }
            cost.add(turn: shard.steps &- start)
        }
    }

    private func receiveLetters(_ shard: Shard, _ isTurnOver: () -> Bool) {
        let index = shard.index
        letters[index] += mailboxes.letters.withLock { boxes in
            defer { boxes[index] = [] }
            return boxes[index]
        }
        var taken = 0
        while taken < letters[index].count {
            guard shard.receive(letters[index][taken], isTurnOver: isTurnOver) else { break }
            taken += 1
            if isTurnOver() { break }
        }
        letters[index].removeFirst(taken)
    }

    /// Whether every loop would sleep now, until a client or a timer wakes it.
    var isIdle: Bool {
        let now = MonotonicTime(nanoseconds: milliseconds * 1_000_000)
        return letters.allSatisfy(\.isEmpty) && mailboxes.letters.withLock { $0.allSatisfy(\.isEmpty) }
            && clients.allSatisfy { !$0.hasPacket }
            && shards.allSatisfy { $0.sleepLimitNanoseconds(now) != 0 }
    }

    /// Turns until all loops would sleep.
    func settle(within limit: Int = 200_000) throws {
        var turns = 0
        repeat {
            turns += 1
            turn()
        } while !isIdle && turns < limit
        if !isIdle { throw NeverIdle(turns: turns) }
    }

    struct NeverIdle: Error { let turns: Int }

    /// What `body` and all that follows from it cost.
    func measure(_ body: () throws -> Void) throws -> WorkCost {
        cost = WorkCost()
        let before = shards.map(\.steps)
        try body()
        // What was done outside of a turn counts as one; there may have been turns in between.
        let outside = zip(shards, before).reduce(0) { $0 + ($1.0.steps &- $1.1) } &- cost.total
        if outside > 0 { cost.add(turn: outside) }
        try settle()
        return cost
    }
}

/// Counted work.
struct WorkCost {
    private(set) var total: UInt64 = 0
    private(set) var longestTurn: UInt64 = 0
    private(set) var turns = 0

    mutating func add(turn steps: UInt64) {
        total += steps
        longestTurn = max(longestTurn, steps)
        turns += 1
    }
}

/// A connection whose bytes go nowhere.
final class BenchClient: ClientTransport {
    let output: OutputBuffer
    let version: ProtocolVersion
    fileprivate(set) var loop = 0
    private let flushList = FlushList()
    private(set) var session: Session?
    private(set) var pauses: PauseReason = []
    private(set) var closeReason: CloseReason?
    /// Whether it takes what it is sent.
    var isReading = true
    /// Whether `received` gets what it is sent; else it is only counted.
    var keepsOutput = false
    private(set) var received: [UInt8] = []
    private(set) var receivedByteCount = 0
    private var packets: [[UInt8]] = []
    private var nextPacket = 0

    init(slot: Int = 0, version: ProtocolVersion) {
        output = OutputBuffer(slot: slot, flushList: flushList, pool: BufferPool())
        self.version = version
    }

    /// Puts a packet into the socket.
    func send(_ packet: ControlPacket) {
        var writer = PacketWriter()
        packet.encode(version: version, into: &writer)
        send(bytes: writer.bytes)
    }

    /// Puts one packet into the socket.
    func send(bytes: [UInt8]) { packets.append(bytes) }

    /// The connection ends without a word.
    func vanish() {
        guard closeReason == nil else { return }
        close(.peerClosed)
        session?.connectionClosed(.peerClosed, by: self)
    }

    /// A packet waits that the broker would take.
    var hasPacket: Bool {
        nextPacket < packets.count && pauses.isEmpty && closeReason == nil && !output.isOverfull
            && session?.takesPackets == true
    }

    fileprivate func handOver(until isTurnOver: () -> Bool) {
        while hasPacket, !isTurnOver(), let session {
            let bytes = packets[nextPacket]
            do {
                guard
                    let header = try FixedHeader.decode(
                        bytes.span.bytes, maximumRemainingLength: .max, allowsDuplicateFlag: true)
                else { return }
                guard session.takes(header) else { return }
                let isDone = session.receive(
                    header, body: bytes.span.bytes.extracting(header.headerByteCount..<header.packetByteCount)
                )
                guard isDone else { return }  // it comes again in the next turn
                nextPacket += 1
            } catch {
                session.fail(error)
            }
        }
        if nextPacket == packets.count {
            packets = []
            nextPacket = 0
        }
    }

    fileprivate func flush() {
        guard isReading, !output.isEmpty else { return }
        let count = output.byteCount
        receivedByteCount += count
        if keepsOutput { received += copyOutput() }
        if output.wrote(count) { session?.outputDrained() }
    }

    private func copyOutput() -> [UInt8] {
        var vectors = [iovec](repeating: iovec(), count: 1 << 16)
        return vectors.withUnsafeMutableBufferPointer { vectors in
            let used = output.gather(into: vectors)
            return vectors[..<used].flatMap {
                Array(UnsafeRawBufferPointer(start: $0.iov_base, count: $0.iov_len))
            }
        }
    }

    /// The types of the packets in `received`, in order; those bytes are taken out.
    func takeTypes() throws -> [PacketType] {
        var types: [PacketType] = []
        var offset = 0
        let received = received
        while offset < received.count {
            guard
                let header = try FixedHeader.decode(
                    received.span.bytes.extracting(offset...), maximumRemainingLength: .max,
                    allowsDuplicateFlag: true),
                received.count - offset >= header.packetByteCount
            else { break }
            types.append(header.type)
            offset += header.packetByteCount
        }
        self.received.removeFirst(offset)
        return types
    }

    // MARK: ClientTransport

    var clientPeer: ClientPeer { ClientPeer(address: "127.0.0.1", port: 1) }
    let listenerFacts = ListenerFacts(name: "bench", allowsAnonymous: true)
    var isHeldBack: Bool { !pauses.isEmpty }

    func close(_ reason: CloseReason) {
        closeReason = reason
        output.isClosed = true
    }

    func pauseReading(_ reason: PauseReason) { pauses.insert(reason) }
    func resumeReading(_ reason: PauseReason) { pauses.remove(reason) }
    func connected(to session: Session) { self.session = session }
    func move(to loop: Int, with attempt: ConnectAttempt) {}
}

// MARK: - Cases

/// One adversarial input at one size.
struct TurnBudgetCase {
    let bench: TurnBench
    let attack: (TurnBench) throws -> Void

    /// - Parameters:
    ///   - prepare: sets up what the attack meets.
    ///   - attack: sends, connects, vanishes: what is measured, with all that follows until the loops would sleep.
    init(
        _ bench: TurnBench, prepare: (TurnBench) throws -> Void = { _ in },
        attack: @escaping (TurnBench) throws -> Void
    ) throws {
        self.bench = bench
        self.attack = attack
        try prepare(bench)
        try bench.settle()
    }

    func run() throws -> WorkCost { try bench.measure { try attack(bench) } }
}

/// Runs a case with n and with 2n and holds what it costs against the bar.
///
/// - Parameters:
///   - size: n; large enough that what does not grow with it is small beside what does.
///   - ratio: how many times more 2n may cost; 2.3 has room for n·log n.
///   - longestTurn: steps. A slice may end a little over `turnSteps`.
func expectBounded(
    _ size: Int, ratio: Double = 2.3, longestTurn: UInt64 = 2 * TurnBench.turnSteps,
    sourceLocation: SourceLocation = #_sourceLocation, _ makeCase: (Int) throws -> TurnBudgetCase
) throws {
    let one = try makeCase(size).run()
    let two = try makeCase(2 * size).run()
    #expect(one.total >= UInt64(size) / 2, "the work is not counted: \(one)", sourceLocation: sourceLocation)
    #expect(
        Double(two.total) <= ratio * Double(one.total), "\(one) → \(two)", sourceLocation: sourceLocation)
    #expect(two.longestTurn <= longestTurn, "\(one) → \(two)", sourceLocation: sourceLocation)
}

extension Shard {
    /// Sessions that live on the loop.
    var sessionCount: Int {
        var count = 0
        forEachSession { _ in count += 1 }
        return count
    }
}
