import Synchronization

/// What goes wrong with Graphite. Each is a counter on `/metrics`.
package enum GraphiteError: Int, CaseIterable, Sendable {
    /// No address for its name, or none in time.
    case lookup
    case connect
    case connectTimeout
    case send
    /// It took nothing for too long.
    case sendTimeout
    /// The server closed the connection.
    case closed

    /// As `graphite_errors_total{reason}` shows it.
    package var label: String {
        switch self {
        case .lookup: "lookup"
        case .connect: "connect"
        case .connectTimeout: "connect_timeout"
        case .send: "send"
        case .sendTimeout: "send_timeout"
        case .closed: "closed"
        }
    }
}

/// Why lines never reach Graphite. Each is a counter on `/metrics`.
package enum GraphiteLoss: Int, CaseIterable, Sendable {
    case bufferFull
    /// Graphite was switched off.
    case disabled
    /// They were for another host or port.
    case serverChanged

    /// As `graphite_lines_dropped_total{reason}` shows it.
    package var label: String {
        switch self {
        case .bufferFull: "buffer_full"
        case .disabled: "disabled"
        case .serverChanged: "server_changed"
        }
    }
}

/// What the exporter to Graphite counts: written by its thread, read by any.
package final class GraphiteStatistics: Sendable {
    /// The numbers of one moment.
    package struct Counts: Sendable {
        /// Whether there is a connection now.
        package var isConnected = false
        /// Reports that the kernel took to the end.
        package var reports = 0
        /// Bytes that the kernel took.
        package var sentBytes = 0
        /// Connections, the first included.
        package var connections = 0
        /// Bytes that wait now.
        package var bufferedBytes = 0
        /// By `GraphiteError.rawValue`.
        package var errors = [Int](repeating: 0, count: GraphiteError.allCases.count)
        /// Lines, by `GraphiteLoss.rawValue`.
        package var lostLines = [Int](repeating: 0, count: GraphiteLoss.allCases.count)
        /// When the last report was complete, in milliseconds since 1970; 0 for never.
        package var lastSuccess: Int64 = 0
    }

    private let counts = Mutex(Counts())

    /// The numbers now.
    package var reading: Counts { counts.withLock { $0 } }

    func update(_ body: (inout Counts) -> Void) { counts.withLock { body(&$0) } }

    func count(_ error: GraphiteError) { update { $0.errors[error.rawValue] += 1 } }

    func count(_ lines: Int, _ loss: GraphiteLoss) { update { $0.lostLines[loss.rawValue] += lines } }
}
