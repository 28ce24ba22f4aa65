package import BrokerCore
package import BrokerMetrics

/// The metrics of plugins, and of logins that fail.
package enum PluginMetrics {
    private static let plugin = LabelDeclaration.open("plugin", bound: 64)
    private static let hook = LabelDeclaration.closed("hook", HookPoint.allCases.map(\.name))

    static let calls = MetricFamily.counter(
        "plugin_hook_calls_total", .requests,
        [plugin, hook, .closed("result", HookTally.Result.allCases.map(\.label))],
        help:
            "What plugins were asked, by plugin, hook and result: next (left to the next plugin), allowed, changed (allowed with changes), refused, later (the answer came or comes later, and is counted as what it is as well), timeout, invalid, abandoned (the client had gone), remembered (not asked, for it had said yes to that client and topic before)."
    )
    static let lateAnswers = MetricFamily.counter(
        "plugin_hook_late_answers_total", .requests, [plugin, hook],
        help: "Answers of plugins that came later.")
    static let lateSeconds = MetricFamily.counter(
        "plugin_hook_late_seconds_total", .seconds, [plugin, hook], scale: .nanoseconds,
        help: "How long answers that came later took, all together.")
    static let outstanding = MetricFamily.gauge(
        "plugin_hook_outstanding", .requests, [plugin, hook],
        help: "Questions to plugins that are not answered yet.")
    static let jobs = MetricFamily.counter(
        "plugin_jobs_total", .requests,
        [plugin, .closed("result", ["done", "failed", "expired", "refused"])],
        help:
            "Jobs on a plugin's own threads: done, failed, expired (waited for too long), refused (too many waited, or the breaker was open)."
    )
    static let waitingJobs = MetricFamily.gauge(
        "plugin_jobs_waiting", .requests, [plugin],
        help: "Jobs that wait for a plugin's threads, or are being done.")
    static let waitingBytes = MetricFamily.gauge(
        "plugin_jobs_waiting_bytes", .bytes, [plugin], help: "Memory of those jobs.")
    static let broken = MetricFamily.gauge(
        "plugin_breaker_open", .flag, [plugin],
        help: "1 while a plugin is not tried, for it has failed again and again.")
    static let entries = MetricFamily.gauge(
        "plugin_file_entries", .entries, [plugin], help: "Users or rules in force from a plugin's file.")
    static let badLines = MetricFamily.gauge(
        "plugin_file_bad_lines", .entries, [plugin], help: "Lines of a plugin's file that count for nothing.")
    static let loads = MetricFamily.counter(
        "plugin_file_loads_total", .events, [plugin, .closed("result", ["ok", "failed"])],
        help: "Times a plugin's file was read; after one that failed what was in force stays.")
    static let fileBytes = MetricFamily.gauge(
        "plugin_file_memory_bytes", .bytes, [plugin],
        help: "Memory that the users or rules of a plugin's file take.")

    static let failures = MetricFamily.counter(
        "auth_failures_total", .events,
        help: "Logins that were refused; those for which a plugin had no time are none.")
    static let delayed = MetricFamily.counter(
        "auth_failures_delayed_total", .events,
        help: "Refused logins whose answer was held back (auth_failures.delay).")
    static let bans = MetricFamily.counter(
        "auth_bans_total", .events, help: "Bans of addresses and user names that began.")
    static let banned = MetricFamily.counter(
        "auth_banned_connects_total", .events, help: "CONNECT packets that were refused because of a ban.")
    static let known = MetricFamily.gauge(
        "auth_failures_entries", .entries,
        help: "Addresses and user names for which failed logins are remembered.")

    /// What `docs/metrics.md` lists, whether the room runs or not.
    package static let room = MetricRoom(
        "Plugins",
        [
            calls, lateAnswers, lateSeconds, outstanding, jobs, waitingJobs, waitingBytes, broken, entries,
            badLines,
            loads, fileBytes, failures, delayed, bans, banned, known,
        ])
}

extension PluginRegistry {
    /// All samples of one moment. Any thread.
    package func read(_ reading: inout RoomReading) {
        for (plugin, point, calls) in broker.tallies.readings {
            for result in HookTally.Result.allCases {
                reading.add(
                    PluginMetrics.calls, ["plugin": plugin, "hook": point.name, "result": result.label],
                    calls[result])
            }
            reading.add(PluginMetrics.lateAnswers, ["plugin": plugin, "hook": point.name], calls.answers)
            reading.add(PluginMetrics.lateSeconds, ["plugin": plugin, "hook": point.name], calls.nanoseconds)
            reading.add(PluginMetrics.outstanding, ["plugin": plugin, "hook": point.name], calls.outstanding)
        }
        for one in running {
            let name = one.name
            if let work = one.work {
                reading.add(PluginMetrics.jobs, ["plugin": name, "result": "done"], work.done)
                reading.add(PluginMetrics.jobs, ["plugin": name, "result": "failed"], work.failed)
                reading.add(PluginMetrics.jobs, ["plugin": name, "result": "expired"], work.expired)
                reading.add(PluginMetrics.jobs, ["plugin": name, "result": "refused"], work.refused)
                reading.add(PluginMetrics.waitingJobs, ["plugin": name], work.waitingJobs)
                reading.add(PluginMetrics.waitingBytes, ["plugin": name], work.waitingBytes)
                reading.add(PluginMetrics.broken, ["plugin": name], work.isBroken ? 1 : 0)
            }
            if let file = one.file {
                reading.add(PluginMetrics.entries, ["plugin": name], file.entries)
                reading.add(PluginMetrics.badLines, ["plugin": name], file.badLines)
                reading.add(PluginMetrics.loads, ["plugin": name, "result": "ok"], file.loads)
                reading.add(PluginMetrics.loads, ["plugin": name, "result": "failed"], file.failures)
                reading.add(PluginMetrics.fileBytes, ["plugin": name], file.byteCount)
            }
        }
        let failures = broker.authFailures.reading
        reading.add(PluginMetrics.failures, failures.failures)
        reading.add(PluginMetrics.delayed, failures.delayed)
        reading.add(PluginMetrics.bans, failures.bans)
        reading.add(PluginMetrics.banned, failures.refused)
        reading.add(PluginMetrics.known, failures.entries)
    }
}

extension HookTally.Result {
    /// The value of the label `result`.
    package var label: String { self == .timedOut ? "timeout" : "\(self)" }
}
