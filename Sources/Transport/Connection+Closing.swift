import CSystem
import Primitives

/// How a connection ends.
extension Connection {
    /// Ends the connection. Safe at any time, in any callback; the first call counts.
    ///
    /// - Parameter afterFlush: true = read no more, write what waits (for as long as the send time-out at
    ///   most),
    ///   tell the peer the end and let the last bytes reach it. False = what waits is thrown away.
    package final func close(_ cause: CloseCause = .requested, afterFlush: Bool) {
        switch phase {
        case .closed: return
        case .flushing, .lingering:
            if !afterFlush { end(self.cause) }
        case .open:
            guard afterFlush, writeFailure == nil else { return end(cause) }
            self.cause = cause
            output.isClosed = true
            if output.isEmpty { return linger() }
            phase = .flushing
            deadlineBase = loop.now.adding(nanoseconds: loop.settings.sendTimeoutNanoseconds)
            loop.time(self)
        }
    }

    /// Says the end to the peer and waits for its own.
    final func linger() {
        guard csystem_shutdown_writing(rawDescriptor) == 0 else { return end(cause) }
        phase = .lingering
        deadlineBase = loop.now.adding(nanoseconds: loop.settings.lingerNanoseconds)
        loop.time(self)
        watch(reading: true, writing: false)
    }

    /// Ends it at once; the rest happens at the end of the turn, when nobody is in the middle of anything.
    final func end(_ cause: CloseCause) {
        guard phase != .closed else { return }
        if phase == .open { self.cause = cause }
        phase = .closed
        output.isClosed = true
        loop.ended.append(self)
    }

    /// The loop calls this at the end of the turn.
    final func finish() {
        leftover.removeAll()
        handOver = nil
        discardOutput()
        if descriptor != nil {
            descriptor = nil
            listener?.release(overLimit)
        }
        closed(cause)
    }

    /// The loop calls this now and then while `isTimed`. - Returns: false when there is nothing to time any
    /// more.
    final func checkDeadline(_ now: MonotonicTime) -> Bool {
        switch phase {
        case .closed: return false
        case .flushing:
            guard now >= deadlineBase else { return true }
            loop.events.count(.sendTimeout, 1)
            end(cause)
        case .lingering:
            guard now >= deadlineBase else { return true }
            end(cause)
        case .open:
            guard isWatchedForWriting else { return false }
            guard now.nanoseconds(since: deadlineBase) >= loop.settings.sendTimeoutNanoseconds else {
                return true
            }
            loop.events.count(.sendTimeout, 1)
            end(.sendTimeout)
        }
        return false
    }

    /// Takes the socket out of this loop, with what was not consumed and not written. `closed(.detached)`
    /// follows. Not in `received`, whose result is not known yet: use `detach(then:)` there.
    ///
    /// - Returns: nil when the connection has ended.
    package final func detach() -> DetachedSocket? {
        precondition(!isPresenting, "detach() is not called inside received(_:)")
        guard phase == .open, writeFailure == nil else { return nil }
        if !output.isEmpty, !isWatchedForWriting { flushOutput() }
        guard phase == .open, writeFailure == nil, let descriptor = descriptor.take() else { return nil }
        if watchedFlags != nil { loop.poller.remove(descriptor.rawValue) }
        watchedFlags = nil
        let socket = DetachedSocket(
            descriptor: descriptor, peer: peer, listener: listener, overLimit: overLimit,
            openedAt: openedAt,
            leftover: Array(leftover.bytes),
            pendingOutput: takeOutput())
        end(.detached)
        return socket
    }

    /// Detaches as soon as `received` has returned, or now, and calls `handOver` then; never if the
    /// connection ends before.
    package final func detach(then handOver: @escaping (DetachedSocket) -> Void) {
        guard isPresenting else {
            if let socket = detach() { handOver(socket) }
            return
        }
        self.handOver = handOver
    }

    private final func takeOutput() -> [UInt8] {
        var bytes: [UInt8] = []
        while !output.isEmpty {
            let vectors = loop.vectors
            var count = 0
            for index in 0..<output.gather(into: vectors) {
                bytes.append(
                    contentsOf: UnsafeRawBufferPointer(
                        start: vectors[index].iov_base, count: vectors[index].iov_len))
                count += vectors[index].iov_len
            }
            _ = output.wrote(count)
        }
        return bytes
    }
}

extension MonotonicTime {
    /// The time `added` nanoseconds later, or the last that can be expressed.
    func adding(nanoseconds added: UInt64) -> MonotonicTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(added)
        return overflow ? .distantFuture : MonotonicTime(nanoseconds: sum)
    }
}
