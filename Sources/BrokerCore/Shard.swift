import BrokerLog
package import BrokerMetrics
package import Logging
import MQTTCodec
package import Primitives

/// One loop's part of the broker: the sessions that live on it and all that only they touch. Nothing here is
/// locked, and nothing here does I/O: packets go into output buffers, and everything else through `Ports`.
///
/// It has a part for each task:
///
///     sessions   who lives here            routing   to whom a message goes      outbox, storage   what is stored
///     timers     when something is due     work      what takes several turns    overload          who is not read
package final class Shard {
    /// What all loops share.
    package let broker: Broker
    /// The number of its loop, from 0.
    package let index: Int
    /// The counters of its loop.
    package let counters: LoopCounters
    /// How it reaches the other loops.
    package let links: ShardLinks
    /// Replaced as a whole when the operator changes one of them.
    package internal(set) var settings: BrokerSettings
    /// Replaced as a whole when a plugin comes or goes.
    package internal(set) var hooks: HookChains
    var questions: HookQuestions
    var permits = PermitCache()
    /// Whether a listener names the plugins that its clients are subject to.
    var hasChoosingListener = false
    /// Whether a PUBLISH has to be authorised.
    var asksAboutPublishes = true
    /// The time of this turn.
    package internal(set) var now: MonotonicTime
    var absence = ClientAbsence()
    /// The timers of its loop.
    package var timers: ShardTimers
    var sessions: SessionTable
    var routing: RoutingState
    var packets = PacketScratch()
    var work = DeferredWork()
    var overload = Overload()
    var walks = ShardWalks()
    var clientLog = ClientLog()
    /// Messages are lost because what waits for a client takes `queue_memory`.
    let queueMemory: Episode
    /// The subscriber of the broker's own probes (`PathProbe.swift`); nil until somebody probes.
    var pathProbe: Session?
    var watches = Watches()
    var residence = Residence()
    /// Whether anything is kept.
    let isStoring: Bool
    let outbox: StoreOutbox
    var storage: StorageState

    /// The part of the broker that lives on loop `index`.
    package init(
        _ broker: Broker, index: Int, counters: LoopCounters, links: ShardLinks, now: MonotonicTime
    ) {
        self.broker = broker
        self.index = index
        self.counters = counters
        self.links = links
        self.now = now
        settings = broker.settings
        hooks = HookChains(broker.registeredHooks, broker.tallies, loop: index)
        let post = links.post
        questions = HookQuestions(
            HookAnswerCheck(broker.settings, counters, broker.log),
            HookDoor { post(.hookReply($0, $1), index) })
        timers = ShardTimers(start: now)
        sessions = SessionTable(loop: index)
        routing = RoutingState(
            broker.subscriptions, loopCount: broker.loopCount,
            random: RandomNumbers(seed: now.nanoseconds &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15))
        queueMemory = Episode(
            broker.log, began: "what waits for a client takes all memory that it may: messages are lost",
            ended: "what waits for clients takes less memory than it may again",
            limit: "queue_memory", ["loop": .stringConvertible(index)])
        isStoring = broker.store.isDurable
        outbox = StoreOutbox(loopCount: broker.loopCount)
        defer { lookWhoAuthorizes() }
        let mark = max(1 << 16, broker.settings.store.backlogByteCount / broker.loopCount)
        storage = StorageState(queue: StoreQueue(mark: mark), dueLookAt: now.adding(seconds: 1))
        if settings.retainedExpirySweepInterval > 0, index == 0 {
            timers.add(.retainedSweep, at: now.adding(seconds: settings.retainedExpirySweepInterval))
        }
    }

    /// The log.
    package var log: Logger { broker.log }

    // MARK: The turn

    /// A turn begins: fires what is due, as far as the turn's time goes. What is left comes first in the next turn.
    package func turnBegan(_ now: MonotonicTime, isTurnOver: () -> Bool) {
        self.now = now
        routing.copyBudget = FanOutQueue.copiesPerTurn
        timers.advance(to: now)
        var fired = 0
        while let token = timers.popDue() {
            fire(token)
            fired += 1
            if fired & 3 == 0, isTurnOver() { break }
        }
        if timers.needsPruning {
            timers.prune { [sessions] token in
                guard let owner = token.owner else { return false }
                guard let session = sessions[owner.session] else { return true }
                return owner.epoch.map { $0 != session.epoch } ?? false
            }
        }
        if isStoring, index == 0, now >= storage.dueLookAt { askForDueMessages() }
        if overload.isPending { lookAtOverload() }
    }

    /// A turn ends: works on what was left for later, as far as the turn's time goes, then posts what other loops are
    /// to get.
    package func turnEnded(isTurnOver: () -> Bool = { true }) {
        if !work.isEmpty { continueDeferred(isTurnOver: isTurnOver) }
        postDeliveries()
        if isStoring { storeTurnEnded() }
        sessions.forgetRemoved()
    }

    /// Sets the gauges that nobody keeps, when somebody asks for them.
    package func refreshGauges() {
        counters.set(.timersWaiting, to: timers.count)
        counters.set(.routerCacheEntries, to: routing.routes.count)
        counters.set(.deferredJobsWaiting, to: work.count)
        counters.set(.fanOutsWaiting, to: routing.fanOuts.count)
        setStoreGauges()
        counters.set(.routerCacheBytes, to: routing.routes.byteCount)
        counters.set(.hookPermitBytes, to: permits.byteCount)
        queueMemory.endIfQuiet(for: .seconds(10))
    }

    /// How long the loop may sleep; nil = until something happens, 0 = work is left.
    package func sleepLimitNanoseconds(_ now: MonotonicTime) -> UInt64? {
        if !work.isEmpty || timers.hasDue { return 0 }
        if overload.isOn { return 1_000_000 }
        let limit = isStoring ? storeSleepLimit(now) : nil
        return timers.nanosecondsUntilNext(from: now, limit: limit ?? 10_000_000_000) ?? limit
    }

    /// - Parameter isTurnOver: asked now and then while a letter is long.
    /// - Returns: false when a part of the letter is left for the next turn: call again with it then.
    package func receive(_ letter: CoreLetter, isTurnOver: () -> Bool) -> Bool {
        switch letter {
        case .deliveries(let batch): return deliver(batch, isTurnOver: isTurnOver)
        case .hookReply(let id, let reply): answered(id, reply)
        case .committed(let number): committed(number)
        case .storeRemovals(let removals, let loop, let serial, let isUrgent):
            remove(removals, from: loop, serial: serial)
            if isUrgent { outbox.isUrgent = true }
        case .horizonReached(let through): horizonReached(through)
        case .horizonMoved: horizonMoved()
        case .backlogLoaded(let handle, let number, let result):
            if let session = session(handle), session.storeNumber == number {
                session.backlogLoaded(result)
            }
        case .backlogPurged(let handle, let number, let which, let count):
            if let session = session(handle), session.storeNumber == number {
                session.backlogPurged(which, count)
            }
        case .messagesAreDue(let sessions): messagesAreDue(sessions)
        case .publish(let message, let origin): publish(message, origin)
        case .run(let work): work(self)
        }
        return true
    }

    private func fire(_ token: TimerToken) {
        switch token {
        case .keepAlive(let handle, let epoch): current(handle, epoch)?.keepAliveTimerFired()
        case .retry(let handle, let epoch, let round): current(handle, epoch)?.retryTimerFired(round)
        case .lifetime(let handle, let epoch):
            current(handle, epoch)?.lifetimeTimerFired()
        case .sessionExpiry(let handle, let epoch): current(handle, epoch)?.expiryTimerFired()
        case .will(let handle, let epoch): current(handle, epoch)?.willTimerFired()
        case .resumeReading(let handle, let epoch):
            current(handle, epoch)?.resumeReading(.rate)
        case .hookDeadline(let asker, let serial): hookDeadlinePassed(asker, serial)
        case .retainedSweep: sweepRetained()
        case .backlogRetry(let handle): session(handle)?.retryBacklog()
        case .retainedRelease: freeRetainedMemory()
        case .horizonDeadline(let serial): horizonDeadlinePassed(serial)
        case .clientLog: clientLogTimerFired()
        }
    }

    /// The broker goes: the wills of its clients are published while their subscribers are still there.
    ///
    /// - Returns: false when some are left: call again in the next turn.
    package func publishWills(isTurnOver: () -> Bool) -> Bool {
        while walks.nextWill < sessions.slotCount {
            sessions.session(inSlot: walks.nextWill)?.publishWillAtStop()
            walks.nextWill += 1
            if walks.nextWill & 15 == 0, isTurnOver() { return false }
        }
        return true
    }

    /// The broker goes: every client is told.
    package func disconnectAll() {
        forEachSession { $0.disconnect(.serverShuttingDown, .shutdown) }
    }

    // MARK: Sessions

    @inline(__always)
    func session(_ handle: SessionHandle) -> Session? { sessions[handle] }

    /// The session, unless it has been attached or detached since the timer was set.
    private func current(_ handle: SessionHandle, _ epoch: UInt32) -> Session? {
        guard let session = sessions[handle], session.epoch == epoch else { return nil }
        return session
    }

    /// The session of a client that lives on this loop; nil = there is none.
    package func session(_ subscriber: SubscriberID) -> Session? { sessions[subscriber] }

    /// Calls `body` with each session that lives here.
    package func forEachSession(_ body: (Session) -> Void) {
        for slot in 0..<sessions.slotCount {
            if let session = sessions.session(inSlot: slot) { body(session) }
        }
    }

    /// The loop has ended. Sessions hold their shard as it holds them: without this neither would ever be freed.
    package func forgetSessions() {
        sessions.removeAll()
        pathProbe = nil
        questions.forgetHandshakes()
        work = DeferredWork()
    }

    func makeSession(_ subscriber: SubscriberID, _ settings: SessionSettings) -> Session {
        let session = Session(id: subscriber, shard: self, settings: settings, now: now)
        sessions.insert(session)
        counters.add(.queueSetup)
        return session
    }

    func remove(_ session: Session) {
        if session.drops.isTold { tellDropsEnded(session) }
        if sessions.remove(session) { counters.add(.queueTeardown) }
    }

    func homeLoop(of subscriber: SubscriberID) -> Int { broker.homeLoop(of: subscriber) }
}

/// Where packets are encoded.
struct PacketScratch: ~Copyable {
    /// For control packets (`ClientOutput`).
    var writer = PacketWriter()
    /// For the message that is being given to many subscribers.
    var templates = FanOutTemplates()
}

/// Cursors of walks that take several turns and are no jobs, because a timer or the stop of the broker leads them.
struct ShardWalks {
    /// Sessions before this slot have published their wills for the end of the broker.
    var nextWill = 0
    /// Where the search for expired retained messages goes on.
    var retainedSweep = 0
    /// Nodes of the retained trie are given back in steps.
    var isFreeingRetained = false
}

/// What tells a client that was away from one that could not be seen.
struct ClientAbsence {
    /// When this loop did not look at its sockets.
    var lapses = Lapses()
    /// Limits the lines about clients that were silent for too long.
    var lines = LineRate()
}
