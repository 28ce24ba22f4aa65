/// The sessions that lose most and those that wait most, for the status page: a bounded number of each, whatever is walked
/// through.
package struct TopSessions: Sendable {
    /// A session as the page shows it.
    package struct Entry: Sendable {
        package var clientID: String
        package var mountpoint: String
        /// nil: it has none, or is away.
        package var userName: String?
        /// nil: it is away.
        package var peer: String?
        /// Copies that were lost since the session began, or the broker was started.
        package var lost: Int
        /// Of the last loss.
        package var lastLoss: (reason: String, secondsAgo: Double)?
        /// Messages that wait, and are in flight.
        package var queued: Int
        package var inflight: Int
        package var queuedBytes: Int
        /// How long the oldest of them has waited.
        package var oldestSeconds: Double?

        package init(
            clientID: String, mountpoint: String, userName: String?, peer: String?, lost: Int,
            lastLoss: (reason: String, secondsAgo: Double)?, queued: Int, inflight: Int, queuedBytes: Int,
            oldestSeconds: Double?
        ) {
            self.clientID = clientID
            self.mountpoint = mountpoint
            self.userName = userName
            self.peer = peer
            self.lost = lost
            self.lastLoss = lastLoss
            self.queued = queued
            self.inflight = inflight
            self.queuedBytes = queuedBytes
            self.oldestSeconds = oldestSeconds
        }
    }

    /// How many of each are shown.
    package static let limit = 10

    private var losing: [Entry] = []
    private var waiting: [Entry] = []
    /// Sessions that were looked at.
    package private(set) var count = 0
    /// Whether there was time for all of them.
    package var isComplete = true

    /// Nobody was looked at.
    package init() {}

    /// Looks at a session.
    ///
    /// - Parameters:
    ///   - lost: copies that were lost.
    ///   - waits: messages that wait and are in flight.
    ///   - make: called when it is among the first, so that texts are made for few.
    package mutating func look(lost: Int, waits: Int, _ make: () -> Entry) {
        count += 1
        let loses = lost > 0 && (losing.count < Self.limit || lost > losing[losing.count - 1].lost)
        let isSlow = waits > 0 && (waiting.count < Self.limit || waits > waiting[waiting.count - 1].waits)
        guard loses || isSlow else { return }
        let entry = make()
        if loses { Self.insert(entry, into: &losing) { $0.lost } }
        if isSlow { Self.insert(entry, into: &waiting) { $0.waits } }
    }

    private static func insert(_ entry: Entry, into list: inout [Entry], by key: (Entry) -> Int) {
        let place = list.firstIndex { key($0) < key(entry) } ?? list.count
        list.insert(entry, at: place)
        if list.count > limit { list.removeLast() }
    }

    /// `/status/sessions.json`.
    ///
    /// - Parameter wallMilliseconds: when the walk was made, since 1970.
    package func json(wallMilliseconds: Int64) -> [UInt8] {
        var json = JSONText()
        json.beginObject()
        json.field("at_ms", wallMilliseconds)
        json.field("sessions", Int64(count))
        json.field("complete", isComplete)
        for (name, list) in [("losing", losing), ("waiting", waiting)] {
            json.key(name)
            json.beginArray()
            for entry in list { Self.append(entry, to: &json) }
            json.endArray()
        }
        json.endObject()
        return json.bytes
    }

    private static func append(_ entry: Entry, to json: inout JSONText) {
        json.beginObject()
        json.field("client_id", entry.clientID)
        json.field("mountpoint", entry.mountpoint)
        if let userName = entry.userName { json.field("user", userName) }
        json.field("online", entry.peer != nil)
        if let peer = entry.peer { json.field("peer", peer) }
        json.field("lost", Int64(entry.lost))
        if let loss = entry.lastLoss {
            json.field("last_loss", loss.reason)
            json.field("last_loss_age_s", short: loss.secondsAgo)
        }
        json.field("queued", Int64(entry.queued))
        json.field("inflight", Int64(entry.inflight))
        json.field("queued_bytes", Int64(entry.queuedBytes))
        if let oldest = entry.oldestSeconds { json.field("oldest_s", short: oldest) }
        json.endObject()
    }
}

extension TopSessions.Entry {
    fileprivate var waits: Int { queued + inflight }
}
