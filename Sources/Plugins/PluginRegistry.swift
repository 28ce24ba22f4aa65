package import BrokerCore
import BrokerLog
package import Logging
import Primitives
import Synchronization

/// The plugins of the broker: which there are, which are asked, in which order.
///
///     available:  vmq_acl   vmq_passwd   …             made once, started and stopped
///     running:    [ vmq_acl, vmq_passwd ]  ──hooks──→  Broker, and each loop (`Shard.setHooks`)
///
/// When the broker starts, plugins with a priority come first, lowest first, then the others by their names. One that is
/// enabled later is asked last. A thread looks once a second whether what plugins go by has changed.
package final class PluginRegistry: Sendable {
    private struct State {
        var running: [any Plugin] = []
        var isStopped = false
    }

    private let available: [any Plugin]
    let broker: Broker
    private let log: Logger
    private let state = Mutex(State())
    /// Held over starting and stopping, which may take long; not by whoever reads.
    private let changes = Mutex(())
    private let orders = BlockingQueue<Bool>()
    private let thread = Mutex<WorkerThread?>(nil)
    /// Gives the hooks to the loops that run.
    private let publish = Mutex<Publishing?>(nil)

    /// A closure of its own in a mutex would be wrapped once more with each reading, until a call of it overflows the stack.
    private struct Publishing: Sendable {
        let run: @Sendable ([any Hook]) -> Void
    }

    /// - Parameter available: all plugins that there are.
    package init(_ available: [any Plugin], broker: Broker, log: Logger) {
        self.available = available
        self.broker = broker
        self.log = log
    }

    // MARK: The start

    /// A plugin to be started with the broker.
    package struct Wanted: Sendable {
        let name: String
        let priority: Int?

        package init(_ name: String, priority: Int?) {
            self.name = name
            self.priority = priority
        }
    }

    /// Starts plugins with the broker, before there are loops.
    ///
    /// - Throws: when one cannot be started: the broker would be more open than it is to be.
    package func start(_ wanted: [Wanted]) throws(PluginError) {
        let inOrder = wanted.sorted { left, right in
            switch (left.priority, right.priority) {
            case (let first?, let second?): (first, left.name) < (second, right.name)
            case (nil, nil): left.name < right.name
            case (let first, _): first != nil
            }
        }
        for one in inOrder {
            guard let plugin = available.first(where: { $0.name == one.name }) else {
                throw PluginError("plugins.\(one.name): this build has no such plugin")
            }
            do throws(PluginError) {
                try plugin.start(isStrict: true)
            } catch {
                stopAll()
                throw PluginError("plugins.\(one.name): \(error.reason)")
            }
            state.withLock { $0.running.append(plugin) }
        }
        broker.register(hooks)
    }

    /// Gives the hooks to loops from now on, and begins to look for changes.
    ///
    /// - Parameter publish: posts the hooks to each loop.
    package func run(_ publish: @escaping @Sendable ([any Hook]) -> Void) throws(PluginError) {
        self.publish.withLock { $0 = Publishing(run: publish) }
        do throws(ThreadError) {
            let made = try WorkerThread(name: "plugins") { [self] in
                var batch: ContiguousArray<Bool> = []
                while orders.take(into: &batch, milliseconds: 1000) {
                    batch.removeAll(keepingCapacity: true)
                    lookForChanges()
                }
            }
            thread.withLock { $0 = made }
        } catch {
            throw PluginError("no thread for plugins (errno \(error.errorNumber))")
        }
    }

    /// Settings have changed: plugins look at once. Any thread; never waits.
    package func settingsChanged() { orders.put(true) }

    /// Ends all plugins.
    package func stop() {
        orders.close()
        let running = thread.withLock { $0.take() }
        running?.join()
        state.withLock { $0.isStopped = true }
        stopAll()
    }

    private func stopAll() {
        let running = state.withLock { state in
            defer { state.running = [] }
            return state.running
        }
        for plugin in running.reversed() { plugin.stop() }
    }

    private func lookForChanges() {
        changes.withLock { _ in
            var hasChanged = false
            for plugin in state.withLock({ $0.running }) where plugin.look() { hasChanged = true }
            if hasChanged { publishHooks() }
        }
    }

    private var hooks: [any Hook] { state.withLock { $0.running }.compactMap(\.hook) }

    private func publishHooks() {
        let hooks = hooks
        broker.register(hooks)
        broker.forgetDecisions()
        publish.withLock { $0 }?.run(hooks)
    }

    // MARK: Operators

    /// Starts a plugin; it is asked after the others. Not on a loop: it may read files.
    package func enable(_ name: String) throws(PluginError) {
        try change { () throws(PluginError) in
            guard let plugin = available.first(where: { $0.name == name }) else {
                throw PluginError("plugin_not_found")
            }
            let running = state.withLock { $0.running }
            guard !running.contains(where: { $0.name == name }) else { throw PluginError("already_enabled") }
            try plugin.start(isStrict: false)
            state.withLock { $0.running.append(plugin) }
            publishHooks()
            log.notice("plugin started", metadata: ["plugin": "\(name)"])
        }
    }

    /// Stops a plugin. Sessions are subject to the others from their next question on.
    package func disable(_ name: String) throws(PluginError) {
        try change { () throws(PluginError) in
            let stopped = state.withLock { state -> (any Plugin)? in
                guard let index = state.running.firstIndex(where: { $0.name == name }) else { return nil }
                return state.running.remove(at: index)
            }
            guard let stopped else { throw PluginError("plugin_not_found") }
            publishHooks()
            stopped.stop()
            log.notice("plugin stopped", metadata: ["plugin": "\(name)"])
        }
    }

    private func change(_ body: () throws(PluginError) -> Void) throws(PluginError) {
        let failure = changes.withLock { _ -> PluginError? in
            guard !state.withLock({ $0.isStopped }) else { return PluginError("the broker ends") }
            do throws(PluginError) {
                try body()
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    // MARK: What is shown

    /// A plugin that runs.
    package struct Running: Sendable {
        package let name: String
        /// Its hooks, in the order of VerneMQ's tables.
        package let points: [HookPoint]
        /// What each was asked; in the order of `points`.
        package let readings: [HookReading]
        package let work: HookWorker.Reading?
        package let file: PluginFileReading?
    }

    /// Those that run, in the order in which they are asked.
    package var running: [Running] {
        let readings = broker.tallies.readings
        return state.withLock { $0.running }.map { plugin in
            let points = (plugin.hook?.points ?? []).sorted { $0.tableOrder < $1.tableOrder }
            return Running(
                name: plugin.name, points: points,
                readings: points.map { point in
                    readings.first { $0.plugin == plugin.name && $0.point == point }?.reading ?? HookReading()
                }, work: plugin.work, file: plugin.file)
        }
    }

    /// The names of all plugins that there are.
    package var names: [String] { available.map(\.name) }
}

extension HookPoint {
    /// VerneMQ's tables have hooks of MQTT 3 first, then those of MQTT 5, then those of queues.
    fileprivate var tableOrder: Int {
        let order: [HookPoint] = [
            .authOnRegister, .authOnPublish, .authOnSubscribe, .onRegister, .onPublish, .onSubscribe,
            .onUnsubscribe, .onDeliver, .authOnRegisterM5, .authOnPublishM5, .authOnSubscribeM5,
            .onRegisterM5,
            .onPublishM5, .onSubscribeM5, .onUnsubscribeM5, .onDeliverM5, .onAuthM5, .onOfflineMessage,
        ]
        return order.firstIndex(of: self) ?? order.count + index
    }
}
