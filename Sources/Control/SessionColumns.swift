import Admin
import BrokerCore
import MQTTCodec
import Primitives

/// A column of `session show`: its name, what it needs, and its cell for a row.
struct SessionColumn: Sendable {
    let name: String
    /// What there must be a row for, so that the column has a value.
    let rows: SessionQuestion.Rows
    let cell: @Sendable (SessionRow, SessionClock) -> Cell

    init(
        _ name: String, _ rows: SessionQuestion.Rows = .sessions,
        _ cell: @escaping @Sendable (SessionRow, SessionClock) -> Cell
    ) {
        self.name = name
        self.rows = rows
        self.cell = cell
    }

    /// What is shown when no column is asked for, as in VerneMQ.
    static let standard = ["client_id", "is_online", "mountpoint", "peer_host", "peer_port", "user"]

    static let all: [SessionColumn] = queue + session + subscription + message

    private static let queue: [SessionColumn] = [
        SessionColumn("node") { _, clock in .text(clock.node) },
        SessionColumn("mountpoint") { row, _ in .text("\(row.session.subscriber.mountpoint.name)") },
        SessionColumn("client_id") { row, _ in .text("\(row.session.subscriber.clientID)") },
        SessionColumn("queue_pid") { row, _ in .text("<\(row.session.loop).\(row.session.token).0>") },
        SessionColumn("queue_size") { row, _ in .integer(row.session.queuedCount) },
        SessionColumn("is_offline") { row, _ in .boolean(!row.session.isOnline) },
        SessionColumn("is_online") { row, _ in .boolean(row.session.isOnline) },
        SessionColumn("statename") { row, _ in .text(row.session.isOnline ? "online" : "offline") },
        SessionColumn("deliver_mode") { row, _ in .text(row.session.settings.deliverMode.rawValue) },
        SessionColumn("offline_messages") { row, _ in
            .integer(row.session.isOnline ? 0 : row.session.queuedCount)
        },
        SessionColumn("online_messages") { row, _ in
            .integer(row.session.isOnline ? row.session.queuedCount : 0)
        },
        SessionColumn("num_sessions") { row, _ in
            .integer(row.session.isOnline ? row.session.connectionCount : 0)
        },
        SessionColumn("is_plugin") { _, _ in .boolean(false) },
        SessionColumn("queue_started_at") { row, clock in .integer(clock.milliseconds(row.session.startedAt))
        },
    ]

    private static let session: [SessionColumn] = [
        SessionColumn("clean_session") { row, _ in
            .boolean(row.session.isOnline && row.session.expiryInterval == 0)
        },
        SessionColumn("session_pid") { row, _ in
            Cell(row.session.connection.map { "<\(row.session.loop).\($0.epoch).1>" })
        },
        SessionColumn("user") { row, _ in
            row.session.connection.map { $0.userName.map { .text("\($0)") } ?? .undefined } ?? .null
        },
        SessionColumn("peer_host") { row, _ in Cell(row.session.connection?.peer.address) },
        SessionColumn("peer_port") { row, _ in Cell(row.session.connection.map { Int($0.peer.port) }) },
        SessionColumn("protocol") { row, _ in Cell(row.session.connection.map { Int($0.protocolLevel) }) },
        SessionColumn("waiting_acks") { row, _ in
            row.session.isOnline ? .integer(row.session.inflightCount) : .null
        },
        SessionColumn("session_started_at") { row, clock in
            Cell(row.session.connection.map { clock.milliseconds($0.connectedAt) })
        },
    ]

    private static let subscription: [SessionColumn] = [
        SessionColumn("topic", .subscriptions) { row, _ in Cell(row.subscription.map { "\($0.filter)" }) },
        SessionColumn("qos", .subscriptions) { row, _ in
            Cell(row.subscription.map { Int($0.options.qos.rawValue) })
        },
        SessionColumn("rap", .subscriptions) { row, _ in
            row.session.version == .v5 ? Cell(row.subscription?.options.retainAsPublished) : .null
        },
        SessionColumn("no_local", .subscriptions) { row, _ in
            row.session.version == .v5 ? Cell(row.subscription?.options.noLocal) : .null
        },
    ]

    private static let message: [SessionColumn] = [
        SessionColumn("msg_ref", .messages) { row, _ in
            row.message.flatMap { message in
                message.storeNumber == 0
                    ? nil
                    : .text(
                        MessageReference.text(session: row.session.storeNumber, message: message.storeNumber))
            } ?? .null
        },
        SessionColumn("msg_qos", .messages) { row, _ in Cell(row.message.map { Int($0.qos.rawValue) }) },
        SessionColumn("routing_key", .messages) { row, _ in
            Cell(row.message?.message.map { String(bytes: $0.topic) })
        },
        SessionColumn("dup", .messages) { row, _ in Cell(row.message.map { $0.sentAt != nil }) },
        SessionColumn("payload", .messages) { row, _ in
            Cell(row.message?.message.map { String(bytes: $0.payload, SessionColumn.payloadLimit) })
        },
    ]

    /// Bytes of a payload that a table shows.
    static let payloadLimit = 64 * 1024
}

/// Turns the broker's monotonic times into those of the wall.
struct SessionClock: Sendable {
    let node: String
    private let now: MonotonicTime
    private let wallMilliseconds: Int64

    init(node: String, _ clock: any Clock) {
        self.node = node
        now = clock.now
        wallMilliseconds = clock.wallMilliseconds
    }

    /// Milliseconds since 1970 UTC.
    func milliseconds(_ time: MonotonicTime) -> Int {
        let since = Int64(now.nanoseconds(since: time) / 1_000_000)
        let until = Int64(clamping: time.nanoseconds(since: now) / 1_000_000)
        return Int(wallMilliseconds - since + until)
    }

    /// Whole seconds from `time` to now.
    func age(_ time: MonotonicTime) -> Int { Int(now.nanoseconds(since: time) / 1_000_000_000) }

    /// Whole seconds from now to `time`; nil for never.
    func secondsLeft(_ time: MonotonicTime) -> Int? {
        time == .distantFuture ? nil : Int(clamping: time.secondsRoundedUp(since: now))
    }
}

extension String {
    /// Bytes as text; what is no UTF-8 becomes U+FFFD.
    init(bytes: RawSpan) { self = String(decoding: bytes.copiedBytes(), as: UTF8.self) }

    /// The first bytes as text, at most `count`.
    init(bytes: RawSpan, _ count: Int) { self = String(decoding: bytes.copiedBytes(count), as: UTF8.self) }
}

extension RawSpan {
    /// A copy of the first bytes, at most `count`.
    func copiedBytes(_ count: Int) -> [UInt8] { extracting(0..<min(count, byteCount)).copiedBytes() }
}

/// The mark of a stored message, in the form of VerneMQ's: 16 bytes in Base64.
enum MessageReference {
    /// - Parameters:
    ///   - session: the number of the session in the store.
    ///   - message: the number of the message.
    static func text(session: UInt64, message: UInt64) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var bytes: [UInt8] = []
        for number in [session, message] {
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
        }
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = (0..<3).reduce(UInt32(0)) {
                $0 << 8 | (start + $1 < bytes.count ? UInt32(bytes[start + $1]) : 0)
            }
            for digit in 0..<4 {
                text.append(
                    digit <= group.count
                        ? alphabet[Int(bits >> UInt32(18 - 6 * digit) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
