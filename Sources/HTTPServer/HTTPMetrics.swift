package import BrokerMetrics

/// The metrics of the HTTP servers, all listeners together.
package enum HTTPMetrics {
    static let requests = MetricFamily.counter(
        "http_requests_total", .requests, [.closed("code", (1...5).map { "\($0)xx" })],
        help: "HTTP requests answered, by class of the status code.")
    static let refusals = MetricFamily.counter(
        "http_requests_refused_total", .requests, [.closed("reason", HTTPRefusal.allCases.map(\.rawValue))],
        help: "HTTP requests refused before a page saw them, by reason.")
    static let connections = MetricFamily.gauge(
        "http_connections", .connections,
        help: "Open HTTP connections.")
    static let accepted = MetricFamily.counter(
        "http_connections_accepted_total", .connections,
        help: "HTTP connections accepted.")
    static let refused = MetricFamily.counter(
        "http_connections_refused_total", .connections,
        help: "HTTP connections refused because too many were open and all of them waited for a page.")
    static let spared = MetricFamily.counter(
        "http_connections_spared_total", .connections,
        help:
            "HTTP connections closed for new ones, or because answers for slow readers held too much memory.")
    static let timedOut = MetricFamily.counter(
        "http_connections_timed_out_total", .connections,
        help: "HTTP connections cut because a request or its answer took too long.")
    static let handlerErrors = MetricFamily.counter(
        "http_handler_errors_total", .events,
        help: "HTTP requests answered with 500 because their handler failed.")
    static let responseBytes = MetricFamily.counter(
        "http_response_bytes_total", .bytes,
        help: "Bytes of the bodies of HTTP answers.")
    static let failedHandshakes = MetricFamily.counter(
        "http_handshakes_failed_total", .connections,
        help:
            "HTTPS connections that sent something and ended before their first request: most often a failed handshake."
    )
    static let streams = MetricFamily.gauge(
        "http_streams", .requests,
        help: "HTTP answers that are being sent while they are made.")
    static let streamsBegun = MetricFamily.counter(
        "http_streams_begun_total", .requests,
        help: "HTTP answers that were sent while they were made.")
    static let streamsEnded = MetricFamily.counter(
        "http_streams_ended_total", .requests, [.closed("reason", HTTPStream.End.allCases.map(\.rawValue))],
        help:
            "Such answers that have ended: finished (whole), reader (it went), deadline (it took nothing or too little for too long), server (it stopped or needed the place), failed (what made them failed)."
    )
    static let streamsRefused = MetricFamily.counter(
        "http_streams_refused_total", .requests,
        help: "HTTP requests answered with 503 because too many such answers were being sent.")

    /// What `docs/metrics.md` lists, whether the room runs or not.
    package static let room = MetricRoom(
        "HTTPServer",
        [
            requests, refusals, connections, accepted, refused, spared, timedOut, handlerErrors,
            responseBytes, failedHandshakes, streams, streamsBegun, streamsEnded, streamsRefused,
        ])
}

extension HTTPStatistics {
    /// All samples of these numbers.
    package func read(_ reading: inout RoomReading) {
        for (code, count) in requestsByCode { reading.add(HTTPMetrics.requests, ["code": code], count) }
        for (reason, count) in refusalsByReason {
            reading.add(HTTPMetrics.refusals, ["reason": reason], count)
        }
        reading.add(HTTPMetrics.connections, openConnections)
        reading.add(HTTPMetrics.accepted, acceptedConnections)
        reading.add(HTTPMetrics.refused, refusedConnections)
        reading.add(HTTPMetrics.spared, sparedConnections)
        reading.add(HTTPMetrics.timedOut, timedOutConnections)
        reading.add(HTTPMetrics.handlerErrors, handlerErrors)
        reading.add(HTTPMetrics.responseBytes, responseBytes)
        reading.add(HTTPMetrics.failedHandshakes, failedHandshakes)
        reading.add(HTTPMetrics.streams, openStreams)
        reading.add(HTTPMetrics.streamsBegun, begunStreams)
        for (reason, count) in endedStreamsByReason {
            reading.add(HTTPMetrics.streamsEnded, ["reason": reason], count)
        }
        reading.add(HTTPMetrics.streamsRefused, refusedStreams)
    }
}
