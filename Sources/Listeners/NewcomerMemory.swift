import BrokerMetrics

/// What the connections of one loop that have no session yet hold in memory: the beginning of a CONNECT that is not
/// complete, or a CONNECT whose client is being authenticated. Nobody knows who they are, so they have a small budget
/// together, and whoever holds most is cut when it is full.
///
/// A short CONNECT nearly always comes in one piece and holds nothing here; one that does not holds a few hundred bytes,
/// and there are thousands that hold more before it could be the largest. So it comes in, whatever others do.
///
///     holders   [ 40 KiB | 600 B | 1 MiB | … ]     in no order; a connection knows its place
struct NewcomerMemory {
    private var holders: ContiguousArray<ClientConnection> = []
    private(set) var byteCount = 0
    let limit: Int
    private var random: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// Of more holders than this, the largest of a sample is cut, so that finding it costs the same in a crowd.
    private static let sampleSize = 64

    init(limit: Int) { self.limit = limit }

    var isFull: Bool { byteCount > limit }
    var count: Int { holders.count }

    /// Notes that `connection` holds `byteCount` bytes from now on.
    mutating func set(_ connection: ClientConnection, to byteCount: Int) {
        self.byteCount += byteCount - connection.newcomerByteCount
        connection.newcomerByteCount = byteCount
        if byteCount > 0, connection.newcomerIndex < 0 {
            connection.newcomerIndex = holders.count
            holders.append(connection)
        } else if byteCount == 0, connection.newcomerIndex >= 0 {
            let last = holders.removeLast()
            if last !== connection {
                holders[connection.newcomerIndex] = last
                last.newcomerIndex = connection.newcomerIndex
            }
            connection.newcomerIndex = -1
            if holders.isEmpty { holders = [] }
        }
    }

    /// The connection that holds most, or of very many the one among a sample; nil when none holds anything.
    mutating func largest() -> ClientConnection? {
        guard var found = holders.first else { return nil }
        let isSampled = holders.count > Self.sampleSize
        for step in 0..<min(holders.count, Self.sampleSize) {
            var index = step
            if isSampled {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                index = Int(truncatingIfNeeded: random >> 33) % holders.count
            }
            if holders[index].newcomerByteCount > found.newcomerByteCount { found = holders[index] }
        }
        return found
    }
}
