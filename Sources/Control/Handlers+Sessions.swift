import Admin
import BrokerConfig
import BrokerCore
import BrokerLog
import BrokerMetrics
import Glibc
import Listeners
import Logging
import MQTTCodec
import Primitives
import Synchronization
import Transport

/// `session …`.
extension Control {
    static var sessionHandlers: [String: Handler] {
        [
            "session show": { try $0.showSessions($1, $2) },
            "session disconnect": { try $0.disconnect($1, $2) },
            "session disconnect clients": { try $0.disconnectClients($1, $2) },
            "session disconnect batch": { try $0.disconnectBatch($1, $2) },
            "session unsubscribe": { try $0.unsubscribe($1, $2) },
            "session reauthorize": { try $0.reauthorize($1, $2) },
            "session delete": { try $0.deleteSession($1, $2) },
        ]
    }

    // MARK: show

    private func showSessions(_ invocation: Invocation, _ output: any AdminOutput) throws {
        var columns: [SessionColumn] = []
        var filters: [SessionFilter] = []
        for flag in invocation.flags {
            guard let column = SessionColumn.all.first(where: { $0.name == flag.name }) else { continue }
            if let value = flag.value {
                filters.append(SessionFilter(column, value))
            } else if !columns.contains(where: { $0.name == column.name }) {
                columns.append(column)
            }
        }
        if columns.isEmpty {
            columns = SessionColumn.all.filter { SessionColumn.standard.contains($0.name) }
        }
        for filter in filters {
            if case .matches(nil) = filter.condition {
                output.note(
                    "The expression for \(filter.column.name) is no regular expression: nothing matches it.")
            }
        }
        columns.sort { $0.name < $1.name }
        let clock = SessionClock(node: nodeName, runtime.broker.clock)
        let limit = invocation.integer("limit") ?? 100
        if let order = invocation.value("order") {
            try showSorted(columns, filters, clock, by: order, invocation.isOn("desc"), limit, output)
            return
        }
        output.beginTable(columns.map(\.name))
        var count = 0
        var isCut = false
        let isWhole = try walkRows(question(for: columns, filters), output) { row in
            guard filters.allSatisfy({ $0.passes(row, clock) }) else { return true }
            isCut = count >= limit
            guard !isCut else { return false }
            output.row(columns.map { $0.cell(row, clock) })
            count += 1
            return true
        }
        output.endTable()
        if isCut { output.note(Self.cutText(limit)) } else if !isWhole { output.note(Self.pairsText) }
    }

    /// Calls `body` with each row of an answer, those of messages in the store alone included, and shows how far it has come.
    ///
    /// - Parameter body: false ends the walk.
    /// - Returns: false when there were too many rows to look at.
    private func walkRows(
        _ question: SessionQuestion, _ output: any AdminOutput, _ body: (SessionRow) throws -> Bool
    ) throws -> Bool {
        var looked = 0
        /// How many rows the walk will bring; nil where that is not known.
        var total: Int?
        var goesOn = true
        func look(_ row: SessionRow) throws -> Bool {
            looked += 1
            guard looked <= Self.mostRows, !output.isCancelled else {
                goesOn = false
                return false
            }
            if looked % 10_000 == 0 {
                if looked == 10_000, question.rows == .sessions { total = sessionCount(question.isOnline) }
                output.progress("sessions", done: looked, total: total)
            }
            goesOn = try body(row)
            return goesOn
        }
        try runtime.walk(question, look)
        if goesOn, question.rows == .messages || question.rows == .subscriptionsAndMessages {
            try walkStoredRows(question, look)
        }
        return looked <= Self.mostRows
    }

    /// Rows that one answer looks at: many subscriptions with many messages make more than anybody waits for.
    private static let mostRows = 100_000_000
    private static let pairsText =
        "Only the first \(mostRows) rows were looked at: choose clients, or fewer columns."

