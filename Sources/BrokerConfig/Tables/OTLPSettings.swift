extension SettingsTable {
    /// Metrics by push to a receiver of OpenTelemetry's protocol. VerneMQ has no such keys.
    static let otlp = SettingGroup(
        "OpenTelemetry (OTLP over HTTP)",
        [
            Setting(
                "otlp.metrics.endpoint", .url, "", .ours,
                meaning: "URL that metrics are sent to, path included; empty for none"),
            Setting(
                "otlp.metrics.interval", .integer(100...Int(Int32.max)), "60000",
                [.ours, .runtime, .milliseconds],
                meaning: "time between two exports of metrics"),
            Setting(
                "otlp.metrics.timeout", .integer(100...600_000), "10000", [.ours, .milliseconds],
                meaning: "time for one request, from the name lookup to the end of the answer"),
            Setting(
                "otlp.headers", .headers, "", [.ours, .secret],
                meaning: "headers of each request: name=value,name=value"),
            Setting(
                "otlp.cafile", .file, "", .ours,
                meaning: "certificates trusted for https (PEM); empty for those of the system"),
        ]
            + ["$name", "$group.$name", "$group.$part.$name"].map {
                Setting(
                    "otlp.resource.\($0)", .text, nil, .ours,
                    meaning: "resource attribute of this broker, such as otlp.resource.service.namespace")
            })
}
