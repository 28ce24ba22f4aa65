/// Every counter the loops keep, as cases. What each is called and means stands in `MetricCatalog`.
///
/// A block of counters is one run of 64-bit words; each enum here owns a stretch of it:
///
///     [ Counter | VersionedCounter × 2 | PacketReasonCounter × 2 × 256 | PublicationOrigin × 2 | DropReason | RejectReason | … | Gauge | histograms ]

/// Counters without labels.
public enum Counter: Int, CaseIterable, Sendable {
    case socketOpen, socketClose, socketCloseTimeout, socketError
    case bytesReceived, bytesSent
    case queueSetup, queueInitializedFromStorage, queueTeardown
    case queueMessageIn
    case routerMatchesLocal, routerMatchesRemote
    // The ledger (see docs/architecture.md, "Accounting").
    case ledgerReceived, ledgerDuplicate, ledgerUnrouted, ledgerUnroutedRetained
    case ledgerLoaded, ledgerDelivered, ledgerHandedOver
    case ledgerPosted, ledgerTaken
    case ledgerRetransmitted
    // The loop itself.
    case loopTurns, loopBusyNanoseconds, loopLettersPosted, loopLettersTaken, loopWakeups
    case loopReadsPaused, loopFairnessYields, loopLapses
    case deferredJobs, deferredSlices
    case connectionsAccepted, connectionsMoved, connectionsRefused, connectionsOverRate, acceptPaused,
        acceptDescriptorExhausted
    case halfClosed, connectionReset, outputBytesDiscarded, sendTimeouts, writeBlocked
    case bytesUndecoded
    case routerCacheHit, routerCacheMiss
    case retainedSet, retainedDeleted, retainedExpired
    case hookCalls, hookDenied, hookDeferred, hookTimeout, hookAnswersIgnored
    case hookInvalidRegister, hookInvalidAuth, hookInvalidSubscribe, hookInvalidUnsubscribe
    case hookInvalidPublish, hookInvalidDeliver
    case sessionTakenOver, sessionResumed, sessionExpired
    case publisherThrottled, subscriberBlocked
    case sharedRedelivered, siblingRedelivered
    case filterListsRefused, filtersOverLimit, filtersTooDeep
    case queueMemoryFull
    // The store, seen from the loops.
    case storeCopies, storeElided, storeBatches, storeBarriers, storeBarriersLate, storeSpilled, storeRefilled
    case storeReadRetries
    case storeSubscribesRefused, storeUnsubscribesRefused, storeConnectsRefused, answersHeld
    case storePausesPublish, storePausesSubscribe, storePausesUnsubscribe, storePausesAcks, storePausesConnect
    case publishersPaused, fanOutsPutOff
    /// Messages that no client has sent, for which the store took nothing.
    case publicationsRefused
    /// Lines about clients that were not written, because there were too many of their kind.
    case logOmittedRefusals, logOmittedStreams, logOmittedProtocolErrors, logOmittedSlow, logOmittedTakeovers,
        logOmittedDrops
}

/// What the label `mqtt_version` tells apart: 3.1 and 3.1.1 are "4", 5.0 is "5".
public enum VersionLabel: Int, CaseIterable, Sendable {
    case v4 = 0
    case v5 = 1
}

/// Counters with the label `mqtt_version`.
public enum VersionedCounter: Int, CaseIterable, Sendable {
    case connectReceived, publishReceived, subscribeReceived, unsubscribeReceived, pingreqReceived
    case publishSent, subackSent, unsubackSent, pingrespSent
    case publishAuthError, subscribeAuthError, invalidMessageSizeError
    case pubackInvalidError, pubrecInvalidError, pubcompInvalidError
    case publishError, subscribeError, unsubscribeError
    case keepaliveExpired
}

/// Counters by MQTT version and, for MQTT 5 (and CONNACK of all versions), reason or return code as on the wire.
public enum PacketReasonCounter: Int, CaseIterable, Sendable {
    case pubackReceived, pubrecReceived, pubrelReceived, pubcompReceived, disconnectReceived, authReceived
    case connackSent, pubackSent, pubrecSent, pubrelSent, pubcompSent, disconnectSent, authSent
}

/// Why a copy of a message never reached its subscriber. The exits of the funnel.
public enum DropReason: Int, CaseIterable, Sendable {
    /// The subscriber's online or offline queue was full.
    case queueFull
    /// The message expiry interval passed before delivery.
    case expired
    /// QoS 0 for a subscriber that is not connected.
    case offlineQoS0
    /// Over the Maximum Packet Size of the client [MQTT-3.1.2-24].
    case packetTooLarge
    /// The session ended and its queue with it.
    case sessionEnded
    /// The client refused it with PUBREC or PUBACK ≥ 0x80.
    case refusedByClient
    /// A hook refused the delivery.
    case deniedByHook
    /// The session it was routed to was gone when the copy arrived there.
    case subscriberGone
    /// The store had it and cannot give it back: damaged, or missing.
    case storeLost
    /// QoS 0 that the kernel had not taken to its last byte when the connection ended.
    case connectionClosed
    /// An operator has emptied the queue.
    case queuePurged
}

/// Who published a message. Each has two counters: messages that were routed, and copies that were made of them.
public enum PublicationOrigin: Int, CaseIterable, Sendable {
    /// A PUBLISH of a client.
    case client
    /// A will, of a client that is gone.
    case will
    /// A retained message, copied for a new subscription.
    case retained
    /// The broker itself: the `$SYS` tree.
    case broker
    /// A message that a bridge has fetched.
    case bridge
    /// The HTTP API.
    case http
    /// Another node of the cluster.
    case node
}

