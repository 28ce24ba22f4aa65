/// What a client may ask of the server.
package struct HTTPLimits: Sendable {
    /// Bytes of method, target and version; 414 above.
    package var requestLineLength = 8_000
    /// Bytes of one header's value; 431 above.
    package var headerValueLength = 4_096
    /// Header fields, trailers among them; 431 above.
    package var headerCount = 100
    /// Bytes; 413 above.
    package var bodySize = 1 << 20
    /// Connections at the same time. One more makes the server close the one that it can spare most.
    package var connections = 1_000
    /// How long a connection may stay silent between two requests.
    package var idleTimeout: Duration = .seconds(60)
    /// How long a request may take to arrive, and how long its answer may then take to be sent. The first request of a
    /// connection has this time from the opening of the connection, a later one from its first byte. The answer has it
    /// from the moment when its page is made; the time that making the page takes does not count.
    package var requestTimeout: Duration = .seconds(10)
    /// Threads that make pages; a slow page holds up one of them, and no connection.
    package var threads = 2
    /// Answers with an end that may be streams at the same time, each with a thread if it has a producer; 503 above.
    package var streams = 8
    /// Likewise for streams that go on until their reader goes, so that they take no place of others.
    package var lastingStreams = 8

    /// The default limits.
    package init() {}

    /// Connections above the limit that may be open for the moment in which another one gives way.
    static let connectionsInPassing = 32

    /// Bytes that the library may keep for the request line and header fields of one connection: room for more than is
    /// allowed, so that we see and tell what was too long.
    var memoryForEachConnection: Int { 2 * headerSectionLength + 8192 }

    /// Bytes of all header fields of a request together; 431 above.
    var headerSectionLength: Int {
        max(16 * 1024, 4 * (max(0, requestLineLength) + max(0, headerValueLength)))
    }

    /// Bytes of body that all requests may hold together while they arrive; 503 above.
    var bodyBudget: Int { max(bodySize, 16 << 20) }

    /// Bytes of answers that may wait for their clients together, before those are cut who read slowest.
    var outputBudget: Int { 64 << 20 }
}

extension Duration {
    /// Not negative; saturates.
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max / 4 : min(.max / 4, product &+ UInt64(max(0, attoseconds) / 1_000_000_000))
    }
}
