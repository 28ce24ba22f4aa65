package import Logging
package import Primitives
import Synchronization

/// The loops of a broker, each on its own thread.
package final class LoopGroup: Sendable {
    /// One for each loop, by index. Good before `start` too: a wake-up is not lost.
    package let handles: [EventLoopHandle]
    private let settings: LoopSettings
    private let clock: any Clock
    private let logger: Logger
    private let makeOwner: @Sendable (EventLoop) -> any EventLoopOwner
    private let threads = Mutex<[WorkerThread]>([])

    /// - Parameters:
    ///   - count: how many loops, at least 1.
    ///   - makeOwner: called on each loop's thread before it runs; kept until the loop stops.
    /// - Throws: when there are no descriptors for the loops.
    package init(
        count: Int, settings: LoopSettings = LoopSettings(), clock: any Clock = SystemClock(), logger: Logger,
        makeOwner: @escaping @Sendable (EventLoop) -> any EventLoopOwner
    ) throws(TransportError) {
        var handles: [EventLoopHandle] = []
        for index in 0..<max(count, 1) { handles.append(try EventLoopHandle(index: index)) }
        self.handles = handles
        self.settings = settings
        self.clock = clock
        self.logger = logger
        self.makeOwner = makeOwner
    }

    /// Starts the threads. Call once.
    ///
    /// - Throws: when a thread cannot be had; those already started are stopped.
    package func start() throws(TransportError) {
        for handle in handles {
            do throws(ThreadError) {
                let thread = try WorkerThread(name: "loop-\(handle.index)") {
                    [settings, clock, logger, makeOwner] in
                    let loop = EventLoop(handle: handle, settings: settings, clock: clock, logger: logger)
                    loop.run(makeOwner(loop))
                }
                threads.withLock { $0.append(thread) }
            } catch {
                stop()
                join()
                throw TransportError(
                    "start a loop's thread", errorNumber: error.errorNumber,
                    advice: "raise the limit on processes (ulimit -u)")
            }
        }
    }

    /// Asks every loop to close its connections and end. Any thread; does not wait.
    package func stop() {
        for handle in handles { handle.stop() }
    }

    /// Waits for the threads' ends. Not on a loop's thread.
    package func join() {
        let ending = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in ending { thread.join() }
    }
}
