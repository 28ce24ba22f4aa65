import BrokerConfig
import BrokerCore
import BrokerMetrics
import Control
import Exporters
import Glibc
import HTTPServer
import Listeners
import Logging
import Primitives
import Synchronization
import Transport

import struct Admin.AdminFailure

/// The HTTP listeners that run, and those that are suspended.
///
///     add → running ── suspend → suspended ── resume → running (another server on the same address)
///              └────── delete ──────┴──→ retiring → gone
///
/// A server that ends may be the one over which somebody asked for it: it stops listening at once, and a thread ends it when
/// its answers have left.
final class HTTPListeners: PageListeners {
    /// A listener and how to start it again.
    struct Listener: Sendable {
        let settings: ListenerSettings
        var status: ListenerStatus
        /// Places for descriptors that it has taken from clients; 0 for one of the configuration.
        var places = 0
        let make: @Sendable (_ port: Int) throws -> HTTPServer
        fileprivate(set) var server: HTTPServer
    }

    private struct State: Sendable {
        var listeners: [Listener] = []
        /// Servers that end; their numbers count until they are in `gone`.
        var retiring: [HTTPServer] = []
        /// What servers had counted that are gone.
        var gone = HTTPStatistics()
        var isStopped = false
    }

    /// The certificates of all listeners, MQTT's too.
    let certificates = ListenerCertificates()

    private let state = Mutex(State())
    /// Held while a listener changes.
    private let changing = Mutex(())
    private let retired = BlockingQueue<Retirement>()
    private let retirement = Mutex<WorkerThread?>(nil)
    private let places = Mutex<ConnectionPlaces?>(nil)
    private let log = Logger(label: "http")

    private struct Retirement: Sendable {
        let server: HTTPServer
        /// Until when its connections may go on.
        let end: ContinuousClock.Instant
    }

    /// How many may be started while the broker runs: each has threads and descriptors of its own.
    static let mostStarted = 8
    /// Connections of one that was started while the broker runs; their descriptors come out of those for clients.
    static let startedConnections = 64

    /// Where the descriptors of listeners come from that are started while the broker runs.
    func connect(to places: ConnectionPlaces?) { self.places.withLock { $0 = places } }

    /// Takes a listener that runs.
    func add(_ listener: Listener) {
        show(listener, listener.server)
        state.withLock { $0.listeners.append(listener) }
    }

    /// Notes the certificates that `server` has read as those of the listener.
    private func show(_ listener: Listener, _ server: HTTPServer) {
        let shown = listener.settings.tls.map { ListenerTLS($0, server.certificates).certificates }
        certificates.set(
            ListenerCertificates.Entry(
                listener: listener.settings.name, type: listener.status.type, certificates: shown ?? []))
    }

    /// Takes the descriptors of one more listener.
    ///
    /// - Returns: how many it has; to be given back with it.
    func takePlaces(connections: Int, threads: Int) throws(AdminFailure) -> Int {
        guard state.withLock({ $0.listeners.count { $0.places > 0 } }) < Self.mostStarted else {
            throw ListenerProblem.failure(
                "\(Self.mostStarted) listeners for HTTP were started while the broker runs, which is the most"
            )
        }
        let count = connections + threads * 5 + 1
        guard places.withLock({ $0?.take(count) ?? true }) else {
            throw ListenerProblem.failure("there are no descriptors left for it: ulimit -n")
        }
        return count
    }

    func givePlacesBack(_ count: Int) { places.withLock { $0?.giveBack(count) } }

    // MARK: What there is

    var statuses: [ListenerStatus] { state.withLock { $0.listeners.map(\.status) } }

    var rows: [ListenerRow] {
        let listeners = state.withLock { $0.listeners }
        return listeners.map { listener in
            let (status, open) = (listener.status, listener.server.statistics.openConnections)
            return ListenerRow(
                type: status.type, isRunning: status.isRunning, address: status.ip, port: status.port,
                maximumConnections: status.maximumConnections, activeConnections: open, allConnections: open,
                tls: listener.settings.tls.map { ListenerTLS($0, listener.server.certificates) })
        }
    }

    /// The numbers of all of them together, those that are gone included.
    var statistics: HTTPStatistics {
        let (servers, gone) = state.withLock { ($0.listeners.map(\.server) + $0.retiring, $0.gone) }
        return servers.reduce(into: gone) { $0 += $1.statistics }
    }

    /// Whether each takes clients, as for the MQTT listeners. Any thread.
    func readRunning(_ reading: inout RoomReading) {
        for listener in state.withLock({ $0.listeners }) {
            let status = listener.status
            reading.add(
                ListenerMetrics.running, ["listener": listener.settings.name, "type": status.type],
                status.isRunning ? 1 : 0)
        }
    }

