import BrokerMetrics
import Glibc
import Logging
import MQTTCodec
import Primitives
import Synchronization

@testable import BrokerCore

/// One shard with connections that exist in memory alone. A test is the loop: nothing happens until it says so.
final class CoreBench {
    let shard: Shard
    let broker: Broker
    private let posted = Posted()

    final class Posted: Sendable {
        let replies = Mutex<[(ticket: HookQuestionID, reply: HookReply)]>([])
    }

    init(
        hooks: [any Hook] = [], log: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        _ change: (inout BrokerSettings) -> Void = { _ in }
    ) {
        var settings = BrokerSettings()
        settings.allowsAnonymous = true
        settings.allowsAllTopics = true
        change(&settings)
        broker = Broker(
            settings: settings, loopCount: 1, hooks: hooks, log: log)
        let posted = posted
        shard = Shard(
            broker, index: 0, counters: LoopCounters(),
            links: ShardLinks { letter, _ in
                guard case .hookReply(let ticket, let reply) = letter else { return }
                posted.replies.withLock { $0.append((ticket, reply)) }
            },
            now: MonotonicTime(nanoseconds: 0))
        // All that a test does is one turn.
        shard.turnBegan(MonotonicTime(nanoseconds: 0)) { false }
    }

    deinit { shard.forgetSessions() }

    var numbers: Snapshot {
        shard.refreshGauges()
        return Snapshot(loops: [Snapshot.Loop(words: shard.counters.copy())])
    }

    /// Gives the shard the answers that hooks have sent through their tickets.
    func deliverReplies() {
        let replies = posted.replies.withLock { replies in
            defer { replies = [] }
            return replies
        }
        for (ticket, reply) in replies { shard.answered(ticket, reply) }
    }

    /// Sends CONNECT on a connection of its own.
    func connect(
        _ clientID: UTF8Text, _ version: ProtocolVersion = .v5,
        listener: ListenerFacts = ListenerFacts(name: "test"),
        _ change: (inout ConnectPacket) -> Void = { _ in }
    ) -> MemoryTransport {
        let transport = MemoryTransport(self, listener)
        var packet = ConnectPacket(version: version, clientID: clientID)
        change(&packet)
        transport.version = version
        let handshake = shard.admit(packet, transport)
        if transport.session == nil { transport.handshake = handshake }
        return transport
    }
}

/// A connection without a socket: what the client is sent can be read back as packets.
final class MemoryTransport: ClientTransport {
    let flushList: FlushList
    let output: OutputBuffer
    let clientPeer = ClientPeer(address: "memory", port: 1)
    let listenerFacts: ListenerFacts
    let isHeldBack = false
    var handshake: ConnectHandshake?
    var version = ProtocolVersion.v5
    private(set) var session: Session?
    private(set) var closeReason: CloseReason?
    private(set) var pauses: PauseReason = []
    private let bench: CoreBench

    init(_ bench: CoreBench, _ listener: ListenerFacts = ListenerFacts(name: "test")) {
        self.bench = bench
        listenerFacts = listener
        flushList = FlushList()
        output = OutputBuffer(slot: 0, flushList: flushList, pool: BufferPool())
    }

    func pauseReading(_ reason: PauseReason) { pauses.insert(reason) }
    func resumeReading(_ reason: PauseReason) { pauses.subtract(reason) }
    func close(_ reason: CloseReason) {
        if closeReason == nil { closeReason = reason }
        output.isClosed = true
    }
    func move(to loop: Int, with attempt: ConnectAttempt) {}
    func connected(to session: Session) {
        handshake = nil
        self.session = session
    }

    /// The peer has gone.
    func vanish() {
        handshake?.cancel()
        session?.connectionClosed(.peerClosed, by: self)
        session = nil
    }

    /// Takes a packet of the client, as the loop does with what it has read.
    func send(_ packet: ControlPacket) throws {
        var writer = PacketWriter()
        packet.encode(version: version, into: &writer)
        let bytes = writer.bytes
        guard
            let header = try FixedHeader.decode(bytes.span.bytes, maximumRemainingLength: .max)
        else { return }
        session?.receive(header, body: bytes.span.bytes.extracting(header.headerByteCount...))
    }

    /// What the client has been sent since the last call.
    func received() throws -> [ControlPacket] {
        let bytes = withUnsafeTemporaryAllocation(of: iovec.self, capacity: 64) { vectors in
            vectors.initialize(repeating: iovec())
            return vectors[..<output.gather(into: vectors)].flatMap {
                Array(UnsafeRawBufferPointer(start: $0.iov_base, count: $0.iov_len))
            }
        }
        _ = output.wrote(bytes.count)
        var packets: [ControlPacket] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest)
            guard let header = try FixedHeader.decode(piece.span.bytes, maximumRemainingLength: .max) else {
                break
            }
            let body = piece.span.bytes.extracting(header.headerByteCount..<header.packetByteCount)
            packets.append(try ControlPacket.decode(header, body: body, version: version))
            rest = rest.dropFirst(header.packetByteCount)
        }
        return packets
    }
}
