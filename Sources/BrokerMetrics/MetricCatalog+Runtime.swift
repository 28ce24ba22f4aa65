/// VerneMQ's broker-wide gauges, and its names for the Erlang runtime filled with what a process has instead.
extension MetricCatalog {
    static let verneMQGauges: [MetricFamily] = [
        .single(
            "queue_processes", .gauge, .queues, .verneMQGauge,
            .words([LoopGauge.sessionsOnline.word, LoopGauge.sessionsOffline.word], .integer),
            help: "Client queues of this node, online and offline."),
        .single(
            "netsplit_resolved", .counter, .events, .verneMQGauge, .zero,
            help: "Times the nodes agreed again on who is there."),
        .single(
            "netsplit_detected", .counter, .events, .verneMQGauge, .zero,
            help: "Times the nodes stopped agreeing on who is there."),
    ]

    static let runtime: [MetricFamily] = [
        .runtime(
            "system_utilization", .gauge, .percent, .meanLoopUtilization,
            help: "Mean busy share of the event loops since the reading before."),
        .runtime("vm_memory_code", .gauge, .bytes, .process(.textBytes), help: "Size of the program's code."),
        .runtime(
            "vm_memory_binary", .gauge, .bytes,
            .words([LoopGauge.outputBytes.word, LoopGauge.queuedBytes.word], .integer),
            help: "Bytes in queues and output buffers."),
        .runtime("vm_memory_atom_used", .gauge, .bytes, .zero, help: "Always 0: there are no atoms."),
        .runtime("vm_memory_atom", .gauge, .bytes, .zero, help: "Always 0: there are no atoms."),
        .runtime(
            "vm_memory_system", .gauge, .bytes, .process(.systemBytes),
            help: "Resident memory that is not private data of the process: its code and shared pages."),
        .runtime(
            "vm_memory_processes_used", .gauge, .bytes, .process(.dataBytes),
            help: "Same as vm_memory_processes."),
        .runtime(
            "vm_memory_processes", .gauge, .bytes, .process(.dataBytes),
            help: "Resident memory that is private data of the process."),
        .runtime(
            "vm_memory_total", .gauge, .bytes, .process(.residentBytes),
            help: "Resident memory of the broker's process."),
        .runtime(
            "system_process_count", .gauge, .entries, .process(.workerCount),
            help: "Sessions, online and offline, and threads."),
        .runtime(
            "system_wallclock", .counter, .milliseconds, .process(.uptimeMilliseconds),
            help: "Milliseconds since the broker started."),
        .runtime(
            "system_runtime", .counter, .milliseconds, .process(.cpuMilliseconds),
            help: "CPU time of the broker's process, user and system."),
        .runtime(
            "system_run_queue", .gauge, .entries, .words([LoopGauge.mailboxDepth.word], .integer),
            help: "Letters that wait in the mailboxes of the event loops."),
        .runtime(
            "system_reductions", .counter, .reductions, .words([Counter.loopTurns.word], .integer),
            help: "Turns of the event loops."),
        .runtime(
            "system_io_out", .counter, .bytes, .process(.ioOutBytes),
            help: "Bytes sent to MQTT clients and written to storage."),
        .runtime(
            "system_io_in", .counter, .bytes, .process(.ioInBytes),
            help: "Bytes received from MQTT clients and read from storage."),
        .runtime(
            "system_words_reclaimed_by_gc", .counter, .words, .zero,
            help: "Always 0: there is no garbage collector."),
        .runtime(
            "system_gc_count", .counter, .events, .zero, help: "Always 0: there is no garbage collector."),
        .runtime(
            "system_exact_reductions", .counter, .reductions, .words([Counter.loopTurns.word], .integer),
            help: "Same as system_reductions."),
        .runtime(
            "system_context_switches", .counter, .switches, .process(.contextSwitches),
            help: "Context switches of the broker's process, voluntary and not."),
    ]
}

extension MetricFamily {
    fileprivate static func runtime(
        _ name: String, _ kind: MetricKind, _ unit: MetricUnit, _ source: MetricSource, help: String
    ) -> MetricFamily {
        single(name, kind, unit, .verneMQRuntime, source, help: help)
    }
}
