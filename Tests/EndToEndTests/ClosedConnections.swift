import BrokerCore
import BrokerMetrics
import Listeners
import MQTTCodec
import Primitives
import TestSupport
import Testing
import Transport

/// Each connection that ends is counted once, under the reason why it ended.
@Suite struct ClosedConnections {
    private static func broker(_ reason: CloseReason, _ clock: ManualClock) throws -> TestBroker {
        let hook = RecordingHook([.authOnPublish])
        hook.publishAnswer = { _, _ in .refuse(HookRefusal()) }
        return try TestBroker(hooks: [hook], clock: clock, policy: policy(reason)) {
            if reason == .lifetime { $0.session.maxConnectionLifetime = 1 }
            $0.session.maxMessageSize = 100_000
        }
    }

    /// What stands below MQTT.
    private static func policy(_ reason: CloseReason) throws -> StreamPolicy {
        switch reason {
        case .tlsFailed:
            // Without a file: clients prove themselves, and the broker, with a key that both know.
            var settings = TLSContextSettings(name: "test")
            settings.usesPreSharedKeys = true
            settings.preSharedKeys = [("c", Array("key".utf8))]
            return StreamPolicy(tls: try TLSContext(settings))
        case .proxyFailed: return StreamPolicy(proxy: StreamPolicy.Proxy())
        case .webSocketFailed: return StreamPolicy(webSocket: StreamPolicy.WebSocket())
        default: return StreamPolicy()
        }
    }

    /// Ends the connection of `client`, which has sent nothing yet.
    private static func end(
        _ client: TestClient, _ reason: CloseReason, _ broker: TestBroker, _ clock: ManualClock
    ) throws {
        switch reason {
        case .connectTimeout: return
        case .tlsFailed, .proxyFailed: return try client.send(Array("this is neither".utf8))
        case .webSocketFailed: return try client.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        case .refused:
            // An identifier that is too long.
            let id = String(repeating: "c", count: 200).text
            return try client.send(.connect(ConnectPacket(version: client.version, clientID: id)))
        default: try client.connect("c", keepAlive: reason == .keepAliveTimeout ? 1 : 0)
        }
        switch reason {
        case .clientDisconnect: try client.send([0xE0, 0])
        case .peerClosed: client.drop()
        case .reset: client.reset()
        case .malformed: try client.send([0x30, 2, 0, 9])
        case .protocolError: try client.send([0x20, 2, 0, 0])  // CONNACK
        case .packetTooLarge: try client.send([0x30, 0xFF, 0xFF, 0x7F])
        case .administrative: try client.publish("t", "denied")
        case .takenOver:
            let younger = try broker.client("c")
            try younger.disconnect()
        case .shutdown: _ = broker.drain(clock)
        case .sendTimeout:
            try client.subscribe("t", qos: .atMostOnce)
            let sender = try broker.client("s", .v5)
            let payload = String(repeating: "x", count: 90_000)
            // More than the kernel takes for a client that does not read.
            while broker.numbers[LoopGauge.queuedMessages] < 200 {
                for _ in 0..<10 { try sender.publish("t", payload) }
                try sender.settle()
            }
            sender.drop()
        case .refused, .connectTimeout, .keepAliveTimeout, .lifetime, .ioError, .newcomerMemory, .tlsFailed,
            .proxyFailed, .webSocketFailed:
            break
        }
    }

    /// Errors of the kernel other than a reset cannot be asked for; a full budget is in
    /// `NewcomerScenarios`.
    @Test(arguments: CloseReason.allCases.filter { ![.ioError, .newcomerMemory].contains($0) })
    func `a connection that ends is counted once, under its reason`(_ reason: CloseReason) throws {
        let clock = ManualClock()
        let broker = try Self.broker(reason, clock)
        let client = try broker.client(reason == .administrative ? .v311 : .v5)
        try Self.end(client, reason, broker, clock)
        #expect(broker.wait(clock) { $0[reason] == 1 && $0[Counter.socketClose] == $0[Counter.socketOpen] })
        let numbers = broker.numbers
        let closed = CloseReason.allCases.reduce(0) { $0 + numbers[$1] }
        #expect(closed == numbers[Counter.socketClose])
        withExtendedLifetime(client) {}
    }
}
