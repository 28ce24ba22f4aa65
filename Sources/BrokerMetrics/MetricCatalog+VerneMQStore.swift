/// VerneMQ's names for its replicated metadata and the store beneath: here one store, without replicas.
extension MetricCatalog {
    static let verneMQStore: [MetricFamily] = [
        .grouped(
            "swc_object_count", .entries, first: [.storePresent],
            help:
                "Rows in the store, of all kinds. They are one group, meta1; the others of VerneMQ's ten stay 0."
        ),
        .grouped(
            "swc_tombstone_count", .entries, first: [],
            help: "Always 0: what is deleted leaves nothing behind for other nodes."),
        .grouped(
            "swc_dotkeymap_memory", .words, first: [],
            help: "Always 0: there is no such map without replicas."),
        .micro(
            "metadata_put_microseconds", .metadataPut,
            help: "How long commits took that stored sessions, subscriptions, retained messages or wills."),
        .micro(
            "metadata_get_microseconds", .metadataGet,
            help: "Always empty: subscriptions and retained messages are looked up in memory."),
        .micro(
            "metadata_delete_microseconds", .metadataDelete,
            help: "How long commits took that removed sessions, subscriptions, retained messages or wills."),
        .micro(
            "metadata_fold_microseconds", .metadataFold,
            help: "How long reading the whole store took when the broker started."),
        .micro("storage_write_microseconds", .storageWrite, help: "How long commits of the store took."),
        .micro(
            "storage_read_microseconds", .storageRead,
            help: "How long it took to read a stored message that several sessions share."),
        .micro(
            "storage_delete_microseconds", .storageDelete, help: "How long commits took that removed rows."),
        .micro(
            "storage_scan_microseconds", .storageScan,
            help: "How long it took to read a part of a session's stored messages."),
    ]
}

extension MetricFamily {
    /// A gauge of VerneMQ with its ten groups of replicated data.
    fileprivate static func grouped(
        _ name: String, _ unit: MetricUnit, first: [ExternalMetric], help: String
    ) -> MetricFamily {
        MetricFamily(
            name: name, kind: .gauge, unit: unit, labelNames: ["group"], help: help, heritage: .verneMQGauge,
            series: (1...10).map { number in
                MetricSeries(
                    [MetricLabel("group", "meta\(number)")],
                    number == 1 && !first.isEmpty ? .externalSum(first) : .zero)
            })
    }

    fileprivate static func micro(
        _ name: String, _ histogram: ExternalHistogram, help: String
    ) -> MetricFamily {
        single(
            name, .histogram, .microseconds, .verneMQGauge,
            .externalHistogram(histogram, .verneMQMicroseconds),
            help: help)
    }
}
