package import BrokerCore
import BrokerLog
package import Logging
import MQTTCodec
import PasswordFile
package import Primitives
import Synchronization

/// `vmq_passwd`: who may connect, by a file of users and hashed passwords.
///
/// A user that the file does not have is left to the next plugin, and so is a client without a name or a password.
/// Hashing is done on the plugin's own threads.
package final class PasswordPlugin: Plugin {
    /// What it goes by.
    package struct Settings: Sendable, Equatable {
        package var path: String
        /// Seconds between two looks at the file; 0 = none.
        package var reloadInterval: Int
        /// Whether the operator has named the file; then a broker does not start without it.
        package var isNamed: Bool
        /// Threads that hash.
        package var threads: Int

        package init(path: String, reloadInterval: Int, isNamed: Bool, threads: Int = 1) {
            self.path = path
            self.reloadInterval = reloadInterval
            self.isNamed = isNamed
            self.threads = threads
        }
    }

    package let name = "vmq_passwd"
    private let source: @Sendable () -> Settings
    private let log: Logger
    private let state: Mutex<State>
    private let trouble: Episode

    private struct State {
        var watched: WatchedFile
        var worker: HookWorker?
        var hook: PasswordHook?
        var reading = PluginFileReading()
    }

    /// - Parameter source: the settings in force.
    package init(log: Logger, clock: any Clock = SystemClock(), _ source: @escaping @Sendable () -> Settings)
    {
        self.source = source
        self.log = log
        state = Mutex(State(watched: WatchedFile(clock: clock)))
        trouble = Episode(
            log, level: .error,
            began: "the password file cannot be read: the users known before stay in force",
            ended: "the password file can be read again")
    }

    package var hook: (any Hook)? { state.withLock { $0.hook } }
    package var work: HookWorker.Reading? { state.withLock { $0.worker }?.reading }
    package var file: PluginFileReading? { state.withLock { $0.hook == nil ? nil : $0.reading } }

    package func start(isStrict: Bool) throws(PluginError) {
        let settings = source()
        var limits = HookWorker.Limits()
        limits.threads = settings.threads
        let worker = try HookWorker(name: "passwd", limits)
        state.withLock { $0.worker = worker }
        let failure = load(settings)
        guard let failure else { return }
        if isStrict, settings.isNamed {
            stop()
            throw PluginError("\(settings.path): \(failure)")
        }
        // Nobody is in a file that is not there.
        state.withLock { $0.hook = PasswordHook(users: [:], worker: worker) }
    }

    package func look() -> Bool {
        let settings = source()
        let isDue = state.withLock { $0.watched.isDue(settings.path, settings.reloadInterval) }
        return isDue && load(settings) == nil
    }

    /// Reads the file. - Returns: why it could not be read; what was in force stays.
    private func load(_ settings: Settings) -> String? {
        do throws(PluginFile.Failure) {
            let (bytes, identity) = try PluginFile(path: settings.path).read(limit: PasswordFile.byteLimit)
            let file: PasswordFile
            do throws(PasswordFileError) {
                file = try PasswordFile(parsing: bytes, path: settings.path)
            } catch {
                throw PluginFile.Failure(text: "\(error)")
            }
            let users = file.hashes
            state.withLock { state in
                state.watched.loaded(settings.path, identity)
                state.reading.loads += 1
                state.reading.entries = users.count
                state.reading.badLines = file.problemCount
                state.reading.byteCount = users.keys.reduce(0) { $0 + $1.count + 256 }
                if let worker = state.worker { state.hook = PasswordHook(users: users, worker: worker) }
            }
            trouble.ended()
            tell(file, settings.path, userCount: users.count)
            return nil
        } catch {
            state.withLock { state in
                state.reading.failures += 1
                state.watched.failed(settings.path)
            }
            trouble.occurred(["file": "\(settings.path)", "problem": "\(error.text)"])
            return error.text
        }
    }

    private func tell(_ file: PasswordFile, _ path: String, userCount: Int) {
        log.info(
            "password file read",
            metadata: [
                "file": "\(path)", "users": .stringConvertible(userCount),
                "bad_lines": .stringConvertible(file.problemCount),
            ])
        for problem in file.problems.prefix(10) {
            log.warning(
                "a line of the password file lets nobody in",
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

/// The users of one content of the file.
private final class PasswordHook: Hook, Sendable {
    let name = "vmq_passwd"
    let points: Set<HookPoint> = [.authOnRegister, .authOnRegisterM5]
    private let users: [UTF8Text: PasswordHash]
    private let worker: HookWorker

    init(users: [UTF8Text: PasswordHash], worker: HookWorker) {
        self.users = users
        self.worker = worker
    }

    func authOnRegister(_ event: RegisterEvent, _ ticket: HookTicket<RegisterModifiers>)
        -> HookAnswer<RegisterModifiers>
    {
        guard let name = event.userName, let password = event.password, let hash = users[name] else {
            return .next
        }
        let busy = HookRefusal(reasonCode: .serverBusy)
        let refusal = worker.submit(client: event.subscriber, byteCount: password.count + 256) {
            ticket.answer(.refuse(busy))
        } run: {
            let isRight = hash.matches(password)
            ticket.answer(
                isRight
                    ? .ok(nil)
                    : .refuse(
                        HookRefusal(reasonCode: .badUserNameOrPassword, isInvalidCredentials: true)))
            return true
        }
        return refusal == nil ? .later : .refuse(busy)
    }
}
