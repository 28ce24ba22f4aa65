import BrokerCore
import BrokerMetrics
import Listeners
import Logging
import MQTTCodec
import Primitives
import Storage
import Synchronization
import TestSupport
import Transport

/// A broker with real loops and a listener on a port of its own. Stops when it goes out of use.
final class TestBroker: Sendable {
    let runtime: BrokerRuntime
    let port: UInt16
    let registry: MetricsRegistry
    private let isRunning = Atomic<Bool>(true)

    /// - Parameters:
    ///   - clock: that of the loops, which look at it when something wakes them.
    ///   - turnBudget: nanoseconds of a turn; 0 = all work is done in the smallest slices.
    ///   - sendTimeout: after which a client that takes nothing is cut.
    ///   - store: what it holds comes back as at a start of the broker.
    init(
        loops: Int = 2, turnBudget: UInt64 = LoopSettings().turnBudgetNanoseconds, hooks: [any Hook] = [],
        store: any MessageStore = MemoryMessageStore(), clock: any Clock = SystemClock(),
        listener: ListenerFacts = ListenerFacts(name: "test"),
        maxConnections: Int = .max, sendTimeout: Duration? = nil, overLimit: OverLimitAction = .refuse,
        limits: SharedLimits = SharedLimits(), policy: StreamPolicy = StreamPolicy(),
        _ change: (inout BrokerSettings) -> Void = { _ in }
    ) throws {
        var settings = BrokerSettings()
        settings.allowsAnonymous = true
        settings.allowsAllTopics = true
        change(&settings)
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var loopSettings = LoopSettings()
        loopSettings.turnBudgetNanoseconds = turnBudget
        if let sendTimeout {
            loopSettings.sendTimeoutNanoseconds = UInt64(sendTimeout / .nanoseconds(1))
            loopSettings.deadlineCheckNanoseconds = loopSettings.sendTimeoutNanoseconds / 4
        }
        runtime = try BrokerRuntime(
            broker: Broker(
                settings: settings, loopCount: loops, store: store, hooks: hooks, clock: clock, log: log),
            loopSettings: loopSettings, limits: limits)
        registry = MetricsRegistry(
            version: "test", catalog: .full(runtime.directory.exchanges.count))
        for exchange in runtime.directory.exchanges { registry.add(loop: exchange) }
        try runtime.start()
        try Self.restore(store, into: runtime, registry)
        port = try runtime.listen(
            listener, on: ListenAddress(parsing: "127.0.0.1:0"),
            ListenerAccess(policy: policy, maxConnections: maxConnections, overLimit: overLimit)
        ).port
    }

    deinit { stop() }

    /// Ends the loops; the store gets what was open.
    func stop() {
        if isRunning.exchange(false, ordering: .relaxed) { runtime.stop() }
    }

    private static func restore(
        _ store: any MessageStore, into runtime: BrokerRuntime, _ registry: MetricsRegistry
    ) throws {
        if let store = store as? ManualStore {
            let contents = store.contents
            try registry.register(StoreMetrics.room) {
                $0.add(StoreMetrics.rows, ["kind": "copies"], store.contents.copyCount)
            }
            runtime.restore(ManualStore.sessions(in: contents))
            runtime.restore(Array(contents.wills.values))
            for message in contents.retained.values { runtime.restore(retained: message) }
            runtime.broker.goOn(
                afterMessage: contents.copies.values.flatMap(\.keys).max() ?? 0,
                session: max(contents.sessions.keys.max() ?? 0, contents.wills.keys.max() ?? 0))
        } else if let store = store as? LevelDBMessageStore {
            try registry.register(StoreMetrics.room) { store.read(&$0) }
            let result = try store.recover(progress: { _ in }) {
                runtime.restore($0)
            } wills: {
                runtime.restore($0)
            } retained: {
                runtime.restore(retained: $0)
            }
            runtime.broker.goOn(afterMessage: result.lastMessage, session: result.lastSession)
            try store.start()
        } else {
            return
        }
        runtime.finishRestoring()
    }

    /// What all loops know of the listener.
    var listenerState: ListenerState { runtime.runningListeners[0].state }

    func client(_ version: ProtocolVersion = .v311) throws -> TestClient {
        try TestClient(port: port, version: version)
    }

    /// A client that has connected.
    func client(
        _ id: UTF8Text, _ version: ProtocolVersion = .v311, clean: Bool = true,
        properties: Properties = Properties()
    ) throws -> TestClient {
        let client = try client(version)
        try client.connect(id, clean: clean, properties: properties)
        return client
    }

    /// A client id whose home is `loop`.
    func id(on loop: Int, _ name: String) -> UTF8Text {
        for number in 0... {
            let id = UTF8Text("\(name)-\(number)")
            let subscriber = SubscriberID(mountpoint: .default, clientID: id)
            if runtime.broker.homeLoop(of: subscriber) == loop { return id }
        }
        return ""
    }

    /// All loops' numbers at this moment.
    var numbers: Snapshot { registry.snapshot(deadline: .seconds(10)) }

    /// Waits until the numbers satisfy `condition`: what a client sees comes before what the loop counts next.
    func wait(seconds: Int = 60, for condition: (Snapshot) -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if condition(numbers) { return true }
        }
        return false
    }

    /// Waits while time passes, a tenth of a second between two looks.
    func wait(_ clock: any PassingClock, for condition: (Snapshot) -> Bool) -> Bool {
        wait { numbers in
            if condition(numbers) { return true }
            clock.pass(milliseconds: 100)
            return false
        }
    }

    /// Sends all clients away while time passes: those that do not take what waits for them, or do not close, are
    /// waited for.
    func drain(_ clock: any PassingClock) -> Bool {
        runtime.drain(timeout: .seconds(10)) {
            pass(clock, milliseconds: 100)
            return false
        }
    }

    /// Time passes in steps that every loop sees: at once, it would be time in which nobody looked.
    func pass(_ clock: any PassingClock, milliseconds: Int64) {
        let steps = max(10, milliseconds / 250)
        for step in 1...steps {
            clock.pass(milliseconds: milliseconds * step / steps - milliseconds * (step - 1) / steps)
            _ = numbers
        }
    }

    /// Every message is accounted for: each equation of the ledger comes out at 0.
    var isBalanced: Bool {
        wait { numbers in LedgerEquation.allCases.allSatisfy { numbers.residual($0) == 0 } }
    }
}
