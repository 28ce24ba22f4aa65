import BrokerCore
import Primitives

/// Turns what loops want kept into changes of rows. The writer's alone.
///
/// A body that several copies share has a row that counts them. Where a session gets several of them, each has a number of
/// its own, whose row says under which number the body lies. Counts that were looked at lately are kept in memory;
/// each change of a count is written with the copies it comes from, so memory may forget them at any time.
struct RowChanges {
    let batch = DatabaseBatch()
    private(set) var rows: Rows
    /// What is left of shared bodies, by message.
    private var references: [UInt64: Rows.References] = [:]
    private var changedReferences: Set<UInt64> = []
    private var ended = RecentSessions()
    /// Sessions whose rows are to be removed, after the commit.
    private(set) var purges: [Purge] = []
    /// Changes of the counts by `StoredKind`.
    private(set) var stored = [Int64](repeating: 0, count: StoredKind.allCases.count)
    private(set) var deleted = [Int64](repeating: 0, count: StoredKind.allCases.count)

    /// Rows of a session that are to be removed, kind by kind.
    struct Purge {
        let session: UInt64
        var kinds: ArraySlice<RowKind> = [.subscription, .received, .copy, .flight]
        /// Where to go on in the first of the kinds: from its beginning, all that was removed would be passed over
        /// again.
        var next: StoreKey?

        init(_ session: UInt64) { self.session = session }
    }

    private static let keptReferences = 65_536

    /// Told of what could not be read: the change is made without it, and `vernemq store repair` counts anew.
    private let readFailed: (StoreError) -> Void

    init(_ rows: Rows, readFailed: @escaping (StoreError) -> Void) {
        self.rows = rows
        self.readFailed = readFailed
    }

    private func read(_ key: StoreKey, _ database: Database) -> [UInt8]? {
        do throws(StoreError) {
            return try database.value(of: key)
        } catch {
            readFailed(error)
            return nil
        }
    }

    var isEmpty: Bool { batch.count == 0 && changedReferences.isEmpty }

    // MARK: From loops

    mutating func add(_ changes: StoreBatch, _ database: Database) {
        for copy in changes.copies where copy.message >= 0 {
            let message = changes.messages[Int(copy.message)]
            let body = changes.messages[Int(message.body)].number
            if let text = message.message { put(copy, message.number, text, under: body) }
        }
        for change in changes.changes { add(change, of: changes, database) }
        for (number, will) in changes.wills {
            let key = StoreKey(.will, number)
            batch.put(key, rows.will(key, will))
            stored[StoredKind.wills.rawValue] += 1
        }
    }

    mutating func put(_ checkpoint: TimeLine.Checkpoint) {
        batch.put(.checkpoint, rows.checkpoint(checkpoint))
    }

    /// - Parameter shared: the number that its body lies under, should it be shared.
    private mutating func put(
        _ copy: StoreBatch.Copy, _ number: UInt64, _ body: ApplicationMessage, under shared: UInt64
    ) {
        let isShared = number & 1 != 0
        if isShared {
            if references[shared] == nil {
                let key = StoreKey(.body, shared)
                batch.put(key, rows.message(key, body))
                stored[StoredKind.bodies.rawValue] += 1
            }
            references[shared, default: Rows.References(count: 0)].count += 1
            changedReferences.insert(shared)
            if number != shared {
                references[number] = Rows.References(count: 1, body: shared)
                changedReferences.insert(number)
            }
        }
        let key = StoreKey(.copy, copy.session, number)
        batch.put(key, rows.copy(key, copy, body, isShared: isShared))
        stored[StoredKind.copies.rawValue] += 1
        if copy.packetIdentifier != 0 {
            let key = StoreKey(.flight, copy.session, number)
            batch.put(
                key, rows.flight(key, Rows.Flight(packetIdentifier: copy.packetIdentifier, isReleased: false))
            )
        } else if let deadline = body.facts.expiryDeadline {
            let key = StoreKey(due: rows.instant(deadline), copy.session, number)
            batch.put(key, rows.empty(key))
        }
    }

