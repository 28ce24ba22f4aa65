import BrokerCore
import BrokerLog
import BrokerMetrics
import Exporters
import HTTPServer
import Listeners
import Primitives
import Storage
import Transport

extension MetricsRegistry {
    /// Connects the registry to the log.
    func connect(to log: LogOutput) {
        register(labelled: .logLines) {
            log.writtenLines.map { ExternalSample([$0.level, $0.place], value: Int64(clamping: $0.count)) }
        }
        register(labelled: .logLinesDropped) {
            log.droppedLines.map { ExternalSample([$0.level], value: Int64(clamping: $0.count)) }
        }
        register(labelled: .logWriteErrors) {
            log.failedWritesByPlace.map { ExternalSample([$0.place], value: Int64(clamping: $0.count)) }
        }
        register(.logWaitingLines) { log.waiting.lines }
        register(.logWaitingBytes) { log.waiting.bytes }
    }

    /// Connects the registry to the message store.
    func connect(to store: LevelDBMessageStore) {
        let statistics = store.statistics
        func byKind(
            _ metric: ExternalMetric,
            _ value: @escaping @Sendable (StoreStatistics.Counts, StoredKind) -> Int64
        ) {
            register(labelled: metric) {
                let counts = statistics.reading
                return StoredKind.allCases.map { ExternalSample([$0.label], value: value(counts, $0)) }
            }
        }
        byKind(.storePresent) { $0.present($1) }
        byKind(.storeStored) { $0.stored[$1.rawValue] }
        byKind(.storeDeleted) { $0.deleted[$1.rawValue] }
        byKind(.storeLoaded) { $0.loaded[$1.rawValue] }
        register(labelled: .storeErrors) {
            let counts = statistics.reading
            return StoreErrorKind.allCases.map {
                ExternalSample([$0.label], value: counts.errors[$0.rawValue])
            }
        }
        register(.storeCommits) { Int(statistics.reading.commits) }
        register(.storeDamaged) { Int(statistics.reading.damaged) }
        register(.storeLeftovers) { Int(statistics.reading.leftovers) }
        register(.storeReopened) { Int(statistics.reading.reopened) }
        register(.storeFailing) { statistics.reading.isFailing ? 1 : 0 }
        register(.storeWaitingJobs) { Int(statistics.reading.waitingJobs) }
        register(.storeRecoveryNanoseconds) { Int(statistics.reading.recoveryNanoseconds) }
        register(.storeDiskBytes) { Int(store.diskByteCount) }
        register(.storeWrite, statistics.writes)
        register(.storeSync, statistics.syncs)
        register(.storeBatch, statistics.batches)
        let operations = statistics.operations
        register(.metadataPut, operations.metadataPut)
        register(.metadataDelete, operations.metadataDelete)
        register(.metadataFold, operations.metadataFold)
        register(.storageWrite, operations.write)
        register(.storageDelete, operations.delete)
        register(.storageRead, operations.read)
        register(.storageScan, operations.scan)
    }

    /// Shows what the checks of health have found.
    func connect(to answers: HealthAnswers, _ probe: PathProbe) {
        register(labelled: .healthProbes) {
            answers.counts.map { ExternalSample([$0.check, $0.result], value: Int64($0.count)) }
        }
        register(labelled: .healthPathWalks) {
            let counts = probe.counts
            return [("ok", counts.open), ("down", counts.blocked), ("shared", counts.shared)].map {
                ExternalSample([$0.0], value: Int64($0.1))
            }
        }
        register(labelled: .healthPathStage) {
            guard let walk = probe.last else { return [] }
            let stages: [(String, [UInt64?])] = [
                ("loop", walk.ways.map(\.waited)), ("router", walk.ways.map(\.routed)),
                ("queue", walk.ways.map(\.queued)), ("store", [walk.stored]),
            ]
            return stages.compactMap { stage, times in
                times.compactMap { $0 }.max().map { ExternalSample([stage], value: Int64(clamping: $0)) }
            }
        }
    }

