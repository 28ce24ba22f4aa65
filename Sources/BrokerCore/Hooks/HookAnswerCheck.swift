import BrokerLog
import BrokerMetrics
import Logging
import MQTTCodec
import Primitives

/// Checks every answer of a hook, whether it comes at once or later, before the core uses it. So the core may rely on
/// topics, filters and texts from hooks as it does on those from a packet.
///
/// An answer that is not valid is counted in `hook_answers_invalid_total` and logged once in an episode. A safe answer
/// takes its place: a question whether something is allowed is answered with no, and other questions change nothing.
struct HookAnswerCheck {
    /// What is wrong with an answer.
    enum Problem: String {
        case wrongKind = "an answer to another question"
        case count = "not one answer for each filter"
        case topic, filter, payload, properties, text, mountpoint, qos, retain, settings
        case clientID = "client id"
        case reasonCode = "reason code"
    }

    /// An answer that may be used.
    struct Checked<Modifiers: Sendable> {
        let answer: HookAnswer<Modifiers>
        /// Whether it is what the hook said.
        var isValid = true
    }

    let settings: BrokerSettings
    let counters: LoopCounters
    private let log: Logger
    private let episode: Episode

    init(_ settings: BrokerSettings, _ counters: LoopCounters, _ log: Logger) {
        self.settings = settings
        self.counters = counters
        self.log = log
        episode = Episode(
            log, level: .error, began: "a hook's answer is not valid", ended: "hooks answer validly again")
    }

    // MARK: Answers

    func checked(_ answer: HookAnswer<RegisterModifiers>, _ hook: any Hook) -> Checked<RegisterModifiers> {
        secured(answer, hook, .hookInvalidRegister) { problem(in: $0) }
    }

    func checked(_ answer: HookAnswer<AuthModifiers>, _ hook: any Hook) -> Checked<AuthModifiers> {
        secured(answer, hook, .hookInvalidAuth) { modifiers in
            guard [.success, .continueAuthentication].contains(modifiers.reasonCode) else {
                return .reasonCode
            }
            guard (modifiers.data?.count ?? 0) <= Int(UInt16.max),
                modifiers.reasonString?.isWellFormed ?? true
            else { return .text }
            return nil
        }
    }

    /// - Parameter count: filters that were asked about.
    func checked(_ answer: HookAnswer<[SubscribeVerdict]>, count: Int, _ hook: any Hook)
        -> Checked<[SubscribeVerdict]>
    {
        secured(answer, hook, .hookInvalidSubscribe) { verdicts in
            guard verdicts.count == count else { return .count }
            for verdict in verdicts {
                guard case .grant(let granted) = verdict else { continue }
                guard isValid(filter: granted.filter) else { return .filter }
                // No Local on a shared subscription is a protocol error [MQTT-3.8.3-4].
                if granted.options.noLocal, SharedFilter(granted.filter) != nil { return .filter }
            }
            return nil
        }
    }

    /// - Parameter count: filters that were asked about.
    func checked(_ answer: HookAnswer<[UTF8Text]>, count: Int, _ hook: any Hook) -> Checked<[UTF8Text]> {
        unchanged(answer, hook, .hookInvalidUnsubscribe) { filters in
            // UNSUBACK has a code for each filter of the packet [MQTT-3.11.3-1].
            guard filters.count == count else { return .count }
            return filters.allSatisfy(isValid(filter:)) ? nil : .filter
        }
    }

    /// Of `auth_on_publish`.
    func checked(_ answer: HookAnswer<PublishModifiers>, _ hook: any Hook) -> Checked<PublishModifiers> {
        secured(answer, hook, .hookInvalidPublish) { problem(in: $0) }
    }

    /// Of `on_deliver`.
    func checkedDelivery(_ answer: HookAnswer<PublishModifiers>, _ hook: any Hook)
        -> Checked<PublishModifiers>
    {
        unchanged(answer, hook, .hookInvalidDeliver) { problem(in: $0) }
    }

    /// Counts an answer to another question than the one that was asked.
    func countWrongKind(_ counter: Counter, _ hook: any Hook) { count(.wrongKind, hook, counter) }

    // MARK: What stands for an answer that is not valid

