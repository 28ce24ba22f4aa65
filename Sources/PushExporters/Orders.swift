import Primitives
import Synchronization

/// What other threads want of the thread of an exporter: other settings, or its end.
///
/// The thread is started by the first `begin`, so who sends nothing has none.
final class Orders<Settings: Sendable>: Sendable {
    private struct State {
        var settings: Settings?
        var isStopped = false
        var thread: WorkerThread?
    }

    private let state = Mutex(State())
    let wakeup: Wakeup

    /// - Returns: nil when there is no descriptor to be had.
    init?() {
        guard let wakeup = Wakeup() else { return nil }
        self.wakeup = wakeup
    }

    /// Starts the thread, if it does not run and was not stopped.
    func begin(name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        let error = state.withLock { state -> ThreadError? in
            guard state.thread == nil, !state.isStopped else { return nil }
            do throws(ThreadError) {
                state.thread = try WorkerThread(name: name, body)
                return nil
            } catch {
                return error
            }
        }
        if let error { throw error }
    }

    /// Settings that are in force from now on.
    func change(to settings: Settings) {
        state.withLock { $0.settings = settings }
        wakeup.signal()
    }

    /// Ends the thread, and waits for its end.
    func stop() {
        let thread = state.withLock { state in
            state.isStopped = true
            defer { state.thread = nil }
            return state.thread
        }
        wakeup.signal()
        thread?.join()
    }

    /// For the thread: what came since the last call.
    func take() -> (settings: Settings?, isStopped: Bool) {
        wakeup.clear()
        return state.withLock { state in
            defer { state.settings = nil }
            return (state.settings, state.isStopped)
        }
    }

    /// For the thread while it is busy: whether it is to end.
    var isStopped: Bool { state.withLock { $0.isStopped } }
}