/// Why a PUBLISH that arrived was not routed.
public enum RejectReason: Int, CaseIterable, Sendable {
    /// Its bytes are not those of a PUBLISH: a field beyond its end, bad UTF-8, QoS 3.
    case malformed
    case notAuthorized
    /// Wildcards in the topic, or more levels than allowed.
    case topicInvalid
    /// The topic begins with `$`, which is the broker's own.
    case dollarTopic
    /// Alias 0, an alias over the maximum, or one that was never set.
    case topicAliasInvalid
    /// Over `max_message_size`: refused by its fixed header, whether the rest came or not.
    case packetTooLarge
    case receiveMaximumExceeded, payloadFormatInvalid
    /// Well-formed and not allowed: before CONNECT, without topic and alias, with a property that clients must not send.
    case protocolError
    /// Its connection ended before it was looked at, or before a hook had answered.
    case sessionClosed
    case retainNotSupported, qosNotSupported
    /// It would have to be stored, and the store takes nothing.
    case storageUnavailable
    /// A budget of the connection, such as that of its topic aliases, has no room for it.
    case quotaExceeded
}

/// Why a connection ended.
public enum CloseReason: Int, CaseIterable, Sendable {
    case clientDisconnect, peerClosed, reset, ioError, connectTimeout, keepAliveTimeout, malformed,
        protocolError
    case refused, takenOver, administrative, lifetime, sendTimeout, shutdown, packetTooLarge
    /// A layer below MQTT failed; `listener_stream_failures_total` says how.
    case tlsFailed, proxyFailed, webSocketFailed
    /// It held most of the memory that connections without a session have together.
    case newcomerMemory
}

/// Who ended a connection, as `connections_closed_total{by}` tells it.
public enum CloseSide: String, CaseIterable, Sendable {
    /// It sent DISCONNECT or closed its side.
    case client
    /// The broker decided so.
    case server
    /// It broke, or fell silent in one direction, and neither side had wanted that.
    case network
}

extension CloseReason {
    /// Who ends a connection for this reason.
    public var side: CloseSide {
        switch self {
        case .clientDisconnect, .peerClosed: .client
        case .reset, .ioError, .keepAliveTimeout, .sendTimeout: .network
        case .connectTimeout, .malformed, .protocolError, .refused, .takenOver, .administrative, .lifetime,
            .shutdown, .packetTooLarge, .newcomerMemory, .tlsFailed, .proxyFailed, .webSocketFailed:
            .server
        }
    }
}

/// What a connection is encrypted with. Each has a counter of connections opened and a gauge of those that are open; see
/// `LoopCounters.opened`.
public enum TLSVersion: Int, CaseIterable, Sendable {
    /// Not encrypted, or a proxy has taken that off.
    case none
    case tls10, tls11, tls12, tls13

    /// The value of `tls_version`.
    public var label: String {
        switch self {
        case .none: "none"
        case .tls10: "1.0"
        case .tls11: "1.1"
        case .tls12: "1.2"
        case .tls13: "1.3"
        }
    }
}

/// Values that go up and down and belong to one loop; exported as the sum.
public enum LoopGauge: Int, CaseIterable, Sendable {
    /// PUBLISH packets that wait for a hook's answer are received and not yet accepted.
    case publishesPending
    case onlineV31, onlineV311, onlineV5
    case sessionsOnline, sessionsOffline, queuedMessages, inflightMessages, outputBytes, mailboxDepth
    /// QoS 0 messages in the outputs of connections, which the kernel has not taken to their last byte.
    case outputMessages
    case connectionsOpen, timersWaiting, routerCacheEntries, queuedBytes
    /// Long work that goes on in slices, see `DeferredWork`.
    case deferredJobsWaiting
    /// Copies that are in the store or on their way there, as the loops know them.
    case storedCopies
    /// Queued copies that lie in the store alone.
    case spilledMessages
    /// Answers to clients that wait for a commit.
    case heldAnswers
    /// Messages whose copies are given in later turns.
    case fanOutsWaiting
    /// Bytes on their way to the store, the mark above which clients wait, and those who do.
    case storeBacklogBytes, storeBacklogMark, storeHeldClients
    /// The longest time the loop did not look at its sockets though it should have.
    case longestLapseNanoseconds
    /// Memory of connections that have no session yet.
    case newcomerBytes
    /// Clients in the backlogs of listeners that take none.
    case clientsWaiting
    /// Memory of the routes that the loop remembers.
    case routerCacheBytes
    /// Memory of what hooks have allowed.
    case hookPermitBytes
}

/// Distributions, log-linear.
public enum LoopHistogram: Int, CaseIterable, Sendable {
    /// Nanoseconds of one loop turn, from wake-up to the end of its flush.
    case turnNanoseconds
    /// Letters taken out of the mailbox at once.
    case letterBatch
    /// Subscribers each routed PUBLISH matched.
    case fanOut
    /// Nanoseconds an answer to a client waited for the store.
    case answerHoldNanoseconds
    /// Nanoseconds a session waited until its messages could be read from the store.
    case barrierWaitNanoseconds
    /// Nanoseconds from the turn that read a message until the kernel had a copy, by the copy's QoS.
    case residenceQoS0, residenceQoS1, residenceQoS2
    /// Nanoseconds of one stage of that.
    case parseStage, hookStage, routeStage, queueStage, writeStage
    /// Nanoseconds that a copy waited for a client that was away.
    case offlineStage
    /// Nanoseconds from a packet to the client until its acknowledgement was read.
    case pubackRoundTrip, pubrecRoundTrip, pubcompRoundTrip
}
