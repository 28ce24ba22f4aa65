import BrokerCore
import BrokerLog
import BrokerMetrics
import Control
import Exporters
import HTTPServer
import Listeners
import Plugins
import PushExporters
import Storage

/// Who brings metrics of its own beside the core. A new room adds its line here and registers its reader when it starts.
enum MetricRooms {
    static let all: [MetricRoom] = [
        RoutingMetrics.room, ListenerMetrics.room, StoreMetrics.room, HTTPMetrics.room, HealthMetrics.room,
        ControlMetrics.room, CertificateMetrics.room, LogMetrics.room, ProcessMetrics.room,
        ScrapeMetrics.room, PluginMetrics.room, GraphiteMetrics.room, OTLPMetrics.room,
    ]
}

extension MetricCatalog {
    /// All that this broker may show.
    static func broker(loopCount: Int = schedulerNames) throws(MetricConflict) -> MetricCatalog {
        try MetricCatalog(rooms: MetricRooms.all, loopCount: loopCount)
    }
}

/// What the checks of health have found.
enum HealthMetrics {
    static let probes = MetricFamily.counter(
        "health_probes_total", .requests,
        [.closed("check", HealthAnswers.Check.allCases.map(\.rawValue)), .closed("result", ["ok", "down"])],
        help:
            "Answers of /health/live, /health/ready and /health/path, by check and result: ok (200) or down (503)."
    )
    static let walks = MetricFamily.counter(
        "health_path_walks_total", .events, [.closed("result", ["ok", "down", "shared"])],
        help:
            "Walks of /health/path: ok, or down (the way of a message was blocked); shared counts answers that had no walk of their own."
    )
    static let stage = MetricFamily.gauge(
        "health_path_stage_seconds", .seconds, [.closed("stage", ["loop", "router", "queue", "store"])],
        scale: .nanoseconds, isSparse: true,
        help:
            "How long a stage took in the last walk of /health/path: loop (until it took a letter), router, queue (until the message came out on the next loop), store (until a write was committed); the slowest loop. A stage that did not end has no value."
    )

    /// What `docs/metrics.md` lists, whether the room runs or not.
    static let room = MetricRoom(
        "Health",
        [
            probes, walks, stage,
        ])
}

/// The metrics of the log.
enum LogMetrics {
    private static let level = LabelDeclaration.closed("level", LogOutput.levelNames)
    private static let place = LabelDeclaration.closed("place", LogOutput.placeNames)
    static let lines = MetricFamily.counter(
        "log_lines_total", .entries, [level, place],
        help: "Lines written to the log, by level and place.")
    static let dropped = MetricFamily.counter(
        "log_lines_dropped_total", .entries, [level],
        help: "Log lines dropped because too many waited to be written, by level.")
    static let writeErrors = MetricFamily.counter(
        "log_write_errors_total", .events, [place],
        help:
            "Log lines that a place did not take (a full disk, a stopped terminal), and log files that could not be opened again, by place."
    )
    static let queueLines = MetricFamily.gauge(
        "log_queue_lines", .entries,
        help: "Log lines that wait to be written.")
    static let queueBytes = MetricFamily.gauge(
        "log_queue_bytes", .bytes,
        help: "Memory of log lines that wait to be written.")

    /// What `docs/metrics.md` lists, whether the room runs or not.
    static let room = MetricRoom(
        "BrokerLog",
        [
            lines, dropped, writeErrors, queueLines, queueBytes,
        ])
}

/// Descriptors and memory of the process, as the broker has shared them out and given them back.
enum ProcessMetrics {
    static let descriptorsLimit = MetricFamily.gauge(
        "descriptors_limit", .descriptors, [.closed("use", ["clients", "refusals", "http", "broker"])],
        help:
            "Descriptors set aside at the start, by use: clients of all listeners, refusals (clients being told that there is no room), http, and the broker itself with store, log and a few to spare."
    )
    static let descriptorsOpen = MetricFamily.gauge(
        "descriptors_open", .descriptors, [.closed("use", ["clients", "refusals", "http", "broker"])],
        help: "Descriptors open now, by use as in descriptors_limit.")
    static let memoryReturns = MetricFamily.counter(
        "memory_returns_total", .events,
        help: "Times freed memory was given back to the system.")
    static let memoryReturned = MetricFamily.counter(
        "memory_returned_bytes_total", .bytes,
        help: "Resident memory that was given back to the system.")

    /// What `docs/metrics.md` lists, whether the room runs or not.
    static let room = MetricRoom(
        "Process",
        [
            descriptorsLimit, descriptorsOpen, memoryReturns, memoryReturned,
        ])
}