    private func secured<Modifiers>(
        _ answer: HookAnswer<Modifiers>, _ hook: any Hook, _ counter: Counter,
        _ find: (Modifiers) -> Problem?
    ) -> Checked<Modifiers> {
        switch answer {
        case .ok(let modifiers?):
            guard let problem = find(modifiers) else { return Checked(answer: answer) }
            count(problem, hook, counter)
            return Checked(
                answer: .refuse(HookRefusal(reasonCode: .implementationSpecificError)), isValid: false)
        case .refuse(var refusal):
            let areTextsFine =
                (refusal.reasonString?.isWellFormed ?? true)
                && (refusal.serverReference?.isWellFormed ?? true)
            guard !areTextsFine else { return Checked(answer: answer) }
            // The refusal holds, without its texts.
            count(.text, hook, counter)
            refusal.reasonString = nil
            refusal.serverReference = nil
            return Checked(answer: .refuse(refusal), isValid: false)
        case .ok(nil), .next, .later: return Checked(answer: answer)
        }
    }

    private func unchanged<Modifiers>(
        _ answer: HookAnswer<Modifiers>, _ hook: any Hook, _ counter: Counter,
        _ find: (Modifiers) -> Problem?
    ) -> Checked<Modifiers> {
        guard case .ok(let modifiers?) = answer, let problem = find(modifiers) else {
            return Checked(answer: answer)
        }
        count(problem, hook, counter)
        return Checked(answer: .ok(nil), isValid: false)
    }

    private func count(_ problem: Problem, _ hook: any Hook, _ counter: Counter) {
        counters.add(counter)
        episode.endIfQuiet(for: .seconds(60))
        episode.occurred(["plugin": "\(hook.name)", "problem": "\(problem.rawValue)"])
    }

    // MARK: Values

    private func problem(in modifiers: RegisterModifiers) -> Problem? {
        if let clientID = modifiers.clientID {
            guard clientID.isWellFormed, !clientID.isEmpty, clientID.count <= settings.maxClientIDSize else {
                return .clientID
            }
        }
        guard modifiers.userName?.isWellFormed ?? true else { return .text }
        guard modifiers.mountpoint?.name.isWellFormed ?? true else { return .mountpoint }
        guard modifiers.connackProperties?.isWellFormed ?? true else { return .properties }
        guard modifiers.settings?.isValid ?? true else { return .settings }
        return nil
    }

    private func problem(in modifiers: PublishModifiers) -> Problem? {
        if let topic = modifiers.topic, !isValid(topic: topic) { return .topic }
        guard (modifiers.payload?.count ?? 0) <= FixedHeader.largestRemainingLength else { return .payload }
        guard modifiers.mountpoint?.name.isWellFormed ?? true else { return .mountpoint }
        guard modifiers.properties?.isWellFormed ?? true else { return .properties }
        if let qos = modifiers.qos, qos > settings.publish.maxQoS { return .qos }
        if modifiers.isRetained == true, !settings.publish.retainAvailable { return .retain }
        return nil
    }

    /// Whether a client could publish to it: topics that begin with `$` are the broker's own.
    private func isValid(topic: UTF8Text) -> Bool {
        guard topic.count <= Int(UInt16.max), topic.bytes.first != UInt8(ascii: "$"),
            let levels = unsafe try? TopicName.validate(topic.bytes.span.bytes)
        else { return false }
        return settings.publish.topicMaxDepth == 0 || levels <= settings.publish.topicMaxDepth
    }

    private func isValid(filter: UTF8Text) -> Bool {
        guard filter.count <= Int(UInt16.max),
            let levels = unsafe try? TopicFilter.validate(filter.bytes.span.bytes)
        else { return false }
        return settings.publish.topicMaxDepth == 0 || levels <= settings.publish.topicMaxDepth
    }
}

extension SessionSettings {
    /// Whether every number means something.
    var isValid: Bool {
        (0...65_535).contains(maxInflightMessages) && maxOnlineMessages >= -1 && maxOfflineMessages >= -1
            && maxMessageRate >= 0
            && receiveMaxClient > 0 && maxMessageSize > 0
            && maxMessageSize <= FixedHeader.largestRemainingLength
    }
}
