package import BrokerMetrics

/// What `/metrics` says about itself.
package enum ScrapeMetrics {
    static let scrapes = MetricFamily.counter(
        "metrics_scrapes_total", .requests, [.closed("format", ExpositionFormat.allCases.map(\.label))],
        help: "Answers of /metrics, by format.")
    static let shared = MetricFamily.counter(
        "metrics_scrapes_shared_total", .requests,
        help: "Of these, answers whose reading was shared with other scrapes that waited at the same time.")
    static let refused = MetricFamily.counter(
        "metrics_scrapes_refused_total", .requests,
        [.closed("reason", ScrapeStatistics.Refusal.allCases.map(\.rawValue))],
        help:
            "Scrapes that were refused: not_acceptable (no format that the Accept header takes), unknown_family (a metric was asked for that there is not), invalid (the query was not understood)."
    )
    static let bytes = MetricFamily.gauge(
        "metrics_scrape_bytes", .bytes, [.closed("format", ExpositionFormat.allCases.map(\.label))],
        help: "Size of the last whole answer of /metrics before it is compressed, by format.")
    static let seconds = MetricFamily.histogram(
        "metrics_scrape_seconds", .seconds, .turnSeconds,
        help: "How long making an answer of /metrics took, with waiting for the event loops.")
    static let series = MetricFamily.gauge(
        "metrics_series", .series,
        help: "Series of the last whole answer of /metrics, as the text format counts them.")

    /// What `docs/metrics.md` lists, whether the room runs or not.
    package static let room = MetricRoom(
        "Exporters",
        [
            scrapes, shared, refused, bytes, seconds, series,
        ])
}
