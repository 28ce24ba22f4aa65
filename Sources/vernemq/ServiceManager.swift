import BrokerMetrics
import CSystem
import Glibc
import Primitives

/// What the service manager that has started the process wants to hear (systemd's `Type=notify`): that it is ready, that it
/// ends, and, for its watchdog, that all loops turn.
///
/// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
struct ServiceManager {
    private let socket: String?
    private let watchdogMicroseconds: UInt64?

    /// - Parameter environment: of the process; nobody is told anything without `NOTIFY_SOCKET`.
    init(environment: [String: String]) {
        socket = environment["NOTIFY_SOCKET"]
        let isMeant = environment["WATCHDOG_PID"].map { pid_t($0) == getpid() } ?? true
        watchdogMicroseconds = isMeant ? environment["WATCHDOG_USEC"].flatMap { UInt64($0) } : nil
    }

    /// Clients are served.
    func ready() { tell("READY=1") }

    /// The broker ends.
    func stopping() { tell("STOPPING=1") }

    private func tell(_ text: String) {
        guard let socket else { return }
        unsafe csystem_notify(socket, text)
    }

    /// Tells the watchdog, twice in its time, that the broker is well; not while a loop stands still.
    func feedWatchdog(_ registry: MetricsRegistry) throws(ThreadError) {
        guard socket != nil, let watchdogMicroseconds, watchdogMicroseconds > 0 else { return }
        let pause = UInt32(clamping: min(watchdogMicroseconds / 2, 3_600_000_000))
        _ = try WorkerThread(name: "watchdog") {
            while true {
                if registry.stalledLoops().isEmpty { tell("WATCHDOG=1") }
                usleep(pause)
            }
        }
    }
}
