package import BrokerCore
import BrokerMetrics
import Glibc
import Logging
import Primitives
import Synchronization
package import Transport

/// The broker with its loops and listeners, running.
package final class BrokerRuntime: Sendable {
    package let broker: Broker
    package let doors: LoopDoors
    private let group: LoopGroup
    private let listeners = Mutex<[RunningListener]>([])
    private let log: Logger
    private let draining = Atomic<Bool>(false)
    /// What the listeners share.
    package let limits: SharedLimits

    /// Makes the loops; nothing runs yet.
    package init(
        broker: Broker, loopSettings: LoopSettings = LoopSettings(), limits: SharedLimits = SharedLimits()
    ) throws(TransportError) {
        self.broker = broker
        self.limits = limits
        log = broker.log
        let doors = LoopDoors(loopCount: broker.loopCount)
        self.doors = doors
        group = try LoopGroup(
            count: broker.loopCount, settings: loopSettings, clock: broker.clock, logger: broker.log
        ) { loop in
            BrokerLoop(loop, broker: broker, doors: doors)
        }
        doors.connect(to: group.handles)
    }

    /// Starts the loops' threads.
    package func start() throws(TransportError) { try group.start() }

    // MARK: What is in the store

    /// Brings sessions back that were found in the store, each on its home loop; waits until they are there, so that
    /// reading the store does not run ahead. After `start`, before `listen`.
    package func restore(_ sessions: [RestoredSession]) {
        var byLoop = [[RestoredSession]](repeating: [], count: broker.loopCount)
        for session in sessions { byLoop[broker.homeLoop(of: session.session.subscriber)].append(session) }
        let found = byLoop
        run(on: found.indices.filter { !found[$0].isEmpty }) { shard in shard.restore(found[shard.index]) }
    }

    /// A message that was found in the store as the retained one of its topic.
    package func restore(retained message: ApplicationMessage) {
        broker.retained.set(
            message.topic, mountpoint: message.facts.mountpoint, message: message,
            byteCount: message.byteCount)
    }

    /// Everything has been restored: what was due meanwhile happens now.
    package func finishRestoring() { run(on: Array(0..<broker.loopCount)) { $0.startRestored() } }

    /// Runs `work` on loops and waits for it.
    private func run(on loops: [Int], _ work: @escaping @Sendable (Shard) -> Void) {
        let done = BlockingQueue<Int>()
        for loop in loops {
            doors.mailboxes[loop].post(
                .core(
                    .run { shard in
                        work(shard)
                        done.put(shard.index)
                    }))
        }
        var missing = loops.count
        var finished: ContiguousArray<Int> = []
        while missing > 0, done.take(into: &finished) {
            missing -= finished.count
            finished.removeAll(keepingCapacity: true)
        }
    }

    // MARK: Listeners

    /// Opens a listener on every loop.
    ///
    /// - Parameters:
    ///   - maxConnections: `.max` = no limit.
    ///   - overLimit: what happens to further clients.
    /// - Returns: the address it really listens on, which tells the port when 0 was asked for.
    package func listen(
        _ facts: ListenerFacts, on address: ListenAddress, maxConnections: Int = .max,
        overLimit: OverLimitAction = .refuse, options: ListenOptions = ListenOptions()
    ) throws(TransportError) -> ListenAddress {
        let bound = try bindListener(address: address, loops: broker.loopCount, options: options)
        let state = ListenerState(
            name: facts.name, maxConnections: maxConnections, action: overLimit, shared: limits)
        listeners.withLock {
            $0.append(RunningListener(facts: facts, address: bound.address, state: state, bound: bound))
        }
        doors.post(.listen(bound, state, facts))
        log.info(
            "listening",
            metadata: ["listener": "\(facts.name)", "address": "\(bound.address)", "protocol": "mqtt"])
        return bound.address
    }

    /// The listeners in the order in which they were opened.
    package var runningListeners: [RunningListener] { listeners.withLock { $0 } }

    /// Stops accepting, tells every client that the broker goes (v5: 0x8B), sends what waits, and closes.
    ///
    /// - Parameters:
    ///   - timeout: how long clients may take to read what waits for them.
    ///   - isUrgent: asked meanwhile; true ends the wait.
    /// - Returns: false when the time was over first.
    package func drain(timeout: Duration, isUrgent: () -> Bool = { false }) -> Bool {
        draining.store(true, ordering: .relaxed)
        let end = ContinuousClock.now + timeout
        func wait(until isDone: () -> Bool) -> Bool {
            while !isDone() {
                if isUrgent() || ContinuousClock.now >= end { return false }
                usleep(2000)
            }
            return true
        }
        // Wills first: a subscriber that has been sent away gets none.
        doors.post(.publishWills)
        guard wait(until: { doors.areWillsPublished }) else { return false }
        doors.post(.drain)
        return wait { doors.isDrained }
    }

    /// True from the call of `drain` on.
    package var isDraining: Bool { draining.load(ordering: .relaxed) }

    /// Ends the loops. What has not been sent is lost.
    package func stop() {
        group.stop()
        group.join()
        for listener in runningListeners { listener.bound.removeSocketFile() }
    }
}

/// A listener and what it has to show.
package struct RunningListener: Sendable {
    package let facts: ListenerFacts
    package let address: ListenAddress
    package let state: ListenerState
    let bound: BoundListener
}
