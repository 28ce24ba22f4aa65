import BrokerCore
import Glibc
import Listeners
import Logging
import MQTTCodec
import PasswordFile
import Primitives
import Synchronization
import TestSupport
import Testing
import Transport

@testable import Plugins

/// A broker with the plugins for files, its files in a folder of its own.
private final class GuardedBroker: Sendable {
    let folder: String
    let registry: PluginRegistry
    let runtime: BrokerRuntime
    let port: UInt16
    let settings: Mutex<(passwd: PasswordPlugin.Settings, acl: ACLPlugin.Settings)>

    init(passwords: String?, rules: String?, _ plugins: [String] = ["vmq_passwd", "vmq_acl"]) throws {
        folder = try FileFolder.make()
        if let passwords { try FileFolder.write(passwords, folder + "/vmq.passwd") }
        if let rules { try FileFolder.write(rules, folder + "/vmq.acl") }
        settings = Mutex(
            (
                PasswordPlugin.Settings(path: folder + "/vmq.passwd", reloadInterval: 0, isNamed: false),
                ACLPlugin.Settings(
                    path: folder + "/vmq.acl", reloadInterval: 0, isNamed: false, manners: .init(),
                    maximumDepth: 10)
            ))
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let broker = Broker(settings: BrokerSettings(), loopCount: 2, log: log)
        let box = SettingsBox(settings.withLock { $0 })
        registry = PluginRegistry(
            [
                ACLPlugin(log: log) { box.value.withLock { $0.acl } },
                PasswordPlugin(log: log) { box.value.withLock { $0.passwd } },
            ], broker: broker, log: log)
        try registry.start(plugins.map { PluginRegistry.Wanted($0, priority: nil) })
        runtime = try BrokerRuntime(broker: broker)
        try runtime.start()
        let target = runtime
        try registry.run { target.setHooks($0) }
        port = try runtime.listen(ListenerFacts(name: "test"), on: ListenAddress(parsing: "127.0.0.1:0")).port
        self.box = box
    }

    private let box: SettingsBox

    final class SettingsBox: Sendable {
        let value: Mutex<(passwd: PasswordPlugin.Settings, acl: ACLPlugin.Settings)>
        init(_ value: (passwd: PasswordPlugin.Settings, acl: ACLPlugin.Settings)) {
            self.value = Mutex(value)
        }
    }

    func change(_ body: @Sendable (inout (passwd: PasswordPlugin.Settings, acl: ACLPlugin.Settings)) -> Void)
    {
        box.value.withLock { body(&$0) }
        registry.settingsChanged()
    }

    func running(_ name: String) -> PluginRegistry.Running? { registry.running.first { $0.name == name } }

    /// Waits until a file was read so often.
    func waitForLoads(_ name: String, _ count: UInt64) -> Bool {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if let loads = running(name)?.file?.loads, loads >= count { return true }
        }
        return false
    }

    deinit {
        runtime.stop()
        registry.stop()
        FileFolder.remove(folder)
    }

    /// The code of CONNACK.
    func connect(
        _ user: String?, _ password: String?, id: UTF8Text = "c", version: ProtocolVersion = .v5
    ) throws -> (client: TestClient, code: UInt8) {
        let client = try TestClient(port: port, version: version)
        var packet = ConnectPacket(version: version, clientID: id)
        packet.userName = user.map { UTF8Text($0) }
        packet.password = password.map { Array($0.utf8) }
        try client.send(.connect(packet))
        guard case .connack(let connack) = try client.receive() else {
            Issue.record("no CONNACK")
            return (client, 255)
        }
        return (client, connack.code)
    }
}

private struct Unexpected: Error {}

