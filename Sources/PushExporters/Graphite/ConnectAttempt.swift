import CSystem
import Glibc
import Primitives

/// A socket of ours that is connecting or connected.
final class ClientSocket {
    let descriptor: Int32

    /// POLLRDHUP: the peer sends no more. Told whatever it sent before that nobody has read.
    static let peerClosed: Int16 = 0x2000

    init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }
}

/// Connecting to the addresses of a name, one after the other. Each gets an equal share of the time that is left.
struct ConnectAttempt {
    /// Bytes that the kernel may keep for the server, besides our own buffer; it makes twice as much of it. A report has 30 to
    /// 60 KB.
    private static let sendBuffer: Int32 = 128 * 1024

    private var addresses: ArraySlice<csystem_address> = []
    /// Whether the addresses are not known yet.
    private(set) var isLookingUp = true
    /// The socket that is connecting.
    private(set) var socket: ClientSocket?
    /// When to try the next address.
    private(set) var deadline = MonotonicTime.distantFuture

    /// Whether there is no other address to try.
    var isExhausted: Bool { addresses.isEmpty }

    mutating func begin(_ addresses: [csystem_address], port: UInt16) {
        isLookingUp = false
        self.addresses =
            addresses.map { address in
                var address = address
                address.port = port
                return address
            }[...]
    }

    /// Begins to connect to the next address; there must be one.
    ///
    /// - Parameters:
    ///   - until: when the time for all of them is over.
    ///   - userTimeout: milliseconds in which the peer must acknowledge what it is sent.
    /// - Returns: nil, or the errno value of what failed at once.
    mutating func next(until: MonotonicTime, now: MonotonicTime, userTimeout: UInt32) -> Int32? {
        let share = until.nanoseconds(since: now) / UInt64(max(1, addresses.count))
        var address = addresses.removeFirst()
        socket = nil
        let descriptor = csystem_connect(&address, userTimeout, Self.sendBuffer)
        guard descriptor >= 0 else { return -descriptor }
        socket = ClientSocket(owning: descriptor)
        // The last one has all that is left, and the end of that is the end of connecting.
        deadline = addresses.isEmpty ? .distantFuture : now.adding(nanoseconds: share)
        return nil
    }
}
