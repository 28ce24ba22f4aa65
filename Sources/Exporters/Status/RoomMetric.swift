import BrokerMetrics

/// Metrics of other rooms that the status page and its warnings need. Rooms do not import each other, so they stand here by
/// name; a test holds the names against the catalogue.
package enum RoomMetric: String, CaseIterable, Sendable {
    case descriptorsLimit = "descriptors_limit"
    case descriptorsOpen = "descriptors_open"
    case routerSubscriptions = "router_subscriptions"
    case retainMessages = "retain_messages"
    case listenerRefused = "listener_refused_total"
    case storeDiskBytes = "store_disk_bytes"
    case storeDamaged = "store_damaged_rows_total"
    case storeErrors = "store_errors_total"
    case storeFailing = "store_failing"
    case httpRefused = "http_connections_refused_total"
    case logLinesDropped = "log_lines_dropped_total"
    case logWriteErrors = "log_write_errors_total"
    case graphiteErrors = "graphite_errors_total"
    case otlpExports = "otlp_exports_total"
    case httpRequests = "http_requests_total"
    case healthWalks = "health_path_walks_total"
    case apiRequests = "api_requests_total"
}

extension Snapshot {
    /// The sum of the samples; 0 when the room does not run.
    subscript(_ metric: RoomMetric) -> Int64 { self[metric.rawValue] }

    /// What the room gave; none when it does not run.
    func samples(_ metric: RoomMetric) -> [RoomSample] { samples[metric.rawValue, default: []] }
}