/// Folders for the files of a test.
private enum FileFolder {
    static func make() throws -> String {
        var name = Array("/tmp/plugins-XXXXXX".utf8CString)
        let isMade = mkdtemp(&name) != nil
        try #require(isMade)
        return String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func write(_ text: String, _ path: String) throws {
        let file = try #require(fopen(path + ".new", "w"))
        fputs(text, file)
        fclose(file)
        #expect(rename(path + ".new", path) == 0)
    }

    static func remove(_ path: String) {
        for name in ["vmq.passwd", "vmq.acl", "other.acl"] { unlink(path + "/" + name) }
        rmdir(path)
    }
}

/// The plugins for files in a broker with real loops.
@Suite struct PluginRegistryTests {
    private static func line(_ user: String, _ password: String) throws -> String {
        var file = PasswordFile()
        try file.set(UTF8Text(user), PasswordHash(of: Array(password.utf8)))
        return String(decoding: file.bytes, as: UTF8.self)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `who is in the password file gets in with the right password alone`(_ version: ProtocolVersion)
        throws
    {
        let broker = try GuardedBroker(passwords: Self.line("ada", "secret") + "broken\n", rules: "topic #\n")
        let isV5 = version == .v5
        #expect(try broker.connect("ada", "secret", version: version).code == 0)
        #expect(try broker.connect("ada", "wrong", version: version).code == (isV5 ? 0x86 : 4))
        #expect(try broker.connect("bob", "secret", version: version).code == (isV5 ? 0x86 : 5))
        #expect(try broker.connect(nil, nil, version: version).code == (isV5 ? 0x86 : 5))
        #expect(try broker.connect("ada", nil, version: version).code == (isV5 ? 0x86 : 5))
        let running = try #require(broker.running("vmq_passwd"))
        #expect(running.file?.entries == 1)
        #expect(running.file?.badLines == 1)
        let point: HookPoint = isV5 ? .authOnRegisterM5 : .authOnRegister
        let reading = try #require(zip(running.points, running.readings).first { $0.0 == point }?.1)
        #expect(reading[.allowed] == 1)
        #expect(reading[.refused] == 1)
        #expect(reading[.next] == 3)
        #expect(reading[.later] == 2)
        #expect(reading.calls == 5)
        #expect(reading.outstanding == 0)
    }

    @Test func `rules decide about messages, subscriptions and wills`() throws {
        let broker = try GuardedBroker(
            passwords: Self.line("ada", "a"), rules: "topic read t/#\nuser ada\ntopic write t/ada\n")
        let client = try broker.connect("ada", "a").client
        try client.send(
            .subscribe(
                SubscribePacket(
                    packetIdentifier: 1, filters: [SubscribeFilter("t/#", qos: .atLeastOnce)])))
        guard case .suback(let granted) = try client.receive() else { throw Unexpected() }
        #expect(granted.codes == [1])
        // One filter that is not allowed refuses all of a packet, as in VerneMQ.
        try client.send(
            .subscribe(
                SubscribePacket(
                    packetIdentifier: 2,
                    filters: [
                        SubscribeFilter("t/1", qos: .atLeastOnce), SubscribeFilter("u", qos: .atLeastOnce),
                    ])))
        guard case .suback(let refused) = try client.receive() else { throw Unexpected() }
        #expect(refused.codes == [0x87, 0x87])
        try client.send(
            .publish(
                PublishPacket(
                    topic: "t/bob", payload: [1], qos: .atLeastOnce,
                    packetIdentifier: PacketIdentifier(rawValue: 3))))
        guard case .puback(let puback) = try client.receive() else { throw Unexpected() }
        #expect(puback.reasonCode == .notAuthorized)
        try client.send(.publish(PublishPacket(topic: "t/ada", payload: [2])))
        guard case .publish(let message) = try client.receive() else { throw Unexpected() }
        #expect(message.payload == [2])

        let other = try TestClient(port: broker.port, version: .v5)
        var packet = ConnectPacket(version: .v5, clientID: "w")
        packet.userName = "ada"
        packet.password = Array("a".utf8)
        packet.will = WillPacketFields(qos: .atMostOnce, isRetained: false, topic: "t/bob", payload: [])
        try other.send(.connect(packet))
        guard case .connack(let connack) = try other.receive() else { throw Unexpected() }
        #expect(connack.code == ReasonCode.notAuthorized.rawValue)
    }

    @Test func `a file that has changed is read again, and one that is gone changes nothing`() throws {
        let broker = try GuardedBroker(passwords: Self.line("ada", "a"), rules: "topic a\n")
        let client = try broker.connect("ada", "a").client
        func publish(_ topic: UTF8Text) throws -> ReasonCode? {
            try client.send(
                .publish(
                    PublishPacket(
                        topic: topic, payload: [1], qos: .atLeastOnce,
                        packetIdentifier: PacketIdentifier(rawValue: 3))))
            guard case .puback(let packet) = try client.receive() else { return nil }
            return packet.reasonCode
        }
        #expect(try publish("a")?.isError == false)
        #expect(try publish("b") == .notAuthorized)
        try FileFolder.write("topic b\n", broker.folder + "/other.acl")
        broker.change { $0.acl.path = $0.acl.path.replacing("vmq.acl", with: "other.acl") }
        #expect(broker.waitForLoads("vmq_acl", 2))
        while try publish("a")?.isError == false {}  // until its loop has the letter
        #expect(try publish("a") == .notAuthorized)
        #expect(try publish("b")?.isError == false)
        broker.change { $0.acl.path = "/nowhere" }
        while broker.running("vmq_acl")?.file?.failures == 0 {}
        #expect(try publish("b")?.isError == false)
        #expect(broker.running("vmq_acl")?.file?.entries == 1)
    }

    @Test func `plugins come and go while the broker runs`() throws {
        let broker = try GuardedBroker(passwords: Self.line("ada", "a"), rules: "topic #\n", ["vmq_passwd"])
        #expect(broker.registry.running.map(\.name) == ["vmq_passwd"])
        #expect(throws: PluginError("already_enabled")) { try broker.registry.enable("vmq_passwd") }
        #expect(throws: PluginError("plugin_not_found")) { try broker.registry.enable("nosuch") }
        #expect(throws: PluginError("plugin_not_found")) { try broker.registry.disable("nosuch") }
        try broker.registry.enable("vmq_acl")
        // One that is enabled later is asked last.
        #expect(broker.registry.running.map(\.name) == ["vmq_passwd", "vmq_acl"])
        #expect(
            broker.running("vmq_acl")?.points == [
                .authOnPublish, .authOnSubscribe, .authOnPublishM5, .authOnSubscribeM5,
            ])
        try broker.registry.disable("vmq_passwd")
        #expect(broker.registry.running.map(\.name) == ["vmq_acl"])
        // Nobody says who may come in.
        let end = ContinuousClock.now + .seconds(60)
        while try broker.connect("ada", "a").code == 0, ContinuousClock.now < end {}
        #expect(try broker.connect("ada", "a").code == 0x86)
    }

