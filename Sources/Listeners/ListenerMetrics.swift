import BrokerCore
package import BrokerMetrics
import Synchronization
import Transport

/// The metrics of the MQTT listeners.
package enum ListenerMetrics {
    private static let type = LabelDeclaration.closed("type", ListenerFacts.Kind.allCases.map(\.rawValue))
    static let totalActive = MetricFamily.gauge(
        "total_active_connections", .connections, heritage: .verneMQGauge,
        help: "Open MQTT connections on all listeners.")
    static let activeMQTT = MetricFamily.gauge(
        "active_mqtt_connections", .connections, heritage: .verneMQGauge,
        help: "Open connections on the mqtt and mqtts listeners.")
    static let activeWebSocket = MetricFamily.gauge(
        "active_mqttws_connections", .connections, heritage: .verneMQGauge,
        help: "Open connections on the WebSocket listeners.")
    static let connections = MetricFamily.gauge(
        "listener_connections", .connections, [.open("listener"), type],
        help: "Open connections of each listener.")
    static let limit = MetricFamily.gauge(
        "listener_connections_limit", .connections, [.open("listener"), type], isSparse: true,
        help: "Connections each listener may have; no series where there is no limit.")
    package static let running = MetricFamily.gauge(
        "listener_running", .flag,
        [.open("listener"), .closed("type", ["mqtt", "mqtts", "mqttws", "mqttwss", "http", "https"])],
        help: "1 while the listener takes clients, 0 while it is stopped; /health is 503 then. HTTP's too.")
    static let refused = MetricFamily.counter(
        "listener_refused_total", .connections,
        [.open("listener"), type, .closed("limit", ConnectionLimit.allCases.map(\.settingName))],
        help:
            "Clients that were told that there is no room, by listener and limit: its max_connections, or the descriptors for clients of all listeners."
    )

    private static let tlsVersions = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
    static let handshakes = MetricFamily.counter(
        "tls_handshakes_total", .events,
        [.open("listener"), type, .closed("version", tlsVersions), .closed("resumed", ["true", "false"])],
        help:
            "TLS handshakes that succeeded, by listener, version, and whether they went on with keys of an earlier connection."
    )
    static let ciphers = MetricFamily.counter(
        "tls_ciphers_total", .events, [.open("listener"), type, .open("cipher", bound: 64)],
        help: "TLS handshakes that succeeded, by listener and cipher in OpenSSL's names.")
    static let failures = MetricFamily.counter(
        "listener_stream_failures_total", .connections,
        [.open("listener"), type, .closed("reason", StreamProblem.labels)],
        help:
            "Connections that ended below MQTT, by listener and reason: TLS (tls_closed is a peer that went before the handshake's end), PROXY header, WebSocket."
    )
    static let proxied = MetricFamily.counter(
        "proxy_headers_total", .connections, [.open("listener"), type],
        help: "Connections whose PROXY header was read.")
    static let upgrades = MetricFamily.counter(
        "websocket_upgrades_total", .connections, [.open("listener"), type],
        help: "Connections that went on as WebSocket.")
    static let pings = MetricFamily.counter(
        "websocket_pings_total", .events, [.open("listener"), type],
        help: "Pings of WebSocket that clients have sent.")

    /// What `docs/metrics.md` lists, whether the room runs or not.
    package static let room = MetricRoom(
        "Listeners",
        [
            totalActive, activeMQTT, activeWebSocket, connections, limit, running, refused, handshakes,
            ciphers, failures, proxied, upgrades, pings,
        ])
}

extension BrokerRuntime {
    /// All samples of the listeners at one moment, and the counters of those that were deleted. Any thread.
    package func readListeners(_ reading: inout RoomReading) {
        var active = 0
        var webSockets = 0
        let (running, deleted) = listeners.withLock { running in
            (running, deletedListeners.withLock { $0 })
        }
        var counted = deleted.counts
        for listener in running {
            let (name, kind) = (listener.facts.name, listener.facts.kind.rawValue)
            let connections = listener.state.counts.active
            active += connections
            if listener.facts.kind.isWebSocket { webSockets += connections }
            let labels: KeyValuePairs = ["listener": name, "type": kind]
            reading.add(ListenerMetrics.connections, labels, connections)
            if listener.state.maxConnections < .max {
                reading.add(ListenerMetrics.limit, labels, listener.state.maxConnections)
            }
            reading.add(ListenerMetrics.running, labels, listener.isSuspended ? 0 : 1)
            counted[DeletedListeners.Name(listener: name, type: kind), default: ListenerCounts()] +=
                ListenerCounts(listener.state)
        }
        let sorted = counted.sorted { ($0.key.listener, $0.key.type) < ($1.key.listener, $1.key.type) }
        for (name, counts) in sorted { read(counts, name.listener, name.type, &reading) }
        reading.add(ListenerMetrics.totalActive, active)
        reading.add(ListenerMetrics.activeMQTT, active - webSockets)
        reading.add(ListenerMetrics.activeWebSocket, webSockets)
    }

    private func read(
        _ counts: ListenerCounts, _ name: String, _ type: String, _ reading: inout RoomReading
    ) {
        for limit in ConnectionLimit.allCases {
            reading.add(
                ListenerMetrics.refused, ["listener": name, "type": type, "limit": limit.settingName],
                counts.overLimit[limit.rawValue])
        }
        guard counts.hasLayers else { return }
        let streams = counts.streams
        for (handshake, count) in streams.handshakes {
            reading.add(
                ListenerMetrics.handshakes,
                [
                    "listener": name, "type": type, "version": handshake.version,
                    "resumed": handshake.wasResumed ? "true" : "false",
                ], count)
        }
        for (cipher, count) in streams.ciphers {
            reading.add(ListenerMetrics.ciphers, ["listener": name, "type": type, "cipher": cipher], count)
        }
        for (reason, count) in streams.failures {
            reading.add(ListenerMetrics.failures, ["listener": name, "type": type, "reason": reason], count)
        }
        if counts.hasProxy {
            reading.add(ListenerMetrics.proxied, ["listener": name, "type": type], streams.proxied)
        }
        if counts.hasWebSocket {
            reading.add(ListenerMetrics.upgrades, ["listener": name, "type": type], streams.upgraded)
            reading.add(ListenerMetrics.pings, ["listener": name, "type": type], streams.pings)
        }
    }
}
