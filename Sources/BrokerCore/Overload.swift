import BrokerMetrics

/// Publishers that are not read because a loop has more work waiting than it should.
struct Overload {
    /// Whether publishers must not be read.
    fileprivate(set) var isOn = false
    fileprivate var paused: Set<SessionHandle> = []

    /// Whether there is something to look at.
    var isPending: Bool { isOn || !paused.isEmpty }

    /// More is on its way to a loop, or put off, than should be.
    mutating func begin() { isOn = true }

    /// The publisher's connection has ended.
    mutating func forget(_ session: SessionHandle) { paused.remove(session) }
}

extension Shard {
    /// Stops reading a publisher until the loops it publishes to have caught up.
    func pauseForOverload(_ session: Session) {
        counters.add(.publishersPaused)
        session.pauseReading(.overload)
        overload.paused.insert(session.handle)
    }

    /// Lets publishers go on when all loops have caught up.
    func lookAtOverload() {
        let isBehind =
            (0..<broker.loopCount).contains { broker.transit(to: $0) > Broker.transitLowWater }
            || routing.fanOuts.byteCount > FanOutQueue.highWater / 4
        guard !isBehind else { return }
        overload.isOn = false
        for handle in overload.paused { sessions[handle]?.resumeReading(.overload) }
        overload.paused = []
    }
}
