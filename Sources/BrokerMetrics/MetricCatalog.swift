/// The one table of every exported name. `/metrics`, `metrics show`, Graphite, `$SYS` and `docs/metrics.md`
/// read it; call sites use the enum cases of `Metric.swift`, never a string.
///
/// The rows stand in files by origin, in the order of the exposition:
/// VerneMQ's counters · VerneMQ's gauges · VerneMQ's runtime names · our own.
public enum MetricCatalog {
    /// VerneMQ has one busy gauge for each scheduler; its stock dashboards ask for the first four.
    static let schedulerNames = 4

    /// Every family, on a machine with up to four loops. What documents and dashboards are held against.
    public static let families: [MetricFamily] = families(loopCount: schedulerNames)

    /// Every family for a broker with `loopCount` loops.
    public static func families(loopCount: Int) -> [MetricFamily] {
        verneMQCounters + verneMQGauges + verneMQStore + schedulers(max(loopCount, schedulerNames)) + runtime
            + ledger + flow
            + latency + loops
            + store
            + service + exposition + push
    }

    /// Busy share of each loop, under the names of VerneMQ's schedulers.
    private static func schedulers(_ count: Int) -> [MetricFamily] {
        (0..<count).map { index in
            .single(
                "system_utilization_scheduler_\(index + 1)", .gauge, .percent, .verneMQRuntime,
                .loopUtilization(index),
                help:
                    "Busy share of event loop \(index) since the reading before; 0 when there is no such loop."
            )
        }
    }
}
