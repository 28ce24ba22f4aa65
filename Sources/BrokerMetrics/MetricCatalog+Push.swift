/// Metrics by push: to Graphite, and to a receiver of OpenTelemetry's protocol.
extension MetricCatalog {
    static let push: [MetricFamily] = [
        .single(
            "graphite_connected", .gauge, .flag, .own, .external(.graphiteConnected),
            help: "1 while there is a connection to Graphite."),
        .single(
            "graphite_pushes_total", .counter, .events, .own, .external(.graphitePushes),
            help: "Reports to Graphite that the kernel has taken to the last byte, with no line dropped."),
        .single(
            "graphite_sent_bytes_total", .counter, .bytes, .own, .external(.graphiteSentBytes),
            help: "Bytes that the kernel has taken for Graphite."),
        .single(
            "graphite_errors_total", .counter, .events, .own, .external(.graphiteErrors),
            help:
                "What went wrong with Graphite: lookup (its name is not known, or name servers do not answer), connect, connect_timeout, send, send_timeout (it took nothing for graphite_send_timeout), closed (by the server)."
        ),
        .single(
            "graphite_reconnects_total", .counter, .connections, .own, .external(.graphiteReconnects),
            help: "Connections to Graphite that were made after the first."),
        .single(
            "graphite_buffered_bytes", .gauge, .bytes, .own, .external(.graphiteBufferedBytes),
            help: "Bytes that wait for Graphite to take them."),
        .single(
            "graphite_lines_dropped_total", .counter, .lines, .own, .external(.graphiteLinesDropped),
            help:
                "Lines that Graphite never got: buffer_full (graphite_buffer), disabled (graphite_enabled was set to off), server_changed (so were its host or port)."
        ),
        .single(
            "graphite_last_success_timestamp_seconds", .gauge, .seconds, .own,
            .external(.graphiteLastSuccess, .nanoseconds),
            help: "When the last report to Graphite was sent to the end, since 1970-01-01 UTC; 0 for never."),
        .single(
            "otlp_exports_total", .counter, .events, .own, .external(.otlpExports),
            help:
                "Exports to the OTLP receiver: accepted, partial (some points were rejected), refused (it will not have them), given_up (no success until the next export, or for two minutes), unconfirmed (the answer says success and is no OTLP)."
        ),
        .single(
            "otlp_requests_total", .counter, .requests, .own, .external(.otlpRequests),
            help:
                "Requests to the OTLP receiver, those sent again included: accepted, partial, refused, busy (429, 502, 503, 504), unreachable, untrusted (its certificate), lost (the connection), timeout, answer_too_large, unreadable (no OTLP)."
        ),
        .single(
            "otlp_retries_total", .counter, .requests, .own, .external(.otlpRetries),
            help: "Requests to the OTLP receiver that were sent again."),
        .single(
            "otlp_sent_bytes_total", .counter, .bytes, .own, .external(.otlpSentBytes),
            help: "Bytes of the bodies of requests that the OTLP receiver answered, compressed."),
        .single(
            "otlp_points_total", .counter, .points, .own, .external(.otlpPoints),
            help: "Data points that the OTLP receiver has accepted."),
        .single(
            "otlp_points_rejected_total", .counter, .points, .own, .external(.otlpPointsRejected),
            help: "Data points that the OTLP receiver said it rejected, of exports that it accepted in part."),
        .single(
            "otlp_last_success_timestamp_seconds", .gauge, .seconds, .own,
            .external(.otlpLastSuccess, .nanoseconds),
            help:
                "When the OTLP receiver last accepted an export, if only in part, since 1970-01-01 UTC; 0 for never."
        ),
        .single(
            "otlp_request_seconds", .histogram, .seconds, .own,
            .externalHistogram(.otlpRequest, .turnSeconds),
            help: "How long requests to the OTLP receiver took, answered or not."),
    ]
}
