import MQTTCodec
import Primitives

/// The connection of a session, and what its CONNECT said. Most of it stays readable when the connection has ended,
/// until the next one begins.
struct ConnectionState: ~Copyable {
    /// nil = there is none.
    private(set) var transport: (any ClientTransport)?
    /// What goes to the client.
    var output: ClientOutput
    /// Another one with each beginning and each end (`SessionTable.takeEpoch`): a timer of an earlier connection finds
    /// another number and does nothing. 0 = it never had a connection.
    private(set) var epoch: UInt32 = 0
    /// When it began.
    private(set) var connectedAt: MonotonicTime
    /// When the last packet came, at the resolution of a turn.
    private(set) var lastPacketAt: MonotonicTime
    /// Packets that came in this connection.
    private(set) var received = PacketTally()
    /// MQTT 3: the client is a bridge, which gets neither its own messages back nor a changed RETAIN flag.
    private(set) var isBridge = false
    /// As CONNECT had it, or a hook has put in its place.
    private(set) var userName: UTF8Text?
    /// The client as hooks see it that look at each message; nil until the first does.
    var hookClient: HookClient?
    /// Seconds; 0 = none.
    private(set) var keepAlive: UInt16 = 0
    /// MQTT 5: whether the client wants reason strings.
    private(set) var requestsProblemInformation = true
    /// MQTT 5: of enhanced authentication.
    private(set) var authenticationMethod: UTF8Text?

    /// No connection yet.
    init(now: MonotonicTime) {
        output = ClientOutput(version: .v311)
        connectedAt = now
        lastPacketAt = now
    }

    /// A connection begins.
    ///
    /// - Parameter keepAlive: seconds; the broker may ask for another than CONNECT did.
    mutating func begin(
        _ transport: any ClientTransport, _ attempt: ConnectAttempt, keepAlive: UInt16,
        aliases: OutgoingTopicAliases?, epoch: UInt32, now: MonotonicTime
    ) {
        let packet = attempt.packet
        self.transport = transport
        output = ClientOutput(
            transport.output, version: packet.version,
            packetSizeLimit: packet.properties.maximumPacketSize ?? 0, aliases: aliases, watch: attempt.watch,
            beganAt: now)
        self.epoch = epoch
        connectedAt = now
        lastPacketAt = now
        received = PacketTally()
        isBridge = packet.isBridge
        userName = attempt.userName
        hookClient = nil
        self.keepAlive = keepAlive
        requestsProblemInformation = packet.properties.requestProblemInformation != 0
        authenticationMethod = packet.properties.authenticationMethod
    }

    /// It ends.
    mutating func end(epoch: UInt32) {
        transport = nil
        output = ClientOutput(version: output.version)
        self.epoch = epoch
    }

    /// The session was found in the store, without a connection.
    mutating func restore(_ version: ProtocolVersion, isBridge: Bool) {
        output = ClientOutput(version: version)
        self.isBridge = isBridge
    }

    /// A packet has come.
    @inline(__always)
    mutating func packetCame(_ type: PacketType, _ now: MonotonicTime) {
        lastPacketAt = now
        received.add(type)
    }

    /// The broker could not have seen a packet: the keep alive begins anew.
    mutating func packetCouldNotCome(_ now: MonotonicTime) { lastPacketAt = now }

    /// One and a half times the keep alive after the last packet [MQTT-3.1.2-22].
    var keepAliveDeadline: MonotonicTime { lastPacketAt.adding(milliseconds: UInt64(keepAlive) * 1500) }
}
