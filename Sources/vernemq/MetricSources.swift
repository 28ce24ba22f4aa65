import BrokerCore
import BrokerLog
import BrokerMetrics
import HTTPServer
import Listeners
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
    }

    /// Connects the registry to everything that is counted outside the loops.
    func connect(to runtime: BrokerRuntime, _ http: HTTPListeners) {
        for exchange in runtime.doors.exchanges { add(loop: exchange) }
        let broker = runtime.broker
        register(.retainMessages) { broker.retained.count }
        register(.retainMemory) { broker.retained.byteCount }
        register(.routerSubscriptions) { broker.subscriptions.subscriptionCount }
        register(.routerMemory) { broker.subscriptions.byteCount }
        register(.activeMQTTConnections) {
            runtime.runningListeners.reduce(0) { $0 + $1.state.counts.active }
        }
        register(labelled: .listenerConnections) {
            runtime.runningListeners.map {
                ExternalSample([$0.facts.name, "mqtt"], value: Int64($0.state.counts.active))
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
        register(labelled: .httpRequests) {
            http.statistics.requestsByCode.map { ExternalSample([$0.code], value: Int64($0.count)) }
        }
    }
}