    // MARK: Changes

    func suspend(_ host: String, _ port: Int, closing: Bool) -> Bool {
        changing.withLock { _ in
            guard let listener = change(host, port, { $0.status.isRunning = false }) else { return false }
            listener.server.suspend()
            // It stays with its listener, for its numbers.
            if closing { endLater(listener.server, within: .seconds(1)) }
            log.info("listener suspended", metadata: Self.metadata(listener))
            return true
        }
    }

    func resume(_ host: String, _ port: Int) throws(AdminFailure) -> Bool {
        let result = changing.withLock { _ -> Result<Bool, AdminFailure> in
            guard let listener = find(host, port) else { return .success(false) }
            guard !listener.status.isRunning else { return .success(true) }
            do {
                let server = try listener.make(port)
                state.withLock { state in
                    guard let index = state.listeners.firstIndex(where: { $0.isAt(host, port) }) else {
                        return
                    }
                    state.retiring.append(state.listeners[index].server)
                    state.listeners[index].server = server
                    state.listeners[index].status.isRunning = true
                }
                // It has read its files anew.
                show(listener, server)
                endLater(listener.server, within: .seconds(10))
                log.info("listening", metadata: Self.metadata(listener))
                return .success(true)
            } catch {
                return .failure(AdminFailure(.failed, "can't restart listener due to '\(error)'"))
            }
        }
        return try result.get()
    }

    func delete(_ host: String, _ port: Int) -> Bool {
        changing.withLock { _ in
            let removed = state.withLock { state -> Listener? in
                guard let index = state.listeners.firstIndex(where: { $0.isAt(host, port) }) else {
                    return nil
                }
                state.retiring.append(state.listeners[index].server)
                return state.listeners.remove(at: index)
            }
            guard let removed else { return false }
            removed.server.suspend()
            endLater(removed.server, within: .seconds(1))
            givePlacesBack(removed.places)
            certificates.remove(listener: removed.settings.name, type: removed.status.type)
            log.info("listener deleted", metadata: Self.metadata(removed))
            return true
        }
    }

    private func find(_ host: String, _ port: Int) -> Listener? {
        state.withLock { $0.listeners.first { $0.isAt(host, port) } }
    }

    private func change(_ host: String, _ port: Int, _ body: (inout Listener) -> Void) -> Listener? {
        state.withLock { state in
            guard let index = state.listeners.firstIndex(where: { $0.isAt(host, port) }) else { return nil }
            body(&state.listeners[index])
            return state.listeners[index]
        }
    }

    private static func metadata(_ listener: Listener) -> Logger.Metadata {
        [
            "listener": "\(listener.settings.name)", "protocol": "\(listener.settings.kind)",
            "address": "\(listener.status.ip):\(listener.status.port)",
        ]
    }

    // MARK: The end of servers

    /// Has a thread end a server.
    ///
    /// - Parameter within: how long its connections may go on.
    private func endLater(_ server: HTTPServer, within: Duration) {
        retirement.withLock { thread in
            guard thread == nil else { return }
            thread = try? WorkerThread(name: "http-end") { [self] in
                while let one = retired.takeOne() { end(one) }
            }
        }
        retired.put(Retirement(server: server, end: .now + within))
    }

    private func end(_ one: Retirement) {
        while one.server.statistics.openConnections > 0, ContinuousClock.now < one.end,
            !state.withLock({ $0.isStopped })
        {
            usleep(20_000)
        }
        one.server.stop()
        state.withLock { state in
            guard let index = state.retiring.firstIndex(where: { $0 === one.server }) else { return }
            state.gone += state.retiring.remove(at: index).statistics
        }
    }

    /// Ends all servers.
    func stop() {
        let servers = state.withLock { state in
            state.isStopped = true
            return state.listeners.map(\.server)
        }
        for server in servers { server.stop() }
        retired.close()
        retirement.withLock { $0 }?.join()
    }
}

extension HTTPListeners.Listener {
    fileprivate func isAt(_ host: String, _ port: Int) -> Bool { status.ip == host && status.port == port }
}

/// Why a listener cannot be started while the broker runs.
enum ListenerProblem {
    static func failure(_ reason: String) -> AdminFailure {
        AdminFailure(.failed, "can't start listener due to '\(reason)'")
    }
}

extension ListenerTLS {
    fileprivate init(_ settings: TLSSettings, _ files: [HTTPCertificateFile]) {
        self.init(
            versions: HTTPServer.tlsVersions, certificateFile: settings.certificateFile,
            authorityFile: settings.authorityFile, keyFile: settings.keyFile,
            requiresCertificate: settings.requiresCertificate,
            certificates: files.flatMap { Certificate.reading(pem: $0.pem, of: $0.path) })
    }
}