    /// The rows of messages that are in the store alone.
    private func walkStoredRows(_ question: SessionQuestion, _ body: (SessionRow) throws -> Bool) throws {
        var sessions = question
        sessions.rows = .sessions
        try runtime.walk(sessions) { found in
            guard found.session.spilledCount > 0 else { return true }
            var goesOn = true
            try walkStored(found.session) { message in
                var row = found
                row.message = message
                guard question.rows == .subscriptionsAndMessages else {
                    goesOn = try body(row)
                    return goesOn
                }
                var own = SessionQuestion(.subscriptions)
                own.clientID = found.session.subscriber.clientID
                own.mountpoint = found.session.subscriber.mountpoint
                try runtime.walk(own) { pair in
                    row.subscription = pair.subscription
                    goesOn = try body(row)
                    return goesOn
                }
                return goesOn
            }
            return goesOn
        }
    }

    /// That there may be rows which were not shown.
    static func cutText(_ limit: Int) -> String {
        "Only the first \(limit) are shown, and there may be more: --limit=NUMBER."
    }

    /// Sessions of all loops, or those with or without a connection alone.
    private func sessionCount(_ isOnline: Bool?) -> Int {
        let snapshot = registry.snapshot()
        let (online, offline) = (snapshot[.sessionsOnline], snapshot[.sessionsOffline])
        return Int(isOnline.map { $0 ? online : offline } ?? online + offline)
    }

    /// What the loops are to walk through: with one client id and one mountpoint nothing but that client is looked at. With
    /// columns of subscriptions and of messages there is a row for each of both together.
    private func question(for columns: [SessionColumn], _ filters: [SessionFilter]) -> SessionQuestion {
        let rows = Set((columns + filters.map(\.column)).map(\.rows))
        var question = SessionQuestion(
            rows.isSuperset(of: [.subscriptions, .messages])
                ? .subscriptionsAndMessages
                : rows.contains(.messages)
                    ? .messages : rows.contains(.subscriptions) ? .subscriptions : .sessions)
        for filter in filters {
            guard case .equals(let value) = filter.condition else { continue }
            switch (filter.column.name, value) {
            case ("client_id", .text(let text)): question.clientID = UTF8Text(text)
            case ("mountpoint", .text(let text)): question.mountpoint = Mountpoint.named(UTF8Text(text))
            case ("is_online", .boolean(let isOnline)): question.isOnline = isOnline
            case ("is_offline", .boolean(let isOffline)): question.isOnline = !isOffline
            default: break
            }
        }
        return question
    }

    /// The first rows in the order of a column. Only as many rows as are shown are held.
    private func showSorted(
        _ columns: [SessionColumn], _ filters: [SessionFilter], _ clock: SessionClock,
        by order: String, _ isDescending: Bool, _ limit: Int, _ output: any AdminOutput
    ) throws {
        guard let key = SessionColumn.all.first(where: { $0.name == order }) else {
            throw AdminFailure(.usage, "Invalid value: \"\(order)\" for flag: order; it must be a column")
        }
        var best = SortedRows(limit: min(limit, 100_000), isDescending: isDescending)
        let isWhole = try walkRows(question(for: columns + [key], filters), output) { row in
            if filters.allSatisfy({ $0.passes(row, clock) }) {
                best.insert(key.cell(row, clock)) { columns.map { $0.cell(row, clock) } }
            }
            guard best.byteCount <= SortedRows.byteLimit else {
                throw AdminFailure(
                    .failed,
                    "the first \(limit) rows would take over \(SortedRows.byteLimit >> 20) MB to sort: ask for fewer columns, or for fewer rows with --limit"
                )
            }
            return true
        }
        output.table(columns.map(\.name), best.rows)
        if !isWhole { output.note(Self.pairsText) }
    }

    // MARK: disconnect

    private static let clientsOfLetter = 64

    private func subscriber(_ clientID: String, _ invocation: Invocation) -> SubscriberID {
        SubscriberID(
            mountpoint: Mountpoint.named(UTF8Text(invocation.value("mountpoint") ?? "")),
            clientID: UTF8Text(clientID))
    }

