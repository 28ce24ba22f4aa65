package import BrokerMetrics

/// A counter whose rate or increase the status page or one of its warnings needs.
package enum WatchedCount: Hashable, Sendable, CaseIterable {
    case received, sent, accepted, delivered, copies, rejected, lost, unrouted, duplicate, loaded
    case bytesIn, bytesOut, connects, connacks, connacksRefused
    case lapses, storeErrors, refusedForDescriptors, refusedForConnections, acceptPaused, throttled, takenOver
    case queueMemoryFull, newcomerMemory, keepAliveExpired, sendTimeouts, hookTimeouts
    case httpRefused, logLinesDropped, logWriteErrors, authorizationErrors, wrongKeys
    case graphiteErrors, otlpTaken, otlpFailed, httpAnswers, httpErrors, socketOpens, socketErrors
    case publishErrors, badCredentials, pathBlocked, clientEventsOmitted
    case drop(DropReason)
    case reject(RejectReason)

    package static let allCases: [WatchedCount] =
        [
            .received, .sent, .accepted, .delivered, .copies, .rejected, .lost, .unrouted, .duplicate,
            .loaded,
            .bytesIn, .bytesOut, .connects, .connacks, .connacksRefused,
            .lapses, .storeErrors, .refusedForDescriptors, .refusedForConnections, .acceptPaused, .throttled,
            .takenOver, .queueMemoryFull, .newcomerMemory, .keepAliveExpired, .sendTimeouts, .hookTimeouts,
            .httpRefused, .logLinesDropped, .logWriteErrors, .authorizationErrors, .wrongKeys,
            .graphiteErrors, .otlpTaken, .otlpFailed, .httpAnswers, .httpErrors, .socketOpens, .socketErrors,
            .publishErrors, .badCredentials, .pathBlocked, .clientEventsOmitted,
        ] + DropReason.allCases.map { .drop($0) } + RejectReason.allCases.map { .reject($0) }

    /// Its place in a reading.
    var index: Int { Self.places[self] ?? 0 }
    private static let places = Dictionary(uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })

    /// What it is now.
    func value(in snapshot: Snapshot) -> UInt64 {
        func external(_ metric: RoomMetric, _ counts: ([String]) -> Bool = { _ in true }) -> UInt64 {
            snapshot.samples(metric).reduce(0) {
                counts($1.labelValues) ? $0 &+ UInt64(clamping: $1.value) : $0
            }
        }
        func connacks(from code: Int) -> UInt64 {
            VersionLabel.allCases.reduce(0) { sum, version in
                snapshot.sum(Array(PacketReasonCounter.connackSent.words(version).dropFirst(code))) &+ sum
            }
        }
        switch self {
        case .received: return snapshot[VersionedCounter.publishReceived]
        case .sent: return snapshot[VersionedCounter.publishSent]
        case .accepted: return snapshot.messages(.client)
        case .delivered: return snapshot[Counter.ledgerDelivered]
        case .copies: return PublicationOrigin.allCases.reduce(0) { $0 &+ snapshot.copies($1) }
        case .rejected: return snapshot.sum(RejectReason.allCases.map(\.word))
        case .lost: return snapshot.sum(DropReason.allCases.map(\.word))
        case .unrouted: return snapshot[Counter.ledgerUnrouted]
        case .duplicate: return snapshot[Counter.ledgerDuplicate]
        case .loaded: return snapshot[Counter.ledgerLoaded]
        case .bytesIn: return snapshot[Counter.bytesReceived]
        case .bytesOut: return snapshot[Counter.bytesSent]
        case .connects: return snapshot[VersionedCounter.connectReceived]
        case .connacks: return connacks(from: 0)
        case .connacksRefused: return connacks(from: 1)
        case .lapses: return snapshot[Counter.loopLapses]
        case .storeErrors: return external(.storeErrors)
        case .refusedForDescriptors:
            return external(.listenerRefused) { $0.last == "descriptors" }
                &+ snapshot[Counter.acceptDescriptorExhausted]
        case .refusedForConnections: return external(.listenerRefused) { $0.last == "max_connections" }
        case .acceptPaused: return snapshot[Counter.acceptPaused]
        case .throttled: return snapshot[Counter.publisherThrottled]
        case .takenOver: return snapshot[Counter.sessionTakenOver]
        case .queueMemoryFull: return snapshot[Counter.queueMemoryFull]
        case .newcomerMemory: return snapshot[CloseReason.newcomerMemory]
        case .keepAliveExpired: return snapshot[VersionedCounter.keepaliveExpired]
        case .sendTimeouts: return snapshot[Counter.sendTimeouts]
        case .hookTimeouts: return snapshot[Counter.hookTimeout]
        case .httpRefused: return external(.httpRefused)
        case .logLinesDropped: return external(.logLinesDropped)
        case .logWriteErrors: return external(.logWriteErrors)
        case .authorizationErrors:
            return snapshot[VersionedCounter.publishAuthError]
                &+ snapshot[VersionedCounter.subscribeAuthError]
        case .wrongKeys: return external(.apiRequests) { ["unauthorized", "limited"].contains($0.first) }
        case .graphiteErrors: return external(.graphiteErrors)
        case .otlpTaken: return external(.otlpExports) { ["accepted", "partial"].contains($0.first) }
        case .otlpFailed:
            return external(.otlpExports) { ["refused", "given_up", "unconfirmed"].contains($0.first) }
        case .httpAnswers: return external(.httpRequests)
        case .httpErrors: return external(.httpRequests) { $0.first == "5xx" }
        case .socketOpens: return snapshot[Counter.socketOpen]
        case .socketErrors: return snapshot[Counter.socketError]
        case .publishErrors: return snapshot[VersionedCounter.publishError]
        case .badCredentials:
            // Bad user name or password, not authorized.
            let sent = PacketReasonCounter.connackSent
            return snapshot.sum(
                [4, 5].map { sent.word(.v4, code: $0) } + [0x86, 0x87].map { sent.word(.v5, code: $0) })
        case .pathBlocked: return external(.healthWalks) { $0.first == "down" }
        case .clientEventsOmitted:
            return snapshot.sum(
                [
                    Counter.logOmittedRefusals, .logOmittedProtocolErrors, .logOmittedSlow,
                    .logOmittedTakeovers, .logOmittedDrops,
                ].map(\.word))
        case .drop(let reason): return snapshot[reason]
        case .reject(let reason): return snapshot[reason]
        }
    }

    /// The reason when it is one of a loss or a rejection.
    var isReason: Bool {
        switch self {
        case .drop, .reject: true
        default: false
        }
    }
}
