import BrokerMetrics

/// `/metrics/catalog.json`: what each metric is, for programs that make dashboards, rules and documents.
///
///     {"namespace":"vernemq_","families":[{"name":"socket_open","exposed":"vernemq_socket_open","kind":"counter",
///      "openmetrics_kind":"unknown","unit":"events","labels":[],"help":"…","heritage":"vernemq_counter"}, …]}
package enum MetricsCatalogJSON {
    /// The whole document. It does not change while the broker runs.
    package static func render(_ exposition: Exposition) -> [UInt8] {
        var json = JSONText()
        json.beginObject()
        json.field("namespace", exposition.namespace)
        json.key("families")
        json.beginArray()
        for family in exposition.families {
            json.beginObject()
            json.field("name", family.metric.name)
            json.field("exposed", family.name)
            json.field("kind", family.metric.kind.rawValue)
            json.field("openmetrics_kind", family.openMetricsType)
            json.field("unit", family.metric.unit.rawValue)
            json.key("labels")
            json.beginArray()
            for label in ["node"] + family.metric.labelNames { json.string(label) }
            json.endArray()
            json.field("help", family.metric.help)
            json.field("heritage", word(family.metric.heritage))
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func word(_ heritage: MetricHeritage) -> String {
        switch heritage {
        case .verneMQCounter: "vernemq_counter"
        case .verneMQGauge: "vernemq_gauge"
        case .verneMQRuntime: "vernemq_runtime"
        case .own: "own"
        }
    }
}
