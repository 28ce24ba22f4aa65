import Primitives

/// When a plugin's file is to be read again: its path is another, or its interval has passed and it has changed.
struct WatchedFile {
    private let clock: any Clock
    private var path: String?
    private var identity: PluginFile.Identity?
    private var lookedAt: MonotonicTime

    init(clock: any Clock) {
        self.clock = clock
        lookedAt = clock.now
    }

    /// - Parameter interval: seconds; 0 = it is read again when its path changes, and then alone.
    mutating func isDue(_ path: String, _ interval: Int) -> Bool {
        if path != self.path { return true }
        let now = clock.now
        guard interval > 0, now >= lookedAt.adding(seconds: UInt64(interval)) else { return false }
        lookedAt = now
        return PluginFile(path: path).identity != identity
    }

    mutating func loaded(_ path: String, _ identity: PluginFile.Identity) {
        self.path = path
        self.identity = identity
        lookedAt = clock.now
    }

    /// It is tried again when the interval has passed.
    mutating func failed(_ path: String) {
        self.path = path
        identity = nil
        lookedAt = clock.now
    }

    mutating func forget() {
        path = nil
        identity = nil
    }
}
