import CSystem
import Glibc

/// A thread that runs one closure to its end. Signals are left to other threads.
@safe public struct WorkerThread: @unchecked Sendable {
    // A handle that is only given to `pthread_join`, which any thread may call, hence @unchecked.
    private let thread: pthread_t

    /// - Parameter name: as `top -H` shows it; 15 bytes count.
    /// - Throws: the errno value when there is no thread to be had.
    public init(name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        let box = unsafe Unmanaged.passRetained(ThreadBody(name, body))
        var made = pthread_t()
        let error = unsafe pthread_create(
            &made, nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        guard error == 0 else {
            unsafe box.release()
            throw ThreadError(errorNumber: error)
        }
        thread = made
    }

    /// Waits for its end. Call once, on another thread.
    public func join() { pthread_join(thread, nil) }
}

/// No thread could be started.
public struct ThreadError: Error {
    /// The errno value that `pthread_create` returned, such as EAGAIN when the process has too many threads.
    public let errorNumber: Int32
}

private final class ThreadBody: Sendable {
    private let name: String
    private let body: @Sendable () -> Void

    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    func run() {
        csystem_block_signals()
        unsafe csystem_name_thread(name)
        body()
    }
}