    private mutating func add(_ change: StoreBatch.Change, of changes: StoreBatch, _ database: Database) {
        switch change {
        case .removeCopy(let session, let number, let deadline, let hasFlightRow):
            // A session that has ended may have been purged: the row may be gone, and must not be counted twice.
            if ended.contains(session), read(StoreKey(.copy, session, number), database) == nil {
                // Or it is among what this commit puts, where a look does not find it, but a purge afterwards does.
                if batch.count > 0 { purges.append(Purge(session)) }
                break
            }
            removeCopy(session, number, deadline: deadline.map(rows.instant) ?? 0, database)
            if hasFlightRow { batch.delete(StoreKey(.flight, session, number)) }
        case .removeFlight(let session, let number): batch.delete(StoreKey(.flight, session, number))
        case .flight(let session, let number, let identifier, let isReleased, let deadline):
            let key = StoreKey(.flight, session, number)
            batch.put(
                key, rows.flight(key, Rows.Flight(packetIdentifier: identifier, isReleased: isReleased)))
            if let deadline { batch.delete(StoreKey(due: rows.instant(deadline), session, number)) }
        case .session(let session, let isNew):
            let key = StoreKey(.session, session.number)
            batch.put(key, rows.session(key, session))
            if isNew { stored[StoredKind.sessions.rawValue] += 1 }
        case .endSession(let session, let purgesRows):
            batch.delete(StoreKey(.session, session))
            deleted[StoredKind.sessions.rawValue] += 1
            ended.insert(session)
            if purgesRows { purges.append(Purge(session)) }
        case .purgeSession(let session): purges.append(Purge(session))
        case .forgetWill(let number):
            batch.delete(StoreKey(.will, number))
            deleted[StoredKind.wills.rawValue] += 1
        case .subscribe(let session, let subscription, let isNew):
            let key = StoreKey(subscription: session, subscription.filter.bytes)
            batch.put(key, rows.subscription(key, subscription))
            if isNew { stored[StoredKind.subscriptions.rawValue] += 1 }
        case .unsubscribe(let session, let filter):
            batch.delete(StoreKey(subscription: session, filter.bytes))
            deleted[StoredKind.subscriptions.rawValue] += 1
        case .received(let session, let identifier):
            let key = StoreKey(received: session, identifier)
            batch.put(key, rows.empty(key))
            stored[StoredKind.received.rawValue] += 1
        case .released(let session, let identifier):
            batch.delete(StoreKey(received: session, identifier))
            deleted[StoredKind.received.rawValue] += 1
        case .retain(let message, let isNew):
            let topic = UTF8Text(copying: message.topic)
            putRetained(topic, message.facts.mountpoint, message, of: changes)
            if isNew { stored[StoredKind.retained.rawValue] += 1 }
        case .removeRetained(let topic, let mountpoint):
            putRetained(topic, mountpoint, nil, of: changes)
            deleted[StoredKind.retained.rawValue] += 1
        }
    }

    private mutating func putRetained(
        _ topic: UTF8Text, _ mountpoint: Mountpoint, _ noted: ApplicationMessage?, of changes: StoreBatch
    ) {
        let key = StoreKey(retained: mountpoint.name.bytes, topic.bytes)
        if let message = changes.retained(topic, mountpoint, noted: noted) {
            batch.put(key, rows.message(key, message))
        } else {
            batch.delete(key)
        }
    }

    // MARK: Removing

    /// A copy that was found expired. Its session may have ended since, and its row gone with it.
    mutating func removeExpired(_ session: UInt64, _ number: UInt64, deadline: UInt64, _ database: Database) {
        if ended.contains(session), read(StoreKey(.copy, session, number), database) == nil { return }
        removeCopy(session, number, deadline: deadline, database)
    }

    /// A copy that could not be read, if it is still there.
    mutating func removeDamaged(_ session: UInt64, _ number: UInt64, _ database: Database) {
        do throws(StoreError) {
            guard try database.value(of: StoreKey(.copy, session, number)) != nil else { return }
        } catch {
            // It cannot be read, which is why it goes.
        }
        removeCopy(session, number, deadline: 0, database)
    }

    /// - Parameter deadline: of its message, an instant of the time line; 0 = none.
    mutating func removeCopy(_ session: UInt64, _ number: UInt64, deadline: UInt64, _ database: Database) {
        batch.delete(StoreKey(.copy, session, number))
        deleted[StoredKind.copies.rawValue] += 1
        if deadline != 0 { batch.delete(StoreKey(due: deadline, session, number)) }
        if number & 1 != 0 { dereference(number, database) }
    }

    private mutating func dereference(_ number: UInt64, _ database: Database) {
        var found = references[number]
        if found == nil {
            let key = StoreKey(.references, number)
            if let value = read(key, database) { found = try? rows.references(key.bytes, value) }
        }
        guard var found, found.count > 0 else { return }  // damaged: `vernemq store repair` counts anew
        found.count -= 1
        references[number] = found
        changedReferences.insert(number)
        if found.count == 0, let body = found.body { dereference(body, database) }
    }

    /// Deletes a row that is of no use, whatever it is.
    mutating func discard(_ key: [UInt8], _ kind: RowKind) {
        batch.delete(key)
        if let kind = StoredKind(kind) { deleted[kind.rawValue] += 1 }
    }

    // MARK: The commit

    /// Puts the counts of shared bodies among the changes. To be called before they are written.
    mutating func finish() {
        for number in changedReferences {
            guard let left = references[number] else { continue }
            let key = StoreKey(.references, number)
            if left.count > 0 {
                batch.put(key, rows.references(key, left))
                continue
            }
            batch.delete(key)
            references[number] = nil
            guard left.body == nil else { continue }
            batch.delete(StoreKey(.body, number))
            deleted[StoredKind.bodies.rawValue] += 1
        }
        changedReferences.removeAll()
    }

    /// Begins anew, after the commit.
    ///
    /// - Returns: the sessions whose rows are to be removed now.
    mutating func committed() -> [Purge] {
        batch.removeAll()
        for kind in StoredKind.allCases {
            stored[kind.rawValue] = 0
            deleted[kind.rawValue] = 0
        }
        if references.count > Self.keptReferences { references.removeAll() }
        defer { purges.removeAll() }
        return purges
    }
}

/// The sessions that ended last.
private struct RecentSessions {
    private var numbers: Set<UInt64> = []
    private var order: ContiguousArray<UInt64> = []
    private var next = 0
    private static let limit = 16_384

    func contains(_ number: UInt64) -> Bool { numbers.contains(number) }

    mutating func insert(_ number: UInt64) {
        if order.count < Self.limit {
            order.append(number)
        } else {
            numbers.remove(order[next])
            order[next] = number
            next = (next + 1) % Self.limit
        }
        numbers.insert(number)
    }
}
