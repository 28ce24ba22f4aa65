package import BrokerCore
import BrokerLog
import BrokerMetrics
package import Logging
import MQTTCodec
package import Primitives
import Synchronization

/// `vmq_acl`: which topics a client may use, by a file of rules.
///
/// What no rule allows is left to the next plugin, so without another it is refused.
package final class ACLPlugin: Plugin {
    /// What it goes by.
    package struct Settings: Sendable, Equatable {
        package var path: String
        /// Seconds between two looks at the file; 0 = none.
        package var reloadInterval: Int
        /// Whether the operator has named the file; then a broker does not start without it.
        package var isNamed: Bool
        package var manners: ACLMatcher.Manners
        /// Levels of a filter; 0 = no limit.
        package var maximumDepth: Int

        package init(
            path: String, reloadInterval: Int, isNamed: Bool, manners: ACLMatcher.Manners, maximumDepth: Int
        ) {
            self.path = path
            self.reloadInterval = reloadInterval
            self.isNamed = isNamed
            self.manners = manners
            self.maximumDepth = maximumDepth
        }
    }

    package let name = "vmq_acl"
    private let source: @Sendable () -> Settings
    private let log: Logger
    private let state: Mutex<State>
    private let trouble: Episode

    private struct State {
        var watched: WatchedFile
        var worker: HookWorker?
        var hook: ACLHook?
        var reading = PluginFileReading()
        var manners = ACLMatcher.Manners()
        var maximumDepth = 0
    }

    /// - Parameter source: the settings in force.
    package init(log: Logger, clock: any Clock = SystemClock(), _ source: @escaping @Sendable () -> Settings)
    {
        self.source = source
        self.log = log
        state = Mutex(State(watched: WatchedFile(clock: clock)))
        trouble = Episode(
            log, level: .error,
            began: "the access control file cannot be read: the rules known before stay in force",
            ended: "the access control file can be read again")
    }

    /// Reads a file without going by it.
    package static func read(_ path: String, maximumDepth: Int) throws(PluginError) -> ACLParser.Content {
        do throws(PluginFile.Failure) {
            let bytes = try PluginFile(path: path).read(limit: ACLParser.byteLimit).bytes
            return ACLParser.parse(bytes, maximumDepth: maximumDepth)
        } catch {
            throw PluginError("\(path): \(error.text)")
        }
    }

    package var hook: (any Hook)? { state.withLock { $0.hook } }
    package var work: HookWorker.Reading? { state.withLock { $0.worker }?.reading }
    package var file: PluginFileReading? { state.withLock { $0.hook == nil ? nil : $0.reading } }

    package func start(isStrict: Bool) throws(PluginError) {
        let settings = source()
        let worker = try HookWorker(name: "acl", HookWorker.Limits())
        state.withLock { $0.worker = worker }
        guard let failure = load(settings) else { return }
        if isStrict, settings.isNamed {
            stop()
            throw PluginError("\(settings.path): \(failure)")
        }
        // Nothing is allowed by a file that is not there.
        state.withLock { $0.hook = ACLHook(ACLMatcher([], settings.manners), worker) }
    }

    package func look() -> Bool {
        let settings = source()
        let isDue = state.withLock { state in
            state.manners != settings.manners || state.maximumDepth != settings.maximumDepth
                || state.watched.isDue(settings.path, settings.reloadInterval)
        }
        return isDue && load(settings) == nil
    }

    /// Reads the file. - Returns: why it could not be read; what was in force stays.
    private func load(_ settings: Settings) -> String? {
        do throws(PluginFile.Failure) {
            let (bytes, identity) = try PluginFile(path: settings.path).read(limit: ACLParser.byteLimit)
            let content = ACLParser.parse(bytes, maximumDepth: settings.maximumDepth)
            let matcher = ACLMatcher(content.rules, settings.manners)
            state.withLock { state in
                state.watched.loaded(settings.path, identity)
                state.manners = settings.manners
                state.maximumDepth = settings.maximumDepth
                state.reading.loads += 1
                state.reading.entries = matcher.ruleCount
                state.reading.badLines = content.skippedCount
                state.reading.byteCount = matcher.byteCount
                if let worker = state.worker { state.hook = ACLHook(matcher, worker) }
            }
            trouble.ended()
            tell(content, settings.path)
            return nil
        } catch {
            state.withLock { state in
                state.manners = settings.manners
                state.maximumDepth = settings.maximumDepth
                state.reading.failures += 1
                state.watched.failed(settings.path)
            }
            trouble.occurred(["file": "\(settings.path)", "problem": "\(error.text)"])
            return error.text
        }
    }

    private func tell(_ content: ACLParser.Content, _ path: String) {
        log.info(
            "access control file read",
            metadata: [
                "file": "\(path)", "rules": .stringConvertible(content.rules.count),
                "bad_lines": .stringConvertible(content.skippedCount),
            ])
        for problem in content.problems.prefix(10) {
            log.warning(
                "a line of the access control file counts for nothing",
                metadata: ["file": "\(path):\(problem.line)", "problem": "\(problem.text)"])
        }
    }

    package func stop() {
        let worker = state.withLock { state in
            defer {
                state.worker = nil
                state.hook = nil
                state.watched.forget()
            }
            return state.worker
        }
        worker?.stop()
    }
}