    @Test func `those with a priority come first, then the others by name`() throws {
        final class Named: Plugin {
            let name: String
            let hook: (any Hook)? = nil
            let work: HookWorker.Reading? = nil
            let file: PluginFileReading? = nil
            init(_ name: String) { self.name = name }
            func start(isStrict: Bool) throws(PluginError) { if name == "bad" { throw PluginError("no") } }
            func look() -> Bool { false }
            func stop() {}
        }
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let broker = Broker(settings: BrokerSettings(), loopCount: 1, log: log)
        let registry = PluginRegistry(
            ["a", "b", "c", "d", "bad"].map { Named($0) }, broker: broker, log: log)
        try registry.start([
            .init("b", priority: nil), .init("a", priority: nil), .init("d", priority: 1),
            .init("c", priority: 7),
        ])
        #expect(registry.running.map(\.name) == ["d", "c", "a", "b"])
        let other = PluginRegistry([Named("a"), Named("bad")], broker: broker, log: log)
        #expect(throws: PluginError("plugins.bad: no")) {
            try other.start([.init("a", priority: nil), .init("bad", priority: nil)])
        }
        #expect(other.running.isEmpty)
        #expect(throws: PluginError.self) { try registry.start([.init("nosuch", priority: nil)]) }
    }

    @Test func `a file that the operator has named must be there at the start`() throws {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        func plugin(_ isNamed: Bool) -> ACLPlugin {
            ACLPlugin(log: log) {
                ACLPlugin.Settings(
                    path: "/nowhere", reloadInterval: 0, isNamed: isNamed, manners: .init(), maximumDepth: 10)
            }
        }
        #expect(throws: PluginError("/nowhere: No such file or directory")) {
            try plugin(true).start(isStrict: true)
        }
        let without = plugin(false)
        try without.start(isStrict: true)
        #expect(without.hook != nil)
        without.stop()
    }
}