    /// Begins to give freed memory back to the system, and shows what came of it.
    func startMemoryReturn() throws(ThreadError) {
        let returner = MemoryReturner()
        register(.memoryReturns) { returner.counts.times }
        register(.memoryReturnedBytes) { returner.counts.byteCount }
        try returner.start { Int(ProcessReading.residentNow) }
    }

    /// Shows how the descriptors were shared out, and what is open.
    func connect(to budget: DescriptorBudget, _ runtime: BrokerRuntime, _ http: HTTPListeners) {
        @Sendable func samples(_ clients: Int, _ refusals: Int, _ pages: Int, _ broker: Int)
            -> [ExternalSample]
        {
            [("clients", clients), ("refusals", refusals), ("http", pages), ("broker", broker)].map {
                ExternalSample([$0.0], value: Int64($0.1))
            }
        }
        register(labelled: .descriptorsLimit) {
            samples(budget.clients, budget.refusals, budget.httpConnections, budget.reserved)
        }
        register(labelled: .descriptorsOpen) {
            let clients = runtime.limits.clients?.taken ?? 0
            let refusals = runtime.limits.refusals.taken
            let pages = http.statistics.openConnections
            let all = DescriptorBudget.open ?? 0
            return samples(clients, refusals, pages, max(0, all - clients - refusals - pages))
        }
    }

    /// Connects the registry to everything that is counted outside the loops.
    func connect(to runtime: BrokerRuntime, _ http: HTTPListeners) {
        for exchange in runtime.directory.exchanges { add(loop: exchange) }
        let broker = runtime.broker
        register(.retainMessages) { broker.retained.count }
        register(.retainMemory) { broker.retained.byteCount }
        register(.routerSubscriptions) { broker.subscriptionCount }
        register(.routerMemory) { broker.subscriptions.byteCount }
        register(.activeMQTTConnections) {
            runtime.runningListeners.reduce(0) { $0 + $1.state.counts.active }
        }
        register(labelled: .listenerConnections) {
            runtime.runningListeners.map {
                ExternalSample([$0.facts.name, "mqtt"], value: Int64($0.state.counts.active))
            }
        }
        register(labelled: .listenerConnectionsLimit) {
            runtime.runningListeners.filter { $0.state.maxConnections < .max }.map {
                ExternalSample([$0.facts.name, "mqtt"], value: Int64($0.state.maxConnections))
            }
        }
        register(labelled: .listenerRunning) {
            runtime.runningListeners.map {
                ExternalSample([$0.facts.name, "mqtt"], value: $0.isSuspended ? 0 : 1)
            }
        }
        register(labelled: .listenerRefused) {
            runtime.runningListeners.flatMap { listener in
                let counts = listener.state.counts.overLimit
                return ConnectionLimit.allCases.map {
                    ExternalSample([listener.facts.name, $0.settingName], value: Int64(counts[$0.rawValue]))
                }
            }
        }
        register(.httpConnections) { http.statistics.openConnections }
        register(.httpConnectionsAccepted) { http.statistics.acceptedConnections }
        register(.httpConnectionsRefused) { http.statistics.refusedConnections }
        register(.httpConnectionsSpared) { http.statistics.sparedConnections }
        register(labelled: .httpRefusals) {
            http.statistics.refusalsByReason.map { ExternalSample([$0.reason], value: Int64($0.count)) }
        }
        register(.httpConnectionsTimedOut) { http.statistics.timedOutConnections }
        register(.httpHandlerErrors) { http.statistics.handlerErrors }
        register(.httpResponseBytes) { http.statistics.responseBytes }
        register(.httpFailedHandshakes) { http.statistics.failedHandshakes }
        register(.httpStreams) { http.statistics.openStreams }
        register(.httpStreamsBegun) { http.statistics.begunStreams }
        register(.httpStreamsRefused) { http.statistics.refusedStreams }
        register(labelled: .httpStreamsEnded) {
            http.statistics.endedStreamsByReason.map {
                ExternalSample([$0.reason], value: Int64($0.count))
            }
        }
        register(labelled: .httpRequests) {
            http.statistics.requestsByCode.map { ExternalSample([$0.code], value: Int64($0.count)) }
        }
    }
}
