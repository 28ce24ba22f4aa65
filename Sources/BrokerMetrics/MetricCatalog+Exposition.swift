/// What `/metrics` says about itself: the scrapes, their size and time, and what a budget of series has folded.
extension MetricCatalog {
    static let exposition: [MetricFamily] = [
        .single(
            "metrics_scrapes_total", .counter, .requests, .own, .external(.metricsScrapes),
            help: "Answers of /metrics, by format."),
        .single(
            "metrics_scrapes_shared_total", .counter, .requests, .own, .external(.metricsScrapesShared),
            help:
                "Of these, answers whose reading was shared with other scrapes that waited at the same time."),
        .single(
            "metrics_scrapes_refused_total", .counter, .requests, .own, .external(.metricsScrapesRefused),
            help:
                "Scrapes that were refused: not_acceptable (no format that the Accept header takes), unknown_family (a metric was asked for that there is not), invalid (the query was not understood)."
        ),
        .single(
            "metrics_scrape_bytes", .gauge, .bytes, .own, .external(.metricsScrapeBytes),
            help: "Size of the last whole answer of /metrics before it is compressed, by format."),
        .single(
            "metrics_scrape_seconds", .histogram, .seconds, .own,
            .externalHistogram(.scrapeNanoseconds, .turnSeconds),
            help: "How long making an answer of /metrics took, with waiting for the event loops."),
        .single(
            "metrics_series", .gauge, .series, .own, .external(.metricsSeries),
            help: "Series of the last whole answer of /metrics, as the text format counts them."),
        .single(
            "metrics_folded_series", .gauge, .series, .own, .external(.metricsFoldedSeries),
            help:
                "Label sets of this reading that were added up in the series whose labels are all \"other\", because the metric has more than metrics.max_series_per_family, or all have more than metrics.max_series; by metric."
        ),
        .single(
            "metrics_folds_total", .counter, .series, .own, .external(.metricsFolds),
            help: "Label sets that were folded, added up over all readings."),
        .single(
            "metrics_label_values_cut_total", .counter, .events, .own, .external(.metricsLabelsCut),
            help:
                "Label sets with a value of more than 1,024 bytes, which is cut, added up over all readings."),
    ]
}
