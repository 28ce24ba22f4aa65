package import BrokerMetrics

/// The metrics of the exporter to Graphite.
package enum GraphiteMetrics {
    static let connected = MetricFamily.gauge(
        "graphite_connected", .flag,
        help: "1 while there is a connection to Graphite.")
    static let pushes = MetricFamily.counter(
        "graphite_pushes_total", .events,
        help: "Reports to Graphite that the kernel has taken to the last byte, with no line dropped.")
    static let sentBytes = MetricFamily.counter(
        "graphite_sent_bytes_total", .bytes,
        help: "Bytes that the kernel has taken for Graphite.")
    static let errors = MetricFamily.counter(
        "graphite_errors_total", .events, [.closed("reason", GraphiteError.allCases.map(\.label))],
        help:
            "What went wrong with Graphite: lookup (its name is not known, or name servers do not answer), connect, connect_timeout, send, send_timeout (it took nothing for graphite_send_timeout), closed (by the server)."
    )
    static let reconnects = MetricFamily.counter(
        "graphite_reconnects_total", .connections,
        help: "Connections to Graphite that were made after the first.")
    static let bufferedBytes = MetricFamily.gauge(
        "graphite_buffered_bytes", .bytes,
        help: "Bytes that wait for Graphite to take them.")
    static let linesDropped = MetricFamily.counter(
        "graphite_lines_dropped_total", .lines, [.closed("reason", GraphiteLoss.allCases.map(\.label))],
        help:
            "Lines that Graphite never got: buffer_full (graphite_buffer), disabled (graphite_enabled was set to off), server_changed (so were its host or port)."
    )
    static let lastSuccess = MetricFamily.gauge(
        "graphite_last_success_timestamp_seconds", .seconds, scale: .nanoseconds,
        help: "When the last report to Graphite was sent to the end, since 1970-01-01 UTC; 0 for never.")

    /// What `docs/metrics.md` lists, whether the room runs or not.
    package static let room = MetricRoom(
        "Graphite",
        [
            connected, pushes, sentBytes, errors, reconnects, bufferedBytes, linesDropped, lastSuccess,
        ])
}

extension GraphiteStatistics {
    /// All samples of one moment. Any thread.
    package func read(_ reading: inout RoomReading) {
        let counts = self.reading
        reading.add(GraphiteMetrics.connected, counts.isConnected ? 1 : 0)
        reading.add(GraphiteMetrics.pushes, counts.reports)
        reading.add(GraphiteMetrics.sentBytes, counts.sentBytes)
        for error in GraphiteError.allCases {
            reading.add(GraphiteMetrics.errors, ["reason": error.label], counts.errors[error.rawValue])
        }
        reading.add(GraphiteMetrics.reconnects, max(0, counts.connections - 1))
        reading.add(GraphiteMetrics.bufferedBytes, counts.bufferedBytes)
        for loss in GraphiteLoss.allCases {
            reading.add(GraphiteMetrics.linesDropped, ["reason": loss.label], counts.lostLines[loss.rawValue])
        }
        reading.add(GraphiteMetrics.lastSuccess, counts.lastSuccess * 1_000_000)
    }
}
