/// How long messages are in the broker, and where.
extension MetricCatalog {
    static let latency: [MetricFamily] = [
        .distribution(
            "publish_residence_seconds", by: "qos",
            [("0", .residenceQoS0), ("1", .residenceQoS1), ("2", .residenceQoS2)],
            help:
                "How long copies were in the broker, from the turn that read the message until the kernel had the copy, by the copy's QoS. Without retained messages, and without what clients missed while they were away."
        ),
        .distribution(
            "publish_stage_seconds", by: "stage",
            [
                ("parse", .parseStage), ("hooks", .hookStage), ("route", .routeStage),
                ("queue", .queueStage), ("write", .writeStage), ("offline", .offlineStage),
            ],
            help:
                "The stages of that: parse, until the packet is decoded (one in 31 packets); hooks, until plugins have allowed it, of messages that had to wait for that; then either route, until a copy is in the output of its client, or queue, if it waited for the client; write, until the kernel has it. Offline: how long copies waited for a client that was away."
        ),
        .distribution(
            "ack_round_trip_seconds", by: "packet",
            [
                ("puback", .pubackRoundTrip), ("pubrec", .pubrecRoundTrip), ("pubcomp", .pubcompRoundTrip),
            ],
            help:
                "How long clients took to acknowledge: from PUBLISH to PUBACK or PUBREC, from PUBREL to PUBCOMP."
        ),
    ]
}

extension MetricFamily {
    /// A family of ours with a distribution for each value of one label.
    fileprivate static func distribution(
        _ name: String, by label: String, _ histograms: [(String, LoopHistogram)], help: String
    ) -> MetricFamily {
        MetricFamily(
            name: name, kind: .histogram, unit: .seconds, labelNames: [label], help: help, heritage: .own,
            series: histograms.map {
                MetricSeries([MetricLabel(label, $0.0)], .histogram($0.1, .waitSeconds))
            })
    }
}
