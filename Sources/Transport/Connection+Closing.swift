import CSystem
import Primitives

/// How a connection ends.
extension Connection {
    /// Ends the connection. Safe at any time, in any callback; the first call counts.
    ///
    /// - Parameter afterFlush: true = read no more, write what waits (for as long as the send time-out at
    ///   most),
    ///   tell the peer the end and let the last bytes reach it. False = what waits is thrown away.
    package final func close(_ cause: ConnectionEnd = .requested, afterFlush: Bool) {
        switch phase {
        case .closed: return
        case .flushing, .lingering:
            if !afterFlush { end(self.cause) }
        case .open:
            guard afterFlush, writeFailure == nil else { return end(cause) }
            self.cause = cause
            output.isClosed = true
            let layers = stream.layers
            if output.isEmpty, layers == nil || layers?.isEstablishing == true { return linger() }
            phase = .flushing
            deadlineBase = loop.now.adding(nanoseconds: loop.settings.sendTimeoutNanoseconds)
            loop.time(self)
            // Nobody else asks for the last words of layers to be written.
            if output.isEmpty, !isWatchedForWriting { flushOutput() }
        }
    }

    /// Says the end to the peer and waits for its own.
    final func linger() {
        stream.layers?.close()
        guard csystem_shutdown_writing(rawDescriptor) == 0 else { return end(cause) }
        phase = .lingering
        deadlineBase = loop.now.adding(nanoseconds: loop.settings.lingerNanoseconds)
        loop.time(self)
        watch(reading: true, writing: false)
    }

    /// Ends it at once; the rest happens at the end of the turn, when nobody is in the middle of anything.
    final func end(_ cause: ConnectionEnd) {
        guard phase != .closed else { return }
        if phase == .open { self.cause = cause }
        phase = .closed
        output.isClosed = true
        loop.ended.append(self)
    }

    /// The loop calls this at the end of the turn.
    final func finish() {
        if cause != .detached, !leftover.isEmpty { discarded(leftover.bytes.bytes) }
        leftover.removeAll()
        handOver = nil
        discardOutput()
        if descriptor != nil {
            descriptor = nil
            listener?.release(overLimit)
        }
        closed(cause)
        stream = .plain
    }

    /// The loop calls this now and then while `isTimed`. - Returns: false when there is nothing to time any
    /// more.
    final func checkDeadline(_ now: MonotonicTime) -> Bool {
        guard isOverdue(now) else { return isTimedStill }
        // The peer may have taken what waited, or said its end, while nobody looked: that is looked at first.
        if phase == .lingering {
            discardInput()
        } else if isEstablishing {
            _ = readWaiting()
        } else {
            flushOutput()
        }
        guard isOverdue(now) else { return isTimedStill }
        if let layers = stream.layers, isEstablishing {
            layers.timeOut()
            end(.stream)
            return false
        }
        if phase != .lingering { loop.events.count(.sendTimeout, 1) }
        end(.sendTimeout)
        return false
    }

    /// Layers are not yet as far as the first byte.
    private final var isEstablishing: Bool { phase == .open && stream.layers?.isEstablishing == true }

    private final var isTimedStill: Bool {
        phase == .open ? isWatchedForWriting || isEstablishing : phase != .closed
    }

    /// Whether the peer has had its time: that in which the loop did not look does not count.
    private final func isOverdue(_ now: MonotonicTime) -> Bool {
        let settings = loop.settings
        let begin: MonotonicTime
        let allowed: UInt64
        switch phase {
        case .closed: return false
        case .open where isEstablishing:
            allowed = stream.layers?.policy.timeoutNanoseconds ?? .max
            begin = deadlineBase
        case .open:
            guard isWatchedForWriting else { return false }
            (begin, allowed) = (deadlineBase, settings.sendTimeoutNanoseconds)
        case .flushing, .lingering:
            allowed = phase == .flushing ? settings.sendTimeoutNanoseconds : settings.lingerNanoseconds
            begin = MonotonicTime(
                nanoseconds: deadlineBase.nanoseconds - min(deadlineBase.nanoseconds, allowed))
        }
        let waited = now.nanoseconds(since: begin)
        return waited >= allowed && waited - allowed >= loop.lapses.nanoseconds(since: begin)
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
            layers: stream.layers,
            leftover: Array(leftover.bytes), pendingOutput: output.takeRemainder())
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
}
