import CSystem
import Glibc
package import Primitives

/// From the socket to `received`.
///
/// Bytes are read into the loop's buffer, so a connection holds memory only for an incomplete packet:
///
///     loop's buffer    |leftover| read here →                                   |   presented as one span
///
/// A packet longer than half of that buffer is read straight into the leftover's own memory instead, once 16 KiB of it
/// have come: before, memory would follow what the packet's head claims.
extension Connection {
    /// Bytes of a long packet from which on the rest is read behind them.
    private final var gatheringThreshold: Int { 16 * 1024 }

    final func readInput() {
        var spent = 0
        while true {
            let half = loop.readBuffer.count / 2
            let isGathering =
                leftover.count > half || (neededByteCount > half && leftover.count >= gatheringThreshold)
            let target: UnsafeMutableRawBufferPointer
            if isGathering {
                let missing = neededByteCount > leftover.count ? neededByteCount - leftover.count : half
                leftover.reserve(min(missing, half, leftover.count), limit: leftover.count + missing)
                target = UnsafeMutableRawBufferPointer(rebasing: leftover.freeSpace.prefix(missing))
            } else {
                target = UnsafeMutableRawBufferPointer(rebasing: loop.readBuffer[leftover.count...])
            }
            let read = read(into: target)
            let result = read.count
            guard result > 0 else { return inputEnded(result) }
            loop.events.count(.bytesReceived, result)
            spent += result
            if isGathering {
                leftover.added(result)
                if leftover.count >= neededByteCount { presentLeftover() } else { countHeldInput() }
            } else {
                presentReadBuffer(read: result)
            }
            guard !read.isDrained, phase == .open, pauses.isEmpty else { return leaveInput() }
            if spent >= loop.settings.readBudgetByteCount {
                if stream.layers?.hasInput == true { return yieldTurn() }
                loop.events.count(.fairnessYield, 1)
                return
            }
        }
    }

    /// Reads from the socket, or through the layers on it.
    @inline(__always)
    private final func read(into target: UnsafeMutableRawBufferPointer) -> ByteStream.Read {
        switch stream {
        case .plain:
            let count = csystem_read(rawDescriptor, target.baseAddress, target.count)
            // A read that was not filled took everything there was.
            return ByteStream.Read(count: count, isDrained: count < target.count)
        case .layered(let layers): return readLayered(layers, into: target)
        }
    }

    private final func readLayered(_ layers: StreamLayers, into target: UnsafeMutableRawBufferPointer)
        -> ByteStream.Read
    {
        let wasEstablishing = layers.isEstablishing
        let read = layers.read(rawDescriptor, into: target)
        if wasEstablishing, layers.hasOpened, !layers.hasBeenEstablished {
            if let address = layers.clientAddress { peer = address }
            guard listener?.admits(layers.clientAddress, now: loop.now) ?? true else {
                end(.requested)
                return ByteStream.Read(count: -Int(EAGAIN), isDrained: true)
            }
            layers.established()
            established()
        }
        return read
    }

    /// What layers have to say is written, and what they hold is read in the next turn: the socket will not tell of it.
    private final func leaveInput() {
        guard let layers = stream.layers else { return }
        if layers.hasOutput { flushOutput() }
        if phase == .open, pauses.isEmpty, layers.hasInput { yieldTurn() }
    }

    /// A step of the handshake, which costs the time of hundreds of packets.
    final func goOnShakingHands() {
        isHandshakeQueued = false
        guard phase == .open, pauses.isEmpty else { return }
        if isWatchedForWriting { watch(reading: true, writing: false) }
        readInput()
    }

    /// The socket takes bytes, which reading waited for.
    final func goOnReading() {
        guard phase == .open else { return }
        guard pauses.isEmpty else {
            return watch(reading: isWatchedForReading, writing: !output.isEmpty)
        }
        watch(reading: true, writing: !output.isEmpty)
        readInput()
    }

    /// Reads what waits in the socket now, before somebody concludes that the peer is silent. As much as in a turn.
    ///
    /// While reading is paused nothing is read.
    ///
    /// - Returns: false when the connection has ended, or is about to for another reason.
    package final func readWaiting() -> Bool {
        if phase == .open, pauses.isEmpty, writeFailure == nil, !isPresenting { readInput() }
        return phase == .open && writeFailure == nil
    }

