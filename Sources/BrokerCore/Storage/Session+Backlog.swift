import BrokerMetrics
import Logging
import MQTTCodec
import Primitives

/// The part of a queue that is in the store alone (the backlog), and how it is read back into memory.
///
///     in memory → spilled       [offline, and memory has no room: spill]
///     spilled → waiting         [the client is here, memory runs low: wantBacklog]
///     waiting → reading         [horizonReached]
///     reading → in memory       [loaded]
extension Session {
    /// Copies read in one request.
    private static let readLength = 500
    /// Bytes. When a read brings more than this, the backlog has large messages.
    private static let largeReadByteCount = 128 * 1024

    /// The copy with this number is to wait in the store alone.
    func spill(_ number: UInt64) {
        let backlog = outbound.openBacklog(from: number)
        backlog.count += 1
        backlog.last = max(backlog.last, number)
        // Copies from different loops may arrive in another order than that of their numbers.
        if number > backlog.readableThrough, number < backlog.next {
            backlog.next = number
            if backlog.isBusy { shard.lowerReads(to: number) }
        }
        counters.add(.storeSpilled)
        counters.move(.queuedMessages, by: 1)
        counters.move(.spilledMessages, by: 1)
    }

    /// Asks for more of the backlog when few messages are left in memory.
    func wantBacklog() {
        guard let backlog = outbound.backlog, !backlog.isBusy else { return }
        // Large messages are read when none is left in memory, so that few of them are there at the same time.
        let isLow =
            backlog.hasLargeMessages
            ? outbound.queue.isEmptyInMemory : outbound.queue.countInMemory < Self.readLength / 2
        let isWanted = settings.queueType == .lifo || (isOnline && isLow)
        guard isWanted || backlog.wantsPurge else { return }
        backlog.isBusy = true
        if !backlog.wantsPurge, backlog.next <= backlog.readableThrough {
            read(backlog)
        } else {
            shard.waitToRead(handle)
        }
    }

    /// The number up to which the store must be readable before this session can read; nil = it does not wait.
    var wantedFromStore: UInt64? {
        guard isKept, let backlog = outbound.backlog, backlog.isBusy else { return nil }
        return backlog.wantsPurge ? backlog.purgeThrough : backlog.next
    }

    /// All copies up to `through` have arrived and are committed.
    ///
    /// - Parameter removed: copies that the store may still have, though they were removed.
    func horizonReached(_ through: UInt64, removed: Set<UInt64>) {
        guard let backlog = outbound.backlog, isKept else { return }
        backlog.readableThrough = through
        // Copies that are or were in memory may have arrived before copies with lower numbers.
        backlog.exceptions = removed
        // Only from `next` on, for lower numbers are not read again.
        backlog.exceptions.formUnion(outbound.queue.numbers.filter { $0 >= backlog.next })
        backlog.exceptions.formUnion(outbound.window.numbers(from: backlog.next))
        if let number = outbound.askedNumber { backlog.exceptions.insert(number) }
        if backlog.wantsPurge { purge(backlog) } else { read(backlog) }
    }

    private func read(_ backlog: StoredBacklog) {
        guard backlog.next <= backlog.readableThrough else {
            finishReading(backlog)
            return
        }
        let post = shard.links.post
        let (handle, loop, number) = (handle, shard.index, record.number)
        // With `lifo` the oldest copies need not be those that were sent.
        let isFifo = settings.queueType == .fifo
        let flights: StoreLoad.Flights = !backlog.lacksFlights ? .together : isFifo ? .released : .alone
        shard.broker.store.load(
            StoreLoad(
                session: number,
                numbers: (backlog.lacksFlights ? backlog.nextFlight : backlog.next)...backlog.readableThrough,
                flights: flights,
                except: backlog.exceptions, limit: min(Self.readLength, backlog.count))
        ) {
            post(.backlogLoaded(handle, number: number, $0), loop)
        }
    }

    /// The store has answered a read.
    func backlogLoaded(_ result: Result<LoadedBacklog, StoreError>) {
        guard let backlog = outbound.backlog else { return }
        switch result {
        case .success(let loaded):
            load(loaded, backlog)
            if backlog.lacksFlights {
                // Only up to the last number that may be read: copies behind it may have come meanwhile.
                if let next = loaded.next, next <= backlog.readableThrough {
                    backlog.nextFlight = next
                } else {
                    backlog.lacksFlights = false
                }
                backlog.isBusy = false
                if backlog.count > 0 {
                    resume()
                    wantBacklog()
                    return
                }
            }
            backlog.next = loaded.next ?? backlog.readableThrough + 1
        case .failure:
            // The store still has the copies, and has logged the error. They are asked for again.
            counters.add(.storeReadRetries)
            shard.timers.add(.backlogRetry(handle), at: shard.now.adding(seconds: 1))
            return
        }
        finishReading(backlog)
        if backlog.wantsPurge { wantBacklog() }
        resume()
        drain()
    }

    func retryBacklog() {
        outbound.backlog?.isBusy = false
        if outbound.backlog?.wantsPurge == true { wantBacklog() }
        drain()
    }

