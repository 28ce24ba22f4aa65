package import BrokerMetrics

/// The metrics of what operators do.
package enum ControlMetrics {
    static let requests = MetricFamily.counter(
        "api_requests_total", .requests, [.closed("result", APIStatistics.Outcome.allCases.map(\.rawValue))],
        help:
            "Requests to the management API and over the socket of vmq-admin: done, failed (the command could not be carried out), invalid (it was not understood), unauthorized (no key, or not a good one), limited (too many wrong keys came from the address)."
    )
    static let traces = MetricFamily.gauge(
        "client_traces", .requests,
        help: "Client traces that are running.")

    /// What `docs/metrics.md` lists, whether the room runs or not.
    package static let room = MetricRoom(
        "Control",
        [
            requests, traces,
        ])
}

extension Control {
    /// All samples of one moment. Any thread.
    ///
    /// - Parameter requests: to the API and over the socket.
    package func read(_ reading: inout RoomReading, _ requests: APIStatistics) {
        for (outcome, count) in requests.reading {
            reading.add(ControlMetrics.requests, ["result": outcome.rawValue], count)
        }
        reading.add(ControlMetrics.traces, traces.count)
    }
}
