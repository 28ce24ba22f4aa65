/// What a client may ask of the server.
package struct HTTPLimits: Sendable {
    /// Bytes of method, target and version; 414 above.
    package var requestLineLength = 8_000
    /// Bytes of one header's value; 431 above. The header section as a whole is bounded by four times both.
    package var headerValueLength = 4_096
    /// Bytes; 413 above.
    package var bodySize = 1 << 20
    package var connections = 1_000
    /// How long a connection may stay silent between bytes and between requests.
    package var idleTimeout: Duration = .seconds(60)
    /// How long a request may take to arrive once its time has come, and its answer to leave: a client that
    /// sends or reads a byte now and then is cut after `idleTimeout + requestTimeout`.
    package var requestTimeout: Duration = .seconds(30)
    /// Threads that serve; a slow handler holds up one of them.
    package var threads = 2

    package init() {}

    /// What the HTTP library may keep for the request line and headers of one connection.
    var memoryForEachConnection: Int {
        max(16 * 1024, 4 * (max(0, requestLineLength) + max(0, headerValueLength)))
    }
}

extension Duration {
    /// Not negative; saturates.
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max / 4 : min(.max / 4, product &+ UInt64(max(0, attoseconds) / 1_000_000_000))
    }

    /// Rounded up, at least 1.
    var wholeSeconds: Int {
        max(1, Int(clamping: (wholeNanoseconds + 999_999_999) / 1_000_000_000))
    }
}
