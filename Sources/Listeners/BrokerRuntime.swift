package import BrokerCore
import BrokerMetrics
import Glibc
import Logging
import Primitives
import Synchronization
package import Transport

/// The broker with its loops and listeners, running.
package final class BrokerRuntime: Sendable {
    /// The broker that the loops serve.
    package let broker: Broker
    /// How other threads reach the loops.
    package let directory: LoopDirectory
    private let group: LoopGroup
    let listeners = Mutex<[RunningListener]>([])
    let deletedListeners = Mutex(DeletedListeners())
    /// Held while a listener changes, its letters to the loops included.
    let changing = ChangeLock()
    let log: Logger
    private let draining = Atomic<Bool>(false)
    /// What the listeners share.
    package let limits: SharedLimits
    let inherited: InheritedSockets

    /// Makes the loops; nothing runs yet.
    ///
    /// - Parameter inherited: sockets that listen already, for listeners on their addresses.
    package init(
        broker: Broker, loopSettings: LoopSettings = LoopSettings(), limits: SharedLimits = SharedLimits(),
        inherited: InheritedSockets = InheritedSockets()
    ) throws(TransportError) {
        self.inherited = inherited
        self.broker = broker
        self.limits = limits
        log = broker.log
        let directory = LoopDirectory(loopCount: broker.loopCount)
        self.directory = directory
        group = try LoopGroup(
            count: broker.loopCount, settings: loopSettings, clock: broker.clock, logger: broker.log
        ) { loop in
            BrokerLoop(loop, broker: broker, directory: directory)
        }
        directory.connect(to: group.handles)
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

    /// Wills of clients that were connected as the broker crashed.
    package func restore(_ wills: [StoredWill]) {
        var byLoop = [[StoredWill]](repeating: [], count: broker.loopCount)
        for will in wills { byLoop[broker.homeLoop(of: will.subscriber)].append(will) }
        let found = byLoop
        run(on: found.indices.filter { !found[$0].isEmpty }) { shard in shard.restore(found[shard.index]) }
    }

    /// Everything has been restored: what was due meanwhile happens now, and is committed.
    ///
    /// - Parameter patience: how long the store may take for that before the broker starts all the same.
    /// - Returns: false when it took longer.
    @discardableResult
    package func finishRestoring(patience: Duration = .seconds(10)) -> Bool {
        let end = ContinuousClock.now + patience
        var busy = Array(0..<broker.loopCount)
        while true {
            busy = run(on: busy) { $0.startRestored() }
            if busy.isEmpty { return true }
            if ContinuousClock.now >= end { return false }
            usleep(500)
        }
    }

    /// Runs `work` on loops and waits for it.
    private func run(on loops: [Int], _ work: @escaping @Sendable (Shard) -> Void) {
        _ = run(on: loops) { shard -> Bool in
            work(shard)
            return true
        }
    }

    /// - Returns: the loops on which `work` said false.
    private func run(on loops: [Int], _ work: @escaping @Sendable (Shard) -> Bool) -> [Int] {
        let done = BlockingQueue<(loop: Int, isDone: Bool)>()
        for loop in loops {
            directory.mailboxes[loop].post(.core(.run { done.put(($0.index, work($0))) }))
        }
        var missing = loops.count
        var unfinished: [Int] = []
        var answers: ContiguousArray<(loop: Int, isDone: Bool)> = []
        while missing > 0, done.take(into: &answers) {
            missing -= answers.count
            unfinished += answers.filter { !$0.isDone }.map(\.loop)
            answers.removeAll(keepingCapacity: true)
        }
        return unfinished
    }

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
        directory.post(.publishWills)
        guard wait(until: { directory.areWillsPublished }) else { return false }
        directory.post(.drain)
        return wait { directory.isDrained }
    }

    /// True from the call of `drain` on.
    package var isDraining: Bool { draining.load(ordering: .relaxed) }

    /// Ends the loops. What has not been sent is lost.
    package func stop() {
        group.stop()
        group.join()
        for listener in runningListeners where !listener.isSuspended { listener.bound.removeSocketFile() }
    }
}