/// The rules of one content of the file.
private final class ACLHook: Hook, Sendable {
    let name = "vmq_acl"
    let points: Set<HookPoint> = [
        .authOnPublish, .authOnPublishM5, .authOnSubscribe, .authOnSubscribeM5,
    ]
    let decidesByTopic = true
    private let matcher: ACLMatcher
    private let worker: HookWorker
    /// Filters of one SUBSCRIBE that are looked at on the loop; more of them take longer than a slice of a turn.
    private static let filtersAtOnce = 256

    init(_ matcher: ACLMatcher, _ worker: HookWorker) {
        self.matcher = matcher
        self.worker = worker
    }

    func authOnPublish(
        _ publication: inout Publication, by client: HookClient, _ ticket: HookTicket<PublishModifiers>
    ) -> HookAnswer<PublishModifiers> {
        let subscriber = client.subscriber
        let userName = client.userName ?? Self.nobody
        let names = unsafe ACLMatcher.Names(
            clientID: subscriber.clientID.bytes.span.bytes,
            userName: userName.bytes.span.bytes,
            mountpoint: subscriber.mountpoint.name.bytes.span.bytes)
        return matcher.allowsPublish(publication.topic, names, userName: client.userName) ? .ok(nil) : .next
    }

    private static let nobody = UTF8Text(bytes: [])

    func authOnSubscribe(_ event: SubscribeEvent, _ ticket: HookTicket<[SubscribeVerdict]>)
        -> HookAnswer<[SubscribeVerdict]>
    {
        guard event.filters.count > Self.filtersAtOnce else { return allows(event) ? .ok(nil) : .next }
        let busy = HookRefusal(reasonCode: .quotaExceeded)
        let byteCount = event.filters.reduce(0) { $0 + $1.filter.count + 64 }
        let refusal = worker.submit(client: event.subscriber, byteCount: byteCount) {
            ticket.answer(.refuse(busy))
        } run: { [self] in
            ticket.answer(allows(event) ? .ok(nil) : .next)
            return true
        }
        return refusal == nil ? .later : .refuse(busy)
    }

    /// VerneMQ: all filters of a packet are allowed, or none is.
    private func allows(_ event: SubscribeEvent) -> Bool {
        let userName = event.userName ?? Self.nobody
        let names = unsafe ACLMatcher.Names(
            clientID: event.subscriber.clientID.bytes.span.bytes,
            userName: userName.bytes.span.bytes,
            mountpoint: event.subscriber.mountpoint.name.bytes.span.bytes)
        return event.filters.allSatisfy {
            unsafe matcher.allowsSubscribe(
                $0.filter.bytes.span.bytes, names, userName: event.userName)
        }
    }
}
