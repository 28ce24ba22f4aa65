import BrokerCore
import BrokerLog
import BrokerMetrics
import Exporters
import HTTPServer
import Listeners
import Primitives
import Transport

/// What knows the numbers of the rooms that live in the executable, or that several parts make up.
extension MetricsRegistry {
    /// Connects the registry to the log.
    func connect(to log: LogOutput) throws(MetricConflict) {
        try register(LogMetrics.room) { reading in
            for line in log.writtenLines {
                reading.add(LogMetrics.lines, ["level": line.level, "place": line.place], line.count)
            }
            for line in log.droppedLines {
                reading.add(LogMetrics.dropped, ["level": line.level], line.count)
            }
            for write in log.failedWritesByPlace {
                reading.add(LogMetrics.writeErrors, ["place": write.place], write.count)
            }
            let waiting = log.waiting
            reading.add(LogMetrics.queueLines, waiting.lines)
            reading.add(LogMetrics.queueBytes, waiting.bytes)
        }
    }

    /// Shows what the checks of health have found.
    func connect(to answers: HealthAnswers, _ probe: PathProbe) throws(MetricConflict) {
        try register(HealthMetrics.room) { reading in
            for (check, result, count) in answers.counts {
                reading.add(HealthMetrics.probes, ["check": check, "result": result], count)
            }
            let counts = probe.counts
            reading.add(HealthMetrics.walks, ["result": "ok"], counts.open)
            reading.add(HealthMetrics.walks, ["result": "down"], counts.blocked)
            reading.add(HealthMetrics.walks, ["result": "shared"], counts.shared)
            guard let walk = probe.last else { return }
            let stages: [(String, [UInt64?])] = [
                ("loop", walk.ways.map(\.waited)), ("router", walk.ways.map(\.routed)),
                ("queue", walk.ways.map(\.queued)), ("store", [walk.stored]),
            ]
            for (stage, times) in stages {
                guard let slowest = times.compactMap({ $0 }).max() else { continue }
                reading.add(HealthMetrics.stage, ["stage": stage], slowest)
            }
        }
    }

    /// Shows how the descriptors were shared out and what is open, and what memory was given back.
    func connect(
        to budget: DescriptorBudget, _ runtime: BrokerRuntime, _ http: HTTPListeners,
        _ memory: MemoryReturner
    ) throws(MetricConflict) {
        try register(ProcessMetrics.room) { reading in
            func add(_ family: MetricFamily, _ clients: Int, _ refusals: Int, _ pages: Int, _ broker: Int) {
                reading.add(family, ["use": "clients"], clients)
                reading.add(family, ["use": "refusals"], refusals)
                reading.add(family, ["use": "http"], pages)
                reading.add(family, ["use": "broker"], broker)
            }
            add(
                ProcessMetrics.descriptorsLimit, budget.clients, budget.refusals, budget.httpConnections,
                budget.reserved)
            let clients = runtime.limits.clients?.taken ?? 0
            let refusals = runtime.limits.refusals.taken
            let pages = http.statistics.openConnections
            let all = DescriptorBudget.open ?? 0
            add(
                ProcessMetrics.descriptorsOpen, clients, refusals, pages,
                max(0, all - clients - refusals - pages))
            reading.add(ProcessMetrics.memoryReturns, memory.counts.times)
            reading.add(ProcessMetrics.memoryReturned, memory.counts.byteCount)
        }
    }

    /// Connects the registry to the loops, and to what they share, and to the listeners of all kinds.
    func connect(to runtime: BrokerRuntime, _ http: HTTPListeners) throws(MetricConflict) {
        for exchange in runtime.directory.exchanges { add(loop: exchange) }
        try register(RoutingMetrics.room) { runtime.broker.read(&$0) }
        try register(ListenerMetrics.room) {
            runtime.readListeners(&$0)
            http.readRunning(&$0)
        }
    }
}
