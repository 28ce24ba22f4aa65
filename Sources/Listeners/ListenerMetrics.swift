import BrokerCore
package import BrokerMetrics
import Transport

/// The metrics of the MQTT listeners.
package enum ListenerMetrics {
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
        "listener_connections", .connections, [.open("listener"), .open("type")],
        help: "Open connections of each listener.")
    static let limit = MetricFamily.gauge(
        "listener_connections_limit", .connections, [.open("listener"), .open("type")], isSparse: true,
        help: "Connections each listener may have; no series where there is no limit.")
    static let running = MetricFamily.gauge(
        "listener_running", .flag, [.open("listener"), .open("type")],
        help: "1 while the listener takes clients, 0 while it is stopped; /health is 503 then.")
    static let refused = MetricFamily.counter(
        "listener_refused_total", .connections,
        [.open("listener"), .closed("limit", ConnectionLimit.allCases.map(\.settingName))],
        help:
            "Clients that were told that there is no room, by listener and limit: its max_connections, or the descriptors for clients of all listeners."
    )

    /// What `docs/metrics.md` lists, whether the room runs or not.
    package static let room = MetricRoom(
        "Listeners",
        [
            totalActive, activeMQTT, activeWebSocket, connections, limit, running, refused,
        ])
}

extension BrokerRuntime {
    /// All samples of the listeners at one moment. Any thread.
    package func readListeners(_ reading: inout RoomReading) {
        var active = 0
        for listener in runningListeners {
            let labels: KeyValuePairs = ["listener": listener.facts.name, "type": "mqtt"]
            let counts = listener.state.counts
            active += counts.active
            reading.add(ListenerMetrics.connections, labels, counts.active)
            if listener.state.maxConnections < .max {
                reading.add(ListenerMetrics.limit, labels, listener.state.maxConnections)
            }
            reading.add(ListenerMetrics.running, labels, listener.isSuspended ? 0 : 1)
            for limit in ConnectionLimit.allCases {
                reading.add(
                    ListenerMetrics.refused,
                    ["listener": listener.facts.name, "limit": limit.settingName],
                    counts.overLimit[limit.rawValue])
            }
        }
        reading.add(ListenerMetrics.totalActive, active)
        reading.add(ListenerMetrics.activeMQTT, active)
        reading.add(ListenerMetrics.activeWebSocket, 0)
    }
}