    private final func inputEnded(_ result: Int) {
        switch Int32(truncatingIfNeeded: -result) {
        case 0:
            loop.events.count(.halfClosed, 1)
            if !output.isEmpty || hasStreamOutput, !isWatchedForWriting { flushOutput() }
            close(writeFailure ?? .peerClosed, afterFlush: false)
        case EAGAIN:
            leaveInput()
            if phase == .open, stream.layers?.wantsWriting == true {
                watch(reading: isWatchedForReading, writing: true)
            }
        case EPROTO where stream.layers?.problem != nil:
            // What the layers say to that still reaches the peer.
            if phase == .open { close(.stream, afterFlush: true) }
        case let error: close(failure(error, counting: .readError), afterFlush: false)
        }
    }

    private final var hasStreamOutput: Bool { stream.layers?.hasOutput ?? false }

    private final func presentReadBuffer(read count: Int) {
        let old = leftover.count
        let total = old + count
        if old > 0 {
            guard total >= neededByteCount else {
                let fresh = UnsafeRawBufferPointer(rebasing: loop.readBuffer[old..<total])
                leftover.append(fresh, limit: neededByteCount)
                return countHeldInput()
            }
            loop.readBuffer.copyMemory(from: leftover.bytes)
        }
        let bytes = UnsafeRawBufferPointer(rebasing: loop.readBuffer[..<total])
        let consumed = present(bytes)
        leftover.replace(with: UnsafeRawBufferPointer(rebasing: bytes[consumed...]))
        countHeldInput()
        presented()
    }

    /// Presents what is held again.
    final func presentLeftover() {
        leftover.removeFirst(present(leftover.bytes))
        countHeldInput()
        presented()
    }

    private final func present(_ bytes: UnsafeRawBufferPointer) -> Int {
        neededByteCount = 0
        isPresenting = true
        defer { isPresenting = false }
        return min(max(received(bytes.bytes), 0), bytes.count)
    }

    /// What was asked for during `received` and had to wait for its result.
    private final func presented() {
        if let handOver {
            self.handOver = nil
            if let socket = detach() { handOver(socket) }
        }
    }

    /// Reads and forgets, until the peer ends or the deadline comes.
    final func discardInput() {
        let target = loop.readBuffer
        let result = csystem_read(rawDescriptor, target.baseAddress, target.count)
        if result > 0 {
            loop.events.count(.bytesReceived, result)
            loop.events.count(.bytesIgnored, result)
        } else if result != -Int(EAGAIN) {
            end(cause)
        }
    }

    /// Stops reading for `reason`, from now on: `received` may pause and leave packets unconsumed. Reasons
    /// add up.
    package final func pauseReading(_ reason: PauseReason) {
        if pauses.isEmpty, phase == .open { loop.events.count(.readPaused, 1) }
        pauses.insert(reason)
        // The epoll set is told only if bytes come in the meantime: most pauses are shorter.
    }

    /// Leaves what `received` does not consume for the next turn. Call it in `received` when `loop.isTurnOver`.
    package final func yieldTurn() {
        guard phase == .open, !pauses.contains(.turn) else { return }
        loop.events.count(.fairnessYield, 1)
        pauses.insert(.turn)
        loop.yielded.append(self)
    }

    /// Takes `reason` away. With the last one reading goes on, in this turn or the next, and begins with
    /// what was left unconsumed.
    package final func resumeReading(_ reason: PauseReason) {
        guard !pauses.isDisjoint(with: reason) else { return }
        pauses.subtract(reason)
        if pauses.isEmpty, phase == .open { scheduleResume() }
    }

    final func scheduleResume() {
        guard !isResumeScheduled else { return }
        isResumeScheduled = true
        loop.resumed.append(self)
    }

    /// The loop calls this some time after `scheduleResume`.
    final func resume() {
        isResumeScheduled = false
        guard phase == .open else { return }
        if let writeFailure {
            if pauses.isEmpty { readInput() }
            return close(writeFailure, afterFlush: false)
        }
        guard pauses.isEmpty else { return }
        watch(reading: true, writing: isWatchedForWriting)
        if phase == .open, !leftover.isEmpty, leftover.count >= neededByteCount { presentLeftover() }
        if phase == .open, pauses.isEmpty, stream.layers?.hasInput == true { readInput() }
    }
}