    private func load(_ loaded: LoadedBacklog, _ backlog: StoredBacklog) {
        var queued: ContiguousArray<QueuedMessage> = []
        for copy in loaded.copies {
            let ticket = StoreTicket(
                number: copy.number, loop: UInt16(truncatingIfNeeded: shard.index),
                identifier: copy.packetIdentifier)
            backlog.count -= 1
            counters.add(.storeRefilled)
            counters.move(.spilledMessages, by: -1)
            if backlog.lacksFlights {
                // All copies are read after the flights. The client may complete this one before, and the store may
                // still have it then.
                backlog.exceptions.insert(copy.number)
                restoreFlight(copy, ticket)
            } else if let message = copy.message {
                var entry = QueuedMessage(message: message, terms: copy.terms, ticket: ticket)
                entry.hasFlightRow = copy.hasFlightRow
                if backlog.owedDrops > 0 {
                    backlog.owedDrops -= 1
                    loseLoaded(entry, .queueFull)
                    continue
                }
                // A QoS 2 copy that was sent has a flight row.
                entry.mayHaveBeenSent =
                    copy.hasFlightRow
                    || (copy.terms.qos == .atLeastOnce && copy.number <= backlog.sentThrough)
                countQueuedBytes(message.byteCount)
                queued.append(entry)
            } else {
                restoreFlight(copy, ticket)
            }
        }
        backlog.hasLargeMessages = queued.reduce(0) { $0 + $1.message.byteCount } > Self.largeReadByteCount
        outbound.load(queued, settings.queueType, backlog)
        if loaded.lostCount > 0 { giveUp(backlog, loaded.lostCount) }
    }

    /// A copy that was in flight when the broker ended goes back into the window, with its packet identifier.
    private func restoreFlight(_ copy: LoadedBacklog.Copy, _ ticket: StoreTicket) {
        counters.move(.queuedMessages, by: -1)
        counters.move(.inflightMessages, by: 1)
        let state: InflightWindow.State =
            copy.message == nil
            ? .awaitingPubcomp : copy.terms.qos == .exactlyOnce ? .awaitingPubrec : .awaitingPuback
        var entry = InflightWindow.Entry(
            packetIdentifier: copy.packetIdentifier, state: state, terms: copy.terms, sentAt: shard.now,
            ticket: ticket)
        entry.flight = .written
        if !outbound.restoreFlight(entry, copy.message) {
            // This broker never gives one packet identifier to two copies, so the row is damaged.
            lose(InflightWindow.Removed(entry: entry, message: copy.message), .storeLost)
        }
    }

    /// Counts copies that the store has lost.
    private func giveUp(_ backlog: StoredBacklog, _ count: Int) {
        let count = min(count, backlog.count)
        backlog.count -= count
        loseStored(count, .storeLost)
    }

    private func finishReading(_ backlog: StoredBacklog) {
        backlog.isBusy = false
        if backlog.next > backlog.readableThrough, backlog.last <= backlog.readableThrough, backlog.count > 0
        {
            // All copies that can be there were read, and some are missing.
            shard.log.error(
                "the store has fewer messages than it should",
                metadata: ["client": "\(id.clientID)", "missing": .stringConvertible(backlog.count)])
            giveUp(backlog, backlog.count)
        }
        outbound.closeBacklogIfEmpty()
    }

    // MARK: Expiry

    /// Messages for this client have expired. Those in memory are dropped now, those in the backlog when the store may
    /// be read that far.
    func messagesAreDue() {
        let now = shard.now
        shard.count(steps: outbound.queue.countInMemory / 16)
        for copy in outbound.removeQueued(where: { $0.isExpired(at: now) }) {
            lose(copy, .expired)
        }
        purgeBacklog(.expired)
    }

    /// Has the store delete copies that were never sent, without their being read, as soon as it may be read that far.
    func purgeBacklog(_ which: StoredBacklog.Purge) {
        guard let backlog = outbound.backlog else { return }
        if backlog.wantedPurge != .all { backlog.wantedPurge = which }
        backlog.purgeThrough = backlog.last
        wantBacklog()
    }

    private func purge(_ backlog: StoredBacklog) {
        let which = backlog.wantedPurge ?? .expired
        backlog.wantedPurge = nil
        guard backlog.next <= backlog.readableThrough else {
            finishReading(backlog)
            return
        }
        let post = shard.links.post
        let (handle, loop, number) = (handle, shard.index, record.number)
        shard.broker.store.purge(
            StoreLoad(
                session: number, numbers: backlog.next...backlog.readableThrough, except: backlog.exceptions,
                limit: .max),
            expiredBy: which == .all ? nil : shard.now
        ) {
            post(.backlogPurged(handle, number: number, which, count: $0), loop)
        }
    }

    /// The store has deleted this many copies of the backlog.
    func backlogPurged(_ which: StoredBacklog.Purge, _ count: Int) {
        guard let backlog = outbound.backlog else { return }
        let count = min(count, backlog.count)
        backlog.count -= count
        backlog.isBusy = false
        loseStored(count, which == .all ? .queuePurged : .expired)
        outbound.closeBacklogIfEmpty()
        if backlog.wantsPurge { wantBacklog() }
        drain()
    }
}
