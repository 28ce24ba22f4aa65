import Glibc
import Logging
import Primitives
import Synchronization
import Testing
import Transport

struct ListeningTests {
    @Test func `IPv6 clients are served and known by their address`() throws {
        let harness = try Harness()
        let peers = Inbox<[PeerAddress]>()
        let script = Script(opened: { peers.post([$0.peer, $0.local]) }) { connection, bytes in
            connection.output.append(bytes)
            return bytes.count
        }
        let address = try harness.listen(script, at: "::1:0")
        #expect(address.kind == .ipv6)
        let client = try Client(address)
        let seen = try peers.next()
        #expect(seen[0].ipText == "::1")
        #expect(seen[1] == address)
        #expect(seen[1].description == "[::1]:\(address.port)")
        try client.send([1])
        #expect(try client.read(1) == [1])
    }

    @Test func `a Unix socket is shared by the loops, and a dead broker's file is no hindrance`() throws {
        let path = "/tmp/transport-test-\(getpid())-share.sock"
        defer { unlink(path) }
        // Bound and closed: the file stays.
        _ = try bindListener(address: ListenAddress(parsing: "local:\(path)"), loops: 1)
        #expect(access(path, F_OK) == 0)

        let harness = try Harness(loops: 2)
        let address = try harness.listen(.echo(), at: "local:\(path):0")
        for index in 0..<8 {
            let client = try Client(address)
            try client.send([UInt8(index)])
            #expect(try client.read(1) == [UInt8(index)])
        }
        let error = #expect(throws: TransportError.self) {
            try bindListener(address: ListenAddress(parsing: "local:\(path)"), loops: 2)
        }
        #expect(error?.errorNumber == EADDRINUSE, "somebody answers there")
        #expect(error?.description.contains("another process answers there") == true)
    }

    @Test func `a file that is not a socket is not removed`() throws {
        let path = "/tmp/transport-test-\(getpid())-file"
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        defer { unlink(path) }
        #expect(throws: TransportError.self) {
            try bindListener(address: ListenAddress(parsing: "local:\(path)"), loops: 1)
        }
        #expect(access(path, F_OK) == 0)
    }

    @Test(arguments: [1, 2]) func `a port in use is refused although the loops share theirs`(loops: Int)
        throws
    {
        let bound = try bindListener(address: ListenAddress(parsing: "127.0.0.1:0"), loops: 2)
        let error = #expect(throws: TransportError.self) {
            try bindListener(address: bound.address, loops: loops)
        }
        #expect(
            error?.description
                == "cannot listen on 127.0.0.1:\(bound.address.port): Address already in use: "
                + "another process listens on this port, or a connection that ended within the last minute "
                + "still has it; stop it, wait, or change the listener's port")
        withExtendedLifetime(bound) {}
    }

    @Test func `a full listener leaves clients in the backlog until one goes`() throws {
        let harness = try Harness(loops: 2)
        let state = ListenerState(name: "small", maxConnections: 2, action: .wait)
        let opened = Inbox<Int>()
        let script = Script(opened: { opened.post($0.slot) }) { connection, bytes in
            connection.output.append(bytes)
            return bytes.count
        }
        let address = try harness.listen(script, state: state)
        var clients = try (0..<4).map { _ in try Client(address) }
        for client in clients { try client.send([1]) }
        _ = try opened.next()
        _ = try opened.next()
        while harness.events.sum(.acceptPaused) == 0 { try harness.ask { _ in } }
        #expect(state.counts.active == 2)
        #expect(opened.all().isEmpty)

        // Whoever is served hangs up; every client is served in the end.
        var served = 0
        for _ in 0..<200 where !clients.isEmpty {
            for index in clients.indices.reversed() {
                var descriptor = pollfd(fd: clients[index].descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&descriptor, 1, 50) == 1 else { continue }
                #expect(try clients[index].read(1) == [1])
                clients.remove(at: index)
                served += 1
            }
        }
        #expect(served == 4)
        for _ in 0..<4 { #expect(try script.closed.next() == .peerClosed) }
        #expect(state.counts.active == 0)
        #expect(state.counts.accepted == 4)
    }

    @Test func `a raised limit lets those in who wait`() throws {
        let harness = try Harness()
        let state = ListenerState(name: "closed", maxConnections: 0, action: .wait)
        let address = try harness.listen(.echo(), state: state)
        let client = try Client(address)
        try client.send([3])
        while harness.events.sum(.acceptPaused) == 0 { try harness.ask { _ in } }
        state.maxConnections = 1
        #expect(try client.read(1) == [3])
    }

    @Test
    func `who is over a limit is accepted to be told, a bounded number at a time, whatever loop it meets`()
        throws
    {
        let lines = Inbox<String>()
        let logger = Logger(label: "test") { _ in RecordingLog(lines: lines) }
        let harness = try Harness(loops: 2, logger: logger)
        let refusals = ConnectionPlaces(maximum: 3)
        let state = ListenerState(name: "small", maxConnections: 2, shared: SharedLimits(refusals: refusals))
        let opened = Inbox<ConnectionLimit?>()
        let script = Script(opened: { opened.post($0.overLimit) }) { connection, bytes in
            connection.output.append(bytes)
            return bytes.count
        }
        let address = try harness.listen(script, state: state)
        var clients = try (0..<8).map { _ in try Client(address) }
        let first = try (0..<5).map { _ in try opened.next() }
        #expect(first.count { $0 == nil } == 2)
        #expect(first.count { $0 == .maxConnections } == 3)
        while harness.events.sum(.acceptPaused) == 0 { try harness.ask { _ in } }
        #expect(state.counts.active == 2 && refusals.taken == 3)
        #expect(opened.all().isEmpty, "the others wait until one of these has been told")

        clients.removeAll()
        var counts = [2, 3]
        for _ in 0..<3 { counts[try opened.next() == nil ? 0 : 1] += 1 }
        for _ in 0..<8 { _ = try script.closed.next() }
        #expect(state.counts.active == 0 && refusals.taken == 0)
        #expect(state.counts.accepted == 8 && state.counts.overLimit == [counts[1], 0, 0, 0])
        #expect(harness.events.sum(.refusedOverLimit) == counts[1])
        #expect(lines.all() == ["warning no room for more connections: clients are refused"])
    }

    @Test func `the descriptors for clients bound all listeners together`() throws {
        let harness = try Harness(loops: 2)
        let shared = SharedLimits(clients: ConnectionPlaces(maximum: 3))
        let states = [
            ListenerState(name: "one", shared: shared),
            ListenerState(name: "two", action: .wait, shared: shared),
        ]
        let opened = Inbox<ConnectionLimit?>()
        let script = Script(opened: { opened.post($0.overLimit) }) { connection, bytes in
            connection.output.append(bytes)
            return bytes.count
        }
        let addresses = try states.map { try harness.listen(script, state: $0) }
        var served = [try Client(addresses[0]), try Client(addresses[1]), try Client(addresses[0])]
        for _ in 0..<3 { #expect(try opened.next() == nil) }
        let refused = try Client(addresses[0])
        #expect(try opened.next() == .descriptors)
        let waiting = try Client(addresses[1])
        while harness.events.sum(.acceptPaused) == 0 { try harness.ask { _ in } }
        #expect(shared.clients?.taken == 3)
        #expect(states[0].counts.overLimit == [0, 1, 0, 0])
        #expect(states[1].reachedLimits(now: SystemClock().now) == [.descriptors])
        served.removeLast()
        try waiting.send([7])
        #expect(try waiting.read(1) == [7])
        #expect(shared.clients?.taken == 3)
        withExtendedLifetime(refused) {}
    }

    @Test func `running out of descriptors is logged once, counted, and ends`() throws {
        let lines = Inbox<String>()
        let logger = Logger(label: "test") { _ in RecordingLog(lines: lines) }
        var settings = LoopSettings()
        settings.acceptRetryMilliseconds = 5
        let harness = try Harness(settings: settings, logger: logger)
        let failures = Mutex(3)
        let state = ListenerState(name: "starved")
        // Fails as the kernel does; each time the client is sent away with the descriptor in reserve.
        let isReserveUsed = Mutex(false)
        let address = try harness.listen(.echo(), state: state) { listener in
            if isReserveUsed.withLock({ $0 }) {
                isReserveUsed.withLock { $0 = false }
                let descriptor = accept(listener, nil, nil)
                return descriptor < 0
                    ? .failed(errno) : .connection(FileDescriptor(owning: descriptor), .unknown)
            }
            var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 0) == 1 else { return .failed(EAGAIN) }
            let fails = failures.withLock { left in
                defer { left -= 1 }
                return left > 0
            }
            if fails {
                isReserveUsed.withLock { $0 = true }
                return .failed(EMFILE)
            }
            return .connection(FileDescriptor(owning: accept4ForTest(listener)), .unknown)
        }
        for _ in 0..<3 {
            let client = try Client(address)
            #expect(try client.readToEnd() == [], "sent away rather than left hanging")
        }
        let client = try Client(address)
        try client.send([1])
        #expect(try client.read(1) == [1])
        #expect(harness.events.sum(.descriptorExhausted) == 3)
        #expect(state.counts.refused == 3)
        #expect(state.counts.active == 1)
        // That it is over may be logged as well, when this machine was slow.
        #expect(lines.all().count { $0.contains("out of descriptors") } == 1)
    }

    @Test func `a loop may stop accepting and go on, and close its acceptors`() throws {
        let harness = try Harness()
        let state = ListenerState(name: "pausing")
        let address = try harness.listen(.echo(), state: state)
        try harness.ask { $0.pauseAccepting() }
        let client = try Client(address)
        try client.send([1])
        for _ in 0..<3 { try harness.ask { _ in } }
        #expect(state.counts.accepted == 0)
        try harness.ask { $0.resumeAccepting() }
        #expect(try client.read(1) == [1])
        try harness.ask { $0.closeAcceptors(of: state) }
        #expect(throws: CannotConnect.self) { try Client(address) }
        try client.send([2])
        #expect(try client.read(1) == [2], "connections stay")
    }
}

private func accept4ForTest(_ listener: Int32) -> Int32 {
    let descriptor = accept(listener, nil, nil)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    return descriptor
}

private struct RecordingLog: LogHandler {
    let lines: Inbox<String>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.post("\(event.level) \(event.message)")
    }
}
