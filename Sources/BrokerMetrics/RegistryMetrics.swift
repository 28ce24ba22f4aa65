/// What the registry counts of the rooms' samples.
public enum RegistryMetrics {
    /// Label sets that were folded, by metric.
    public static let foldedSeries = MetricFamily.gauge(
        "metrics_folded_series", .series, [.open("metric")],
        help:
            "Label sets of this reading that were added up in the series whose labels are all \"other\", because the metric has more than metrics.max_series_per_family, or all have more than metrics.max_series; by metric."
    )
    static let folds = MetricFamily.counter(
        "metrics_folds_total", .series,
        help: "Label sets that were folded, added up over all readings.")
    static let labelsCut = MetricFamily.counter(
        "metrics_label_values_cut_total", .events,
        help: "Label sets with a value of more than 1,024 bytes, which is cut, added up over all readings.")

    static let undeclared = MetricFamily.counter(
        "metrics_undeclared_samples_total", .events, [.open("room")],
        help:
            "Samples that a part of the broker gave and had not declared, which are left out; by part. Any is a defect of the broker."
    )

    /// What `docs/metrics.md` lists, whether the room runs or not.
    static let room = MetricRoom(
        "Metrics",
        [
            foldedSeries, folds, labelsCut, undeclared,
        ])
}
