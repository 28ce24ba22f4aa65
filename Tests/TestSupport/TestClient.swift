import Glibc
package import MQTTCodec
package import Primitives

/// What a `TestClient` was waiting for and did not get.
package struct TestClientError: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}

/// A scripted MQTT client over a real socket. Blocking: a read waits for its packet, up to a generous limit, so
/// tests never sleep.
package final class TestClient {
    package let version: ProtocolVersion
    private let descriptor: Int32
    private var input: [UInt8] = []
    private var writer = PacketWriter()
    private var isOpen = true
    /// Packets that came while something else was awaited.
    private var held: [ControlPacket] = []

    /// Milliseconds a read waits before the test fails.
    package var patience: Int32 = 60_000

    package init(port: UInt16, version: ProtocolVersion = .v311) throws {
        self.version = version
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            throw TestClientError(description: "connect: \(String(cString: strerror(errno)))")
        }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { if isOpen { Glibc.close(descriptor) } }

    // MARK: Writing

    package func send(_ bytes: [UInt8]) throws {
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress.map { $0 + offset }, bytes.count - offset, Int32(MSG_NOSIGNAL))
            }
            guard written > 0 else {
                throw TestClientError(description: "send: \(String(cString: strerror(errno)))")
            }
            offset += written
        }
    }

    package func send(_ packet: ControlPacket) throws {
        writer.removeAll()
        packet.encode(version: version, into: &writer)
        try send(writer.bytes)
    }

    // MARK: Reading

    /// The next packet; nil when the broker has closed the connection in good order or by reset.
    package func receiveOrEnd() throws -> ControlPacket? {
        held.isEmpty ? try readPacket() : held.removeFirst()
    }

    private func readPacket() throws -> ControlPacket? {
        while true {
            let input = input
            if let header = try FixedHeader.decode(input.span.bytes, maximumRemainingLength: 268_435_455),
                input.count >= header.packetByteCount
            {
                let body = input.span.bytes.extracting(header.headerByteCount..<header.packetByteCount)
                let packet = try ControlPacket.decode(header, body: body, version: version)
                self.input.removeFirst(header.packetByteCount)
                return packet
            }
            guard try fill() else { return nil }
        }
    }

    package func receive() throws -> ControlPacket {
        guard let packet = try receiveOrEnd() else { throw TestClientError(description: "the broker closed") }
        return packet
    }

    /// The next packet, which must be a PUBLISH.
    package func receivePublish() throws -> PublishPacket {
        let packet = try receive()
        guard case .publish(let publish) = packet else {
            throw TestClientError(description: "expected PUBLISH, got \(packet)")
        }
        return publish
    }

    /// Waits until the broker closes. - Returns: the packets that came before.
    package func receiveUntilEnd() throws -> [ControlPacket] {
        var packets: [ControlPacket] = []
        while let packet = try receiveOrEnd() { packets.append(packet) }
        return packets
    }

    /// - Returns: false at the end of the stream.
    private func fill() throws -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, patience) > 0 else {
            throw TestClientError(description: "nothing came in time")
        }
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0 else {
            if count == 0 || errno == ECONNRESET { return false }
            throw TestClientError(description: "recv: \(String(cString: strerror(errno)))")
        }
        input.append(contentsOf: chunk[..<count])
        return true
    }

    /// Waits until the broker has handled everything sent so far. What comes meanwhile is kept for the next reads.
    package func settle() throws {
        try send(.pingreq)
        while true {
            guard let packet = try readPacket() else {
                throw TestClientError(description: "the broker closed")
            }
            if packet == .pingresp { return }
            held.append(packet)
        }
    }

    /// Ends the connection without DISCONNECT.
    package func drop() {
        guard isOpen else { return }
        isOpen = false
        Glibc.close(descriptor)
    }

    /// Breaks the connection: the broker sees a reset, and what it had sent and we have not read is gone.
    package func reset() {
        guard isOpen else { return }
        isOpen = false
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        Glibc.close(descriptor)
    }

    /// Ends our sending side.
    package func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }
}

// MARK: Conversations

extension TestClient {
    /// Sends CONNECT and returns CONNACK.
    @discardableResult
    package func connect(
        _ id: UTF8Text, clean: Bool = true, keepAlive: UInt16 = 60, will: WillPacketFields? = nil,
        properties: Properties = Properties()
    ) throws -> ConnackPacket {
        try send(
            .connect(
                ConnectPacket(
                    version: version, cleanStart: clean, keepAlive: keepAlive, clientID: id, will: will,
                    properties: properties)))
        let packet = try receive()
        guard case .connack(let connack) = packet else {
            throw TestClientError(description: "expected CONNACK, got \(packet)")
        }
        return connack
    }

    /// Subscribes and returns the codes of SUBACK.
    @discardableResult
    package func subscribe(
        _ filter: UTF8Text, _ options: SubscriptionOptions = SubscriptionOptions(qos: .atMostOnce),
        identifier: UInt32? = nil
    ) throws -> [UInt8] {
        var properties = Properties()
        if let identifier { properties.subscriptionIdentifiers = [identifier] }
        try send(
            .subscribe(
                SubscribePacket(
                    packetIdentifier: PacketIdentifier(rawValue: 1),
                    filters: [SubscribeFilter(filter, options)],
                    properties: properties)))
        let packet = try receive()
        guard case .suback(let suback) = packet else {
            throw TestClientError(description: "expected SUBACK, got \(packet)")
        }
        return suback.codes
    }

    @discardableResult
    package func subscribe(_ filter: UTF8Text, qos: QoS) throws -> [UInt8] {
        try subscribe(filter, SubscriptionOptions(qos: qos))
    }

    package func publish(
        _ topic: UTF8Text, _ payload: String, qos: QoS = .atMostOnce, id: UInt16 = 1, retain: Bool = false,
        duplicate: Bool = false, properties: Properties = Properties()
    ) throws {
        try send(
            .publish(
                PublishPacket(
                    topic: topic, payload: Array(payload.utf8), qos: qos, isDuplicate: duplicate,
                    isRetained: retain,
                    packetIdentifier: qos == .atMostOnce ? nil : PacketIdentifier(rawValue: id),
                    properties: properties)))
    }

    /// Sends PINGREQ and returns what came before its PINGRESP: all the broker had for this client until now.
    package func drain() throws -> [ControlPacket] {
        try send(.pingreq)
        var packets: [ControlPacket] = []
        while true {
            let packet = try receive()
            if packet == .pingresp { return packets }
            packets.append(packet)
        }
    }
}
