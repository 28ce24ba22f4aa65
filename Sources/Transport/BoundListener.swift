import CSystem
import Glibc
import Synchronization

/// The listening sockets of one address, one for each loop, until the loops take them.
///
/// For IP the sockets share the port (`SO_REUSEPORT`) and the kernel spreads the clients. For a Unix socket
/// they are one socket under several descriptors.
package final class BoundListener: Sendable {
    /// Where it listens; the port is the real one when 0 was asked for.
    package let address: ListenAddress
    private let sockets: Mutex<[Int32]>

    fileprivate init(address: ListenAddress, sockets: [Int32]) {
        self.address = address
        self.sockets = Mutex(sockets)
    }

    /// A socket for one loop's `addAcceptor`; nil when all are taken.
    package func takeSocket() -> FileDescriptor? {
        sockets.withLock { $0.popLast().map { FileDescriptor(owning: $0) } }
    }

    /// Removes the file of a Unix socket; call it when the listener has stopped.
    package func removeSocketFile() {
        if let path = address.address.path { unlink(path) }
    }

    deinit {
        sockets.withLock { for socket in $0 { close(socket) } }
    }
}

/// What can be set of a listening socket.
package struct ListenOptions: Sendable {
    /// Clients that may wait to be accepted, for each loop.
    package var backlog: Int32 = 1024
    /// The kernel's buffers of each connection in bytes; 0 = the system's choice.
    package var sendBufferByteCount: Int32 = 0
    /// As `sendBufferByteCount`, for what is received.
    package var receiveBufferByteCount: Int32 = 0

    /// The values above.
    package init() {}
}

/// Opens a listening socket for each of `loops` loops.
///
/// A port that anybody listens on already is refused, although the sockets of the loops share theirs: a
/// socket that does not share is bound first, as a question.
///
/// - Throws: the text names the address, the kernel's words and what to do.
///
/// - Parameter inherited: a socket among these that listens there already is taken.
package func bindListener(
    address: ListenAddress, loops: Int, options: ListenOptions = ListenOptions(),
    inherited: InheritedSockets = InheritedSockets()
) throws(TransportError) -> BoundListener {
    let count = max(loops, 1)
    if let socket = inherited.take(address) { return try share(socket, address, count) }
    if address.isUnix { return try bindUnix(address, count, options) }

    if address.port != 0 {
        _ = try listen(on: address, sharing: false, options)  // closed at once
    }
    var bound = address
    var sockets: [FileDescriptorBox] = []
    for _ in 0..<count {
        let socket = FileDescriptorBox(try listen(on: bound, sharing: count > 1, options))
        if bound.port == 0 {
            var system = csystem_address()
            guard csystem_local_address(socket.rawValue, &system) == 0 else { continue }
            bound = ListenAddress(bound.address.withPort(system.port))
        }
        sockets.append(socket)
    }
    return BoundListener(address: bound, sockets: sockets.map { $0.take() })
}

private func bindUnix(
    _ address: ListenAddress, _ count: Int, _ options: ListenOptions
) throws(TransportError) -> BoundListener {
    try removeStaleSocket(address)
    return try share(try listen(on: address, sharing: false, options), address, count)
}

/// One socket under several descriptors, one for each loop.
private func share(
    _ socket: consuming FileDescriptor, _ address: ListenAddress, _ count: Int
) throws(TransportError) -> BoundListener {
    let first = FileDescriptorBox(socket)
    var sockets = [first]
    while sockets.count < count {
        let copy = csystem_duplicate(first.rawValue)
        guard copy >= 0 else { throw listenError(address, -copy) }
        sockets.append(FileDescriptorBox(FileDescriptor(owning: copy)))
    }
    return BoundListener(address: address, sockets: sockets.map { $0.take() })
}

/// A socket's file stays behind when its broker dies. It is removed if it is a socket and nobody answers
/// there.
private func removeStaleSocket(_ address: ListenAddress) throws(TransportError) {
    guard let path = address.address.path, var system = address.address.systemAddress else { return }
    let kind = csystem_is_socket_file(path)
    guard kind >= 0 else { return }  // there is none; anything else is found out by binding
    guard kind == 1 else {
        throw TransportError(
            "listen on \(address)", errorNumber: EADDRINUSE,
            advice: "a file that is not a socket has this path; move it away or choose another path")
    }
    if csystem_connect_probe(&system) == -ECONNREFUSED { unlink(path) }
}

private func listen(
    on address: ListenAddress, sharing: Bool, _ options: ListenOptions
) throws(TransportError) -> FileDescriptor {
    guard var system = address.address.systemAddress else { throw listenError(address, ENAMETOOLONG) }
    var settings = csystem_listen_options(
        backlog: options.backlog, reuse_port: sharing ? 1 : 0, send_buffer: options.sendBufferByteCount,
        receive_buffer: options.receiveBufferByteCount)
    var step: Int32 = 0
    let result = csystem_listen(&system, &settings, &step)
    guard result >= 0 else { throw listenError(address, -result) }
    return FileDescriptor(owning: result)
}

private func listenError(_ address: ListenAddress, _ error: Int32) -> TransportError {
    let advice =
        switch error {
        case EADDRINUSE where address.isUnix: "another process answers there; stop it or choose another path"
        case EADDRINUSE:
            "another process listens on this port, or a connection that ended within the last minute still has it; stop it, wait, or change the listener's port"
        case EADDRNOTAVAIL:
            "no network interface of this machine has this address; use one that has, or 0.0.0.0 or ::"
        case EACCES where address.isUnix, EPERM where address.isUnix, EROFS:
            "the broker's user may not create files there; give it the directory or choose another path"
        case EACCES, EPERM: "ports below 1024 need CAP_NET_BIND_SERVICE; grant it or use a higher port"
        case EAFNOSUPPORT: "the kernel has no IPv6; use an IPv4 address"
        case EMFILE, ENFILE: "raise the limit on open files (ulimit -n)"
        case ENOENT, ENOTDIR: "the directory does not exist; create it"
        case ENAMETOOLONG: "a socket's path has at most 107 bytes; choose a shorter one"
        default: "the listener does not start"
        }
    return TransportError("listen on \(address)", errorNumber: error, advice: advice)
}

/// Keeps a descriptor in an array, which cannot hold noncopyable values.
private final class FileDescriptorBox {
    private var descriptor: Int32

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor.release() }

    var rawValue: Int32 { descriptor }

    func take() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
