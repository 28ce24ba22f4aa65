import CSystem
import Glibc
import StreamProtocols

/// Reads a PROXY header from a socket, and no byte behind it: TLS reads the socket itself. One thread at a time.
struct ProxyLayer {
    enum Step {
        case done(ProxyFacts)
        /// It is not complete, and the socket has no more.
        case waits
        case malformed(ProxyProblem)
        /// A negative errno, or 0: the peer has ended its side.
        case ended(Int)
    }

    /// What has come of the header.
    private var bytes: [UInt8] = []

    /// - Parameter scratch: room for a header, whose bytes are not kept.
    mutating func read(_ descriptor: Int32, _ scratch: UnsafeMutableRawBufferPointer) -> Step {
        let room = min(scratch.count, ProxyHeader.maximumByteCount - bytes.count)
        let seen = csystem_peek(descriptor, scratch.baseAddress, room)
        guard seen > 0 else { return seen == -Int(EAGAIN) ? .waits : .ended(seen) }
        let before = bytes.count
        bytes.append(contentsOf: scratch.prefix(seen))
        let received = bytes
        switch ProxyHeader.parse(received.span.bytes) {
        case .malformed(let problem): return .malformed(problem)
        case .incomplete:
            // All of it belongs to the header.
            return take(seen, descriptor, scratch) ? .waits : .ended(-Int(EIO))
        case .header(let facts, let byteCount):
            return take(byteCount - before, descriptor, scratch) ? .done(facts) : .ended(-Int(EIO))
        }
    }

    /// Takes bytes out of the socket that have been seen there.
    private func take(_ count: Int, _ descriptor: Int32, _ scratch: UnsafeMutableRawBufferPointer) -> Bool {
        csystem_read(descriptor, scratch.baseAddress, count) == count
    }
}
