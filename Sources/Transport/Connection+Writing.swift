import CSystem
import Glibc
import Primitives

/// From `output` to the socket.
extension Connection {
    /// Writes what waits: one call when the kernel takes it all. Otherwise the epoll set tells when to go on.
    final func flushOutput() {
        guard phase == .open || phase == .flushing else { return }
        if let layers = stream.layers { return flushOutput(through: layers) }
        var hasDrained = false
        while !output.isEmpty {
            let vectors = loop.vectors
            let count = output.gather(into: vectors)
            var offered = 0
            for index in 0..<count { offered += vectors[index].iov_len }
            let result =
                count == 1
                ? csystem_send(rawDescriptor, vectors[0].iov_base, offered)
                : csystem_send_vectors(rawDescriptor, vectors.baseAddress, Int32(truncatingIfNeeded: count))
            if result >= 0 {
                loop.events.count(.bytesSent, result)
                if output.wrote(result) { hasDrained = true }
                if result == offered { continue }
                deadlineProgressed()
            } else if result != -Int(EAGAIN) {
                return writingFailed(Int32(truncatingIfNeeded: -result))
            }
            waitForWriting()
            break
        }
        if output.isEmpty {
            if isWatchedForWriting { watch(reading: isWatchedForReading, writing: false) }
            if phase == .flushing { return linger() }
        }
        if hasDrained, phase == .open { outputDrained() }
    }

    /// As above, through TLS or WebSocket.
    private final func flushOutput(through layers: StreamLayers) {
        // Nothing can be said before; `established` is followed by the first write.
        guard !layers.isEstablishing else { return }
        var hasDrained = false
        while true {
            if phase == .flushing, output.isEmpty { layers.finish() }
            guard !output.isEmpty || layers.hasOutput else { break }
            let vectors = loop.vectors
            let count = output.gather(into: vectors)
            var offered = 0
            for index in 0..<count { offered += vectors[index].iov_len }
            let result = layers.write(
                rawDescriptor, vectors, count, offered: offered, scratch: loop.recordBuffer)
            if result >= 0 {
                loop.events.count(.bytesSent, result)
                if result > 0, output.wrote(result) { hasDrained = true }
                if result == offered { continue }
                deadlineProgressed()
            } else if result != -Int(EAGAIN) {
                return writingFailed(Int32(truncatingIfNeeded: -result))
            }
            waitForWriting()
            break
        }
        if output.isEmpty, !layers.hasOutput {
            if isWatchedForWriting { watch(reading: isWatchedForReading, writing: layers.wantsWriting) }
            if phase == .flushing { return linger() }
        }
        if hasDrained, phase == .open { outputDrained() }
    }

    private final func waitForWriting() {
        output.getStuck()
        guard !isWatchedForWriting else { return }
        loop.events.count(.writeBlocked, 1)
        deadlineProgressed()
        watch(reading: isWatchedForReading, writing: true)
        loop.time(self)
    }

    private final func deadlineProgressed() {
        // While flushing the deadline is fixed, or a peer that takes a byte now and then could hold us for
        // ever.
        if phase == .open { deadlineBase = loop.now }
    }

    /// The peer takes no more. It may have sent its last words before: they are read first, in the next turn.
    private final func writingFailed(_ errorNumber: Int32) {
        let cause = failure(errorNumber, counting: .writeError)
        discardOutput()
        output.isClosed = true
        guard phase == .open, pauses.isEmpty else { return end(cause) }
        writeFailure = cause
        scheduleResume()
    }

    final func discardOutput() {
        let discarded = output.discard()
        if discarded > 0 { loop.events.count(.bytesDiscarded, discarded) }
    }
}
