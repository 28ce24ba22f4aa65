import Primitives

/// What a loop does all day.
extension EventLoop {
    /// Runs until the handle's `stop`. Keeps `owner` alive meanwhile.
    package func run(_ owner: any EventLoopOwner) {
        owner.loopStarted(self)
        var sleep = sleepMilliseconds(owner, now: clock.now)
        while !handle.isStopRequested {
            sleep = turn(owner, sleep: sleep)
        }
        shutDown(owner)
    }

    /// - Returns: how many milliseconds the next turn may wait; -1 = for ever.
    private func turn(_ owner: any EventLoopOwner, sleep: Int32) -> Int32 {
        var allowed = 0 as Int32
        if pendingEvents.isEmpty {
            allowed = sleep != 0 && handle.beginSleep() ? sleep : 0
            pendingEvents = 0..<poller.wait(milliseconds: allowed)
        }
        let wasWoken = handle.endSleep()
        now = max(now, clock.now)
        // With no timer to wait for, nothing can be concluded from a wait that was too long.
        if allowed >= 0 {
            lapses.note(from: waitBegan.adding(milliseconds: UInt64(allowed)), to: now, lastLook: waitBegan)
        }
        if wasWoken { events.count(.wakeup, 1) }

        owner.turnBegan(self, now: now)
        resumeAcceptors()
        resumeConnections()
        handleEvents()
        shakeHands()
        finishEnded()

        owner.turnEnded(self, now: now)
        flushOutputs()
        checkDeadlines()
        finishEnded()
        let end = max(now, clock.now)
        owner.turnFlushed(self, end: end)

        lapses.note(from: now, to: end)
        waitBegan = end
        events.count(.turn, 1)
        events.count(.busyNanoseconds, Int(clamping: end.nanoseconds(since: now)))
        return sleepMilliseconds(owner, now: end)
    }

    /// Handles what the last wait reported, as far as the turn's time goes. Ends are finished in between, so that
    /// what follows from them counts as well: thousands of clients may vanish at once.
    private func handleEvents() {
        var index = pendingEvents.lowerBound
        while index < pendingEvents.upperBound {
            let event = poller.event(index)
            index += 1
            let yieldedBefore = yielded.count
            switch event.token.kind {
            case .connection: table[event.token]?.handle(event.flags)
            case .acceptor: acceptors[event.token.slot]?.acceptWaiting(self)
            case .wakeup: break
            }
            if !ended.isEmpty || index & 3 == 0 || yielded.count > yieldedBefore {
                finishEnded()
                if isTurnOver { break }
            }
        }
        pendingEvents = index..<pendingEvents.upperBound
    }

    /// Goes on with handshakes for half of a turn's time, but with one in any case.
    private func shakeHands() {
        guard !handshakes.isEmpty else { return }
        let began = clock.now
        var count = 0
        while count < handshakes.count {
            handshakes[count].goOnShakingHands()
            count += 1
            if clock.now.nanoseconds(since: began) >= settings.turnBudgetNanoseconds / 2 { break }
        }
        handshakes.removeFirst(count)
    }

    private func sleepMilliseconds(_ owner: any EventLoopOwner, now: MonotonicTime) -> Int32 {
        guard pendingEvents.isEmpty, ended.isEmpty, resumed.isEmpty, yielded.isEmpty, handshakes.isEmpty,
            flushList.slots.isEmpty
        else { return 0 }
        var limit = owner.sleepLimitNanoseconds(self, now: now) ?? .max
        if !timed.isEmpty { limit = min(limit, deadlineCheckAt.nanoseconds(since: now)) }
        if pausedAcceptorCount > 0 {
            for acceptor in acceptors {
                if let retryAt = acceptor?.retryAt { limit = min(limit, retryAt.nanoseconds(since: now)) }
            }
        }
        guard limit < .max else { return -1 }
        return Int32(clamping: limit / 1_000_000 + (limit % 1_000_000 == 0 ? 0 : 1))
    }

    private func resumeAcceptors() {
        let hasRoom = handle.takeAcceptorsWakeup()
        guard pausedAcceptorCount > 0 else { return }
        for acceptor in acceptors {
            guard let acceptor, !acceptor.pauses.isEmpty else { continue }
            if hasRoom { acceptor.resume(.listenerFull, self) }
            if let retryAt = acceptor.retryAt, now >= retryAt {
                takeReserve()
                acceptor.resume(.descriptorsExhausted, self)
            }
        }
    }

    /// As far as the turn's time goes; those left come first in the next turn.
    private func resumeConnections() {
        for connection in yielded { connection.resumeReading(.turn) }
        yielded.removeAll(keepingCapacity: true)
        guard !resumed.isEmpty else { return }
        swap(&resumed, &spare)
        var count = 0
        for connection in spare {
            connection.resume()
            count += 1
            if isTurnOver { break }
        }
        spare.removeFirst(count)
        if !spare.isEmpty {
            spare.append(contentsOf: resumed)
            resumed.removeAll(keepingCapacity: true)
            swap(&resumed, &spare)
        }
    }

    /// Writes what this turn produced: each connection once, however many packets it got.
    private func flushOutputs() {
        flushList.drain(into: &flushing)
        for slot in flushing {
            guard let connection = table[slot] else { continue }
            connection.output.unlist()
            // While the kernel refuses bytes the epoll set says when to go on.
            if !connection.isWatchedForWriting { connection.flushOutput() }
        }
        flushing.removeAll(keepingCapacity: true)
    }

    private func checkDeadlines() {
        guard now >= deadlineCheckAt else { return }
        deadlineCheckAt = now.adding(nanoseconds: settings.deadlineCheckNanoseconds)
        // Taken out while it is read: a last attempt to write may time another connection.
        var checked: ContiguousArray<Connection> = []
        swap(&checked, &timed)
        checked.removeAll { connection in
            connection.isTimed = connection.checkDeadline(now)
            return !connection.isTimed
        }
        swap(&checked, &timed)
        timed += checked
        if timed.isEmpty { deadlineCheckAt = .distantFuture }
    }

    /// Takes down the connections that ended, and those that end meanwhile, as far as the turn's time goes, but one in
    /// any case: a client's will may go to thousands.
    private func finishEnded() {
        var count = 0
        while count < ended.count {
            finish(ended[count])
            count += 1
            if isTurnOver { break }
        }
        ended.removeFirst(count)
    }

    private func finish(_ connection: Connection) {
        let slot = connection.slot
        connection.finish()
        table.free(slot)
    }

    private func shutDown(_ owner: any EventLoopOwner) {
        closeAcceptors()
        forEachConnection { connection in
            if !connection.output.isEmpty { connection.flushOutput() }
            connection.close(.loopStopped, afterFlush: false)
        }
        while let connection = ended.popLast() { finish(connection) }
        resumed.removeAll()
        yielded.removeAll()
        handshakes.removeAll()
        timed.removeAll()
        owner.loopStopped(self)
        handle.markStopped()
    }
}
