import BrokerMetrics
import MQTTCodec
import Primitives

/// The questions of the points: what each asks, and what is safe when the answer cannot be used.
extension Shard {
    /// `auth_on_register`.
    func question(
        about event: RegisterEvent, _ plugins: ListenerPlugins?,
        _ finish: @escaping (HookOutcome<RegisterModifiers>) -> Void
    ) -> HookQuestion<RegisterModifiers> {
        let check = questions.check
        return HookQuestion(
            point: HookPoint.authOnRegister.forVersion(event.version), plugins: plugins,
            invalid: .hookInvalidRegister, standIn: .refuse(.unusableAnswer),
            shown: { .register(event) }, shownChanges: { .register($0) },
            call: { $0.authOnRegister(event, $1) }, check: { check.checked($0, $1) }, finish: finish)
    }

    /// `on_auth_m5`.
    func question(
        about event: AuthEvent, _ plugins: ListenerPlugins?,
        _ finish: @escaping (HookOutcome<AuthModifiers>) -> Void
    ) -> HookQuestion<AuthModifiers> {
        let check = questions.check
        return HookQuestion(
            point: .onAuthM5, plugins: plugins, invalid: .hookInvalidAuth, standIn: .refuse(.unusableAnswer),
            shown: { .authenticate(event) }, shownChanges: { .authenticate($0) },
            call: { $0.onAuth(event, $1) }, check: { check.checked($0, $1) }, finish: finish)
    }

    /// `auth_on_subscribe`.
    func question(
        about event: SubscribeEvent, _ plugins: ListenerPlugins?,
        _ finish: @escaping (HookOutcome<[SubscribeVerdict]>) -> Void
    ) -> HookQuestion<[SubscribeVerdict]> {
        let check = questions.check
        let count = event.filters.count
        return HookQuestion(
            point: HookPoint.authOnSubscribe.forVersion(event.version), plugins: plugins,
            invalid: .hookInvalidSubscribe, standIn: .refuse(HookRefusal()),
            shown: { .subscribe(event) }, shownChanges: { .subscribe($0) },
            call: { $0.authOnSubscribe(event, $1) }, check: { check.checked($0, count: count, $1) },
            finish: finish)
    }

    /// `on_unsubscribe`, which cannot refuse.
    func question(
        about event: UnsubscribeEvent, _ finish: @escaping (HookOutcome<[UTF8Text]>) -> Void
    ) -> HookQuestion<[UTF8Text]> {
        let check = questions.check
        let count = event.filters.count
        return HookQuestion(
            point: HookPoint.onUnsubscribe.forVersion(event.version), plugins: nil,
            invalid: .hookInvalidUnsubscribe, standIn: .ok(nil), shown: nil, shownChanges: { _ in .none },
            call: { $0.onUnsubscribe(event, $1) }, check: { check.checked($0, count: count, $1) },
            finish: finish)
    }

    /// `auth_on_publish`, of a message that is an object.
    ///
    /// - Parameter shown: as a watcher sees it; nil = it has been shown, or is not to be.
    func question(
        about message: ApplicationMessage, of client: HookClient, subject: PendingHook.Subject,
        shown: (() -> WatchedQuestion)?, _ finish: @escaping (HookOutcome<PublishModifiers>) -> Void
    ) -> HookQuestion<PublishModifiers> {
        let check = questions.check
        return HookQuestion(
            point: HookPoint.authOnPublish.forVersion(client.version), plugins: client.plugins,
            subject: subject, invalid: .hookInvalidPublish, standIn: .refuse(.unusableAnswer), shown: shown,
            shownChanges: { .publish($0) },
            call: { hook, ticket in
                var publication = Publication(message)
                return hook.authOnPublish(&publication, by: client, ticket)
            }, check: { check.checked($0, $1) }, finish: finish)
    }

    /// `on_deliver`, which cannot refuse by an answer that is not valid.
    func question(
        about event: PublishEvent, _ copy: QueuedMessage,
        _ finish: @escaping (HookOutcome<PublishModifiers>) -> Void
    ) -> HookQuestion<PublishModifiers> {
        let check = questions.check
        return HookQuestion(
            point: HookPoint.onDeliver.forVersion(event.version), plugins: nil, subject: .delivery(copy),
            invalid: .hookInvalidDeliver, standIn: .ok(nil), shown: nil, shownChanges: { .publish($0) },
            call: { $0.onDeliver(event, $1) }, check: { check.checkedDelivery($0, $1) }, finish: finish)
    }
}

extension HookRefusal {
    /// A hook has said something that cannot be used.
    static let unusableAnswer = HookRefusal(reasonCode: .implementationSpecificError)
}
