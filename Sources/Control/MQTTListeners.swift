import Admin
package import BrokerConfig
import BrokerCore
import Glibc
package import Listeners
import Logging
package import Primitives
import Synchronization
package import Transport

/// The MQTT listeners, as operators set them: starts them from their settings, and reads the files of TLS anew, while clients
/// stay.
///
/// Usable from any thread.
package final class MQTTListeners: Sendable {
    private struct Entry {
        let settings: ListenerSettings
        let policy: StreamPolicy
        var files: [ListenerFiles.State]
        var certificates: [Certificate]
    }

    private let runtime: BrokerRuntime
    private let log = Logger(label: "listeners")
    private let entries = Mutex<[ListenAddress: Entry]>([:])
    private let counts = Mutex((reloaded: 0, failed: 0))
    /// Held while files are read: what was read later is not to be replaced by what was read before.
    private let reloading = Mutex(())
    private let shown = Mutex<ListenerCertificates?>(nil)
    private let started = Mutex(Started())

    /// Those that were started while the broker runs.
    private struct Started {
        var count = 0
        var addresses: Set<ListenAddress> = []
    }

    /// How many may be started while the broker runs: each has a socket on every loop.
    package static let mostStarted = 64

    /// No listener yet.
    package init(_ runtime: BrokerRuntime) { self.runtime = runtime }

    /// Tells `certificates` what listeners prove themselves with, from now on.
    package func show(in certificates: ListenerCertificates) { shown.withLock { $0 = certificates } }

    private func show(_ settings: ListenerSettings, _ certificates: [Certificate]) {
        let entry = ListenerCertificates.Entry(
            listener: settings.name, type: settings.kind.shownName, certificates: certificates)
        shown.withLock { $0 }?.set(entry)
    }

    /// Starts a listener.
    ///
    /// - Parameter frameLimit: bytes of the largest frame of WebSocket.
    /// - Throws: when its address is taken, or a file of TLS cannot be used.
    @discardableResult
    package func start(_ settings: ListenerSettings, frameLimit: UInt64) throws(TransportError)
        -> ListenAddress
    {
        let address = try ListenAddress(settings.address)
        // The state of the files before they are read: what changes meanwhile is read again.
        let files = ListenerFiles.states(of: settings.tls)
        let access = try ListenerAccess(settings, frameLimit: frameLimit)
        let bound = try runtime.listen(ListenerFacts(settings), on: address, access)
        if let tls = settings.tls {
            let entry = Entry(
                settings: settings, policy: access.policy, files: files,
                certificates: ListenerFiles.certificates(of: tls))
            entries.withLock { $0[bound] = entry }
            show(settings, entry.certificates)
        }
        return bound
    }

    /// Starts a listener while the broker runs. There is a most of them, and their sockets come out of the descriptors for
    /// clients.
    @discardableResult
    package func startAtRunTime(_ settings: ListenerSettings, frameLimit: UInt64) throws -> ListenAddress {
        let isRoom = started.withLock { started in
            guard started.count < Self.mostStarted else { return false }
            started.count += 1
            return true
        }
        guard isRoom else {
            throw ListenerFlags.failure(
                "\(Self.mostStarted) listeners for MQTT were started while the broker runs, which is the most"
            )
        }
        guard runtime.limits.clients?.take(runtime.broker.loopCount) ?? true else {
            started.withLock { $0.count -= 1 }
            throw ListenerFlags.failure("there are no descriptors left for it: ulimit -n")
        }
        do {
            let bound = try start(settings, frameLimit: frameLimit)
            _ = started.withLock { $0.addresses.insert(bound) }
            return bound
        } catch {
            giveBackPlaces()
            throw error
        }
    }

    private func giveBackPlaces() {
        started.withLock { $0.count -= 1 }
        runtime.limits.clients?.giveBack(runtime.broker.loopCount)
    }

    /// Forgets a listener that was deleted.
    package func forget(_ address: ListenAddress) {
        if started.withLock({ $0.addresses.remove(address) }) != nil { giveBackPlaces() }
        guard let entry = entries.withLock({ $0.removeValue(forKey: address) }) else { return }
        show(entry.settings, [])
    }

    /// What a listener proves itself with now; nil = it does not speak TLS.
    package func tls(of address: ListenAddress) -> ListenerTLS? {
        entries.withLock { $0[address] }.flatMap { entry in
            entry.settings.tls.map { ListenerTLS($0, entry.certificates) }
        }
    }

    /// How often files were read anew, and how often they could not be used.
    package var reloads: (reloaded: Int, failed: Int) { counts.withLock { $0 } }

    /// Reads the files of TLS anew: new connections get what is in them; those that are there stay.
    ///
    /// - Parameter onlyChanged: leaves listeners alone whose files are as they were.
    /// - Returns: what could not be used; the listener keeps what it has.
    @discardableResult
    package func reload(onlyChanged: Bool) -> [String] {
        reloading.withLock { _ in readAnew(onlyChanged: onlyChanged) }
    }

    private func readAnew(onlyChanged: Bool) -> [String] {
        var problems: [String] = []
        for (address, entry) in entries.withLock({ $0 }) {
            guard let tls = entry.settings.tls else { continue }
            let files = ListenerFiles.states(of: tls)
            if onlyChanged, files == entry.files { continue }
            var isRead = false
            let facts: Logger.Metadata = [
                "listener": "\(entry.settings.name)", "protocol": "\(entry.settings.kind)",
                "address": "\(address)",
            ]
            do throws(TransportError) {
                let settings = try TLSContextSettings(tls, name: entry.settings.name)
                entry.policy.tls = try TLSContext(settings, replacing: entry.policy.tls)
                isRead = true
                counts.withLock { $0.reloaded += 1 }
                log.info("certificates read anew", metadata: facts)
            } catch {
                counts.withLock { $0.failed += 1 }
                problems.append("\(address): \(error)")
                log.error(
                    "certificates cannot be read anew; those before stay in force",
                    metadata: facts.merging(["problem": "\(error)"]) { $1 })
            }
            // A file that cannot be used is told of once, not with each look.
            let certificates = ListenerFiles.certificates(of: tls)
            entries.withLock { entries in
                entries[address]?.files = files
                if isRead { entries[address]?.certificates = certificates }
            }
            if isRead { show(entry.settings, certificates) }
        }
        return problems
    }

    /// Looks whether files have changed, every `interval`, until the process ends; never with an interval of 0.
    package func watchFiles(every interval: Duration) throws(ThreadError) {
        guard interval > .zero else { return }
        // At most 71 minutes fit into one call.
        let microseconds = UInt32(clamping: Int64(min(interval, .seconds(3600)) / .microseconds(1)))
        _ = try WorkerThread(name: "tls-files") { [weak self] in
            while true {
                usleep(microseconds)
                guard let self else { return }
                self.reload(onlyChanged: true)
            }
        }
    }
}