    private func disconnect(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let subscriber = subscriber(invocation.argument("client-id") ?? "", invocation)
        let cleanup = invocation.isOn("cleanup")
        let isFound = try runtime.ask(homeOf: subscriber) { $0.disconnect(subscriber, cleanup: cleanup) }
        output.text("Done")
        guard !isFound, let other = try otherMountpoint(of: subscriber) else { return }
        let name = other == .default ? "the default mountpoint" : "mountpoint \"\(other.name)\""
        output.note(
            "Nobody was disconnected: client \"\(subscriber.clientID)\" is on \(name): --mountpoint=\(other.name)"
        )
    }

    /// Where else a client of this name is, of the mountpoints that listeners have: no walk through all sessions, for scripts
    /// disconnect many who are not there.
    private func otherMountpoint(of subscriber: SubscriberID) throws -> Mountpoint? {
        var seen: [Mountpoint] = [subscriber.mountpoint]
        for mountpoint in [.default] + runtime.runningListeners.map(\.facts.mountpoint)
        where !seen.contains(mountpoint) {
            seen.append(mountpoint)
            var question = SessionQuestion()
            question.clientID = subscriber.clientID
            question.mountpoint = mountpoint
            var isThere = false
            try runtime.walk(question) { _ in
                isThere = true
                return false
            }
            if isThere { return mountpoint }
        }
        return nil
    }

    private func disconnectClients(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let cleanup = invocation.isOn("cleanup")
        let subscribers = Self.list(invocation.argument("client-ids") ?? "").map {
            subscriber($0, invocation)
        }
        guard try disconnect(subscribers, cleanup: cleanup, output) else { return }
        output.text("Done")
    }

    /// Disconnects clients, as many with one letter to their loop as take no long turn of it.
    ///
    /// - Returns: false when the caller went away meanwhile.
    private func disconnect(
        _ subscribers: [SubscriberID], cleanup: Bool, _ output: any AdminOutput
    ) throws -> Bool {
        var done = 0
        for (loop, all) in Dictionary(grouping: subscribers, by: runtime.broker.homeLoop(of:)) {
            for start in stride(from: 0, to: all.count, by: Self.clientsOfLetter) {
                guard !output.isCancelled else { return false }
                let slice = all[start..<min(all.count, start + Self.clientsOfLetter)]
                try runtime.ask(loop) { shard in
                    for subscriber in slice { _ = shard.disconnect(subscriber, cleanup: cleanup) }
                }
                done += slice.count
                output.progress("clients", done: done, total: subscribers.count)
            }
        }
        return true
    }

    private func disconnectBatch(_ invocation: Invocation, _ output: any AdminOutput) throws {
        guard let count = Int(invocation.argument("count") ?? ""), count > 0 else {
            throw AdminFailure(
                .usage,
                "Invalid value: \"\(invocation.argument("count") ?? "")\"; count is a number from 1 on")
        }
        try checkNode(invocation)
        let cleanup = invocation.isOn("cleanup")
        let spared = Set(Self.list(invocation.value("filter-client-ids") ?? ""))
        var question = SessionQuestion()
        question.isOnline = true
        if let mountpoint = invocation.value("mountpoint") {
            question.mountpoint = Mountpoint.named(UTF8Text(mountpoint))
        }
        var chosen: [SubscriberID] = []
        try runtime.walk(question) { row in
            let subscriber = row.session.subscriber
            if !spared.contains("\(subscriber.clientID)"), !row.session.isSibling {
                chosen.append(subscriber)
            }
            return chosen.count < count && !output.isCancelled
        }
        guard try disconnect(chosen, cleanup: cleanup, output) else { return }
        output.text("Done")
    }

    private func deleteSession(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let subscriber = subscriber(invocation.argument("client-id") ?? "", invocation)
        let wasThere = try runtime.ask(homeOf: subscriber) { $0.disconnect(subscriber, cleanup: true) }
        guard wasThere else {
            throw AdminFailure(.failed, "there is no session of client \"\(subscriber.clientID)\"")
        }
        output.text("Done")
    }

