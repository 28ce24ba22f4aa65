package import BrokerMetrics

/// The metrics of the exporter of OTLP.
package enum OTLPMetrics {
    static let exports = MetricFamily.counter(
        "otlp_exports_total", .events, [.closed("result", OTLPExportResult.allCases.map(\.label))],
        help:
            "Exports to the OTLP receiver: accepted, partial (some points were rejected), refused (it will not have them), given_up (no success until the next export, or for two minutes), unconfirmed (the answer says success and is no OTLP)."
    )
    static let requests = MetricFamily.counter(
        "otlp_requests_total", .requests, [.closed("result", OTLPRequestResult.allCases.map(\.label))],
        help:
            "Requests to the OTLP receiver, those sent again included: accepted, partial, refused, busy (429, 502, 503, 504), unreachable, untrusted (its certificate), lost (the connection), timeout, answer_too_large, unreadable (no OTLP)."
    )
    static let retries = MetricFamily.counter(
        "otlp_retries_total", .requests,
        help: "Requests to the OTLP receiver that were sent again.")
    static let sentBytes = MetricFamily.counter(
        "otlp_sent_bytes_total", .bytes,
        help: "Bytes of the bodies of requests that the OTLP receiver answered, compressed.")
    static let points = MetricFamily.counter(
        "otlp_points_total", .points,
        help: "Data points that the OTLP receiver has accepted.")
    static let pointsRejected = MetricFamily.counter(
        "otlp_points_rejected_total", .points,
        help: "Data points that the OTLP receiver said it rejected, of exports that it accepted in part.")
    static let lastSuccess = MetricFamily.gauge(
        "otlp_last_success_timestamp_seconds", .seconds, scale: .nanoseconds,
        help:
            "When the OTLP receiver last accepted an export, if only in part, since 1970-01-01 UTC; 0 for never."
    )
    static let requestSeconds = MetricFamily.histogram(
        "otlp_request_seconds", .seconds, .turnSeconds,
        help: "How long requests to the OTLP receiver took, answered or not.")

    /// What `docs/metrics.md` lists, whether the room runs or not.
    package static let room = MetricRoom(
        "OTLP",
        [
            exports, requests, retries, sentBytes, points, pointsRejected, lastSuccess, requestSeconds,
        ])
}

extension OTLPStatistics {
    /// All samples of one moment. Any thread.
    package func read(_ reading: inout RoomReading) {
        let counts = self.reading
        for result in OTLPExportResult.allCases {
            reading.add(OTLPMetrics.exports, ["result": result.label], counts.exports[result.rawValue])
        }
        for result in OTLPRequestResult.allCases {
            reading.add(OTLPMetrics.requests, ["result": result.label], counts.requests[result.rawValue])
        }
        reading.add(OTLPMetrics.retries, counts.retries)
        reading.add(OTLPMetrics.sentBytes, counts.sentBytes)
        reading.add(OTLPMetrics.points, counts.points)
        reading.add(OTLPMetrics.pointsRejected, counts.rejectedPoints)
        reading.add(OTLPMetrics.lastSuccess, counts.lastSuccess * 1_000_000)
        reading.add(OTLPMetrics.requestSeconds, requests)
    }
}