/// The files of a listener with TLS.
enum ListenerFiles {
    /// What tells that a file is another one than before.
    struct State: Equatable, Sendable {
        var path: String
        var inode: UInt64 = 0
        var size: Int64 = 0
        var seconds = 0
        var nanoseconds = 0
    }

    static func states(of tls: TLSSettings?) -> [State] {
        guard let tls else { return [] }
        let paths =
            [
                tls.certificateFile, tls.keyFile, tls.authorityFile, tls.authorityPath, tls.revocationFile,
                tls.ocspFile, tls.dhFile, tls.preSharedKeys?.file ?? "",
            ] + tls.hosts.flatMap { [$0.certificateFile, $0.keyFile, $0.ocspFile] }
        return paths.filter { !$0.isEmpty }.map(state)
    }

    private static func state(_ path: String) -> State {
        var found = stat()
        guard stat(path, &found) == 0 else { return State(path: path) }
        return State(
            path: path, inode: UInt64(found.st_ino), size: Int64(found.st_size),
            seconds: found.st_mtim.tv_sec, nanoseconds: found.st_mtim.tv_nsec)
    }

    /// Those that the listener shows, and those of its authorities.
    static func certificates(of tls: TLSSettings) -> [Certificate] {
        let paths = [tls.certificateFile] + tls.hosts.map(\.certificateFile) + [tls.authorityFile]
        return paths.filter { !$0.isEmpty }.flatMap { path in
            Certificate.reading(pem: bytes(of: path, limit: 4 * 1024 * 1024) ?? [], of: path)
        }
    }

    /// - Returns: nil: it cannot be read, or has more than `limit` bytes.
    static func bytes(of path: String, limit: Int) -> [UInt8]? {
        guard let file = fopen(path, "rbe") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { return ferror(file) == 0 ? bytes : nil }
            bytes += buffer.prefix(count)
            if bytes.count > limit { return nil }
        }
    }
}

extension ListenerTLS {
    /// What a listener with these settings shows.
    package init(_ settings: TLSSettings, _ certificates: [Certificate]) {
        self.init(
            versions: settings.versions.joined(separator: ", "), certificateFile: settings.certificateFile,
            authorityFile: settings.authorityFile, keyFile: settings.keyFile,
            requiresCertificate: settings.requiresCertificate, certificates: certificates)
        usesIdentityAsUserName = settings.usesIdentityAsUserName
        preSharedKeyFile = settings.preSharedKeys?.file
    }
}