    // MARK: subscriptions

    private func unsubscribe(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let subscriber = subscriber(invocation.argument("client-id") ?? "", invocation)
        let filter = UTF8Text(invocation.argument("topic") ?? "")
        let isDone = try runtime.ask(homeOf: subscriber) { $0.unsubscribe(subscriber, filter) }
        // The spelling of VerneMQ, which scripts look for.
        output.text(isDone ? "Done" : "Not successfull")
    }

    private func reauthorize(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let subscriber = subscriber(invocation.argument("client-id") ?? "", invocation)
        let user = invocation.argument("username").map { UTF8Text($0) }
        var refused: [UTF8Text] = []
        var next: Int? = 0
        while let start = next, !output.isCancelled {
            let slice = try runtime.ask(homeOf: subscriber) {
                $0.refusedFilters(of: subscriber, userName: user, from: start)
            }
            refused += slice.refused
            next = slice.next
        }
        var isChanged = false
        for filter in refused where !output.isCancelled {
            let isGone = try runtime.ask(homeOf: subscriber) { $0.unsubscribe(subscriber, filter) }
            isChanged = isChanged || isGone
        }
        output.text(isChanged ? "Done" : "Unchanged")
    }

    /// `a,b` or `[a,b]`.
    static func list(_ text: String) -> [String] {
        var text = text[...]
        if text.hasPrefix("["), text.hasSuffix("]") { text = text.dropFirst().dropLast() }
        return text.split(separator: ",").map { item in
            String(item.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }
}

/// The first rows in the order of a key: at most twice as many as are shown, within a budget of bytes.
private struct SortedRows {
    /// Bytes that the rows may take.
    static let byteLimit = 32 << 20

    /// Bytes that they take, about.
    private(set) var byteCount = 0
    private let limit: Int
    private let isDescending: Bool
    private var heap: [(key: Cell, cells: [Cell])] = []

    init(limit: Int, isDescending: Bool) {
        self.limit = limit
        self.isDescending = isDescending
    }

    /// - Parameter cells: made only where the row is among the first so far.
    mutating func insert(_ key: Cell, _ cells: () -> [Cell]) {
        guard limit > 0 else { return }
        if heap.count >= 2 * limit || byteCount > Self.byteLimit { trim() }
        if heap.count >= limit, let bound, !isBefore(key, bound) { return }
        let row = (key: key, cells: cells())
        byteCount += Self.byteCount(of: row)
        heap.append(row)
    }

    /// The last key that is still shown; known after the first trim.
    private var bound: Cell?

    private mutating func trim() {
        heap = Array(heap.sorted { isBefore($0.key, $1.key) }.prefix(limit))
        bound = heap.count == limit ? heap.last?.key : nil
        byteCount = heap.reduce(0) { $0 + Self.byteCount(of: $1) }
    }

    private static func byteCount(of row: (key: Cell, cells: [Cell])) -> Int {
        row.cells.reduce(row.key.byteCount + 64) { $0 + $1.byteCount }
    }

    private func isBefore(_ left: Cell, _ right: Cell) -> Bool {
        isDescending ? right.sorts(before: left) : left.sorts(before: right)
    }

    var rows: [[Cell]] {
        heap.sorted { isBefore($0.key, $1.key) }.prefix(limit).map(\.cells)
    }
}

extension Cell {
    fileprivate var byteCount: Int {
        guard case .text(let text) = self else { return MemoryLayout<Cell>.stride }
        return MemoryLayout<Cell>.stride + text.utf8.count
    }

    /// Numbers by size, texts by their bytes, false before true, what is not there last.
    fileprivate func sorts(before other: Cell) -> Bool {
        switch (self, other) {
        case (.integer(let left), .integer(let right)): left < right
        case (.real(let left), .real(let right)): left < right
        case (.text(let left), .text(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.boolean(let left), .boolean(let right)): !left && right
        case (.null, _), (.undefined, _): false
        default: true
        }
    }
}
