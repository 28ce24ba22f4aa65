import BrokerMetrics

/// Losses and rejections: one warning for each reason that was seen within the last minute.
extension StatusFacts {
    var lossWarnings: [StatusWarning] {
        let window = recent.minute
        var found: [(count: UInt64, warning: StatusWarning)] = []
        for reason in DropReason.allCases where window[.drop(reason)] > 0 {
            let count = window[.drop(reason)]
            found.append(
                (
                    count,
                    StatusWarning(
                        burns(reason) ? .critical : .warning,
                        "\(Plain.number(count)) copies were lost in the last minute: \(reason.plainWords).",
                        reason.advice, runbook: "VerneMQMessagesDropped", isLoss: true)
                ))
        }
        let losses = found.sorted { $0.count > $1.count }.map(\.warning)
        found = []
        for reason in RejectReason.allCases where window[.reject(reason)] > 0 {
            let count = window[.reject(reason)]
            found.append(
                (
                    count,
                    StatusWarning(
                        .warning,
                        "\(Plain.number(count)) publishes were rejected in the last minute: \(reason.plainWords).",
                        "Find the publisher: vmq-admin trace client, or the log at level debug; see the runbook.",
                        runbook: "VerneMQPublishesRejected", isLoss: true)
                ))
        }
        return losses + found.sorted { $0.count > $1.count }.map(\.warning)
    }

    /// As the alert VerneMQMessagesDropped: more than 1.44 % of all copies that ended in five minutes, and more than ten.
    private func burns(_ reason: DropReason) -> Bool {
        let window = recent.fiveMinutes
        // Clients and operators have chosen these.
        guard reason != .offlineQoS0, reason != .expired, reason != .queuePurged else { return false }
        let lost = window[.drop(reason)]
        let ended = window[.delivered] &+ window[.lost]
        return lost > 10 && Double(lost) > 0.0144 * Double(max(1, ended))
    }
}

extension DropReason {
    /// The reason as a part of a sentence.
    var plainWords: String {
        switch self {
        case .queueFull: "the subscriber's queue was full"
        case .expired: "they expired before they were delivered"
        case .offlineQoS0: "QoS 0 for clients that are away"
        case .packetTooLarge: "larger than their client takes"
        case .sessionEnded: "their session ended"
        case .refusedByClient: "the client refused them"
        case .deniedByHook: "a plugin did not allow the delivery"
        case .subscriberGone: "the subscriber had just gone"
        case .storeLost: "the store cannot give them back"
        case .connectionClosed: "the connection ended before they were sent"
        case .queuePurged: "an operator emptied the queue"
        }
    }

    /// What to do about it.
    var advice: String {
        switch self {
        case .queueFull:
            "Make the subscriber faster, or raise max_online_messages or max_offline_messages."
        case .expired: "The publisher's message expiry is shorter than the subscriber's absence or backlog."
        case .offlineQoS0: "Publish and subscribe with QoS 1 what a client that is away must get."
        case .packetTooLarge: "The client announced a Maximum Packet Size below what is sent to it."
        case .sessionEnded: "Clients that are to get what they missed need a session that lasts."
        case .refusedByClient: "The client answered with an error code: look into its log, or trace it."
        case .deniedByHook: "A plugin says no at on_deliver: look into its log."
        case .subscriberGone: "Clients come and go quickly; nothing to do while they are few."
        case .storeLost: "Files of the store are damaged: run vernemq store check with the broker stopped."
        case .connectionClosed: "Clients lose their connection: look for networks that break, or use QoS 1."
        case .queuePurged: "The log says who it was."
        }
    }
}

extension RejectReason {
    /// The reason as a part of a sentence.
    var plainWords: String {
        switch self {
        case .malformed: "they were no well-formed packets"
        case .notAuthorized: "the client may not publish there"
        case .topicInvalid: "the topic is not valid"
        case .dollarTopic: "topics that begin with $ are the broker's own"
        case .topicAliasInvalid: "the topic alias was never set, or is too large"
        case .packetTooLarge: "larger than max_message_size"
        case .receiveMaximumExceeded: "more in flight than the client may have"
        case .payloadFormatInvalid: "the payload is no UTF-8 as it claims"
        case .protocolError: "the protocol does not allow them"
        case .sessionClosed: "the client left before they were looked at"
        case .retainNotSupported: "retained messages are switched off"
        case .qosNotSupported: "the QoS is above max_qos"
        case .storageUnavailable: "the store takes nothing"
        case .quotaExceeded: "the connection's budget has no room"
        }
    }
}
