import Glibc

/// How the descriptors that the process may have are shared out, drawn up once at the start: what the broker cannot do
/// without comes first, and what is left is for clients.
///
///     limit  =  fixed + listeners + loops + store + http + refusals + spare  +  clients
///
/// So clients that come in crowds never take the descriptor with which the store opens its next file, or a page is
/// served.
package struct DescriptorBudget: Equatable, Sendable {
    /// What the process may have open (RLIMIT_NOFILE).
    package let limit: Int
    /// Standard streams, log files and those they are turned into, the signals; and for Graphite and OTLP a connection, a
    /// lookup and what wakes their threads.
    package let fixed = 20
    /// Listening sockets.
    package let listeners: Int
    /// Each event loop's epoll set, eventfd, timer and the one it keeps in reserve.
    package let loops: Int
    /// Tables that LevelDB may have open; 0 without a store.
    package let storeTables: Int
    /// All that the store may have open.
    package let store: Int
    /// Connections to the pages, all HTTP listeners together, and what their threads need.
    package let httpConnections: Int
    /// What the threads of the HTTP listeners need.
    package let httpThreads: Int
    /// Connections that are being told that there is no room.
    package let refusals: Int
    /// For whatever an operator does next: an admin's connection, a configuration that is read, a name that is
    /// resolved.
    package let spare: Int
    /// All of the above but pages and refusals.
    package let reserved: Int
    /// Connections of clients, all listeners together; negative when the limit is too small for the rest.
    package let clients: Int

    /// With fewer places for clients than this the broker does not start.
    package static let fewestClients = 16

    /// - Parameters:
    ///   - limit: of the process.
    ///   - httpWanted: connections that the HTTP listeners are allowed by the configuration, together.
    package init(
        limit: Int, loops: Int, mqttListeners: Int, httpListeners: Int, httpThreads: Int, httpWanted: Int,
        hasStore: Bool
    ) {
        self.limit = limit
        self.loops = 4 * loops
        listeners = mqttListeners * loops + httpListeners
        // LevelDB takes 74 at least, and no more than 500 are of use here.
        storeTables = hasStore ? min(500, max(74, limit / 8)) : 0
        // Epoll sets, eventfds, a connection that makes way for another, and files of /proc that pages read.
        self.httpThreads = httpListeners * httpThreads * 5
        httpConnections = httpListeners > 0 ? min(httpWanted, max(8 * httpListeners, limit / 8)) : 0
        refusals = min(64, max(8, limit / 16))
        spare = min(64, max(8, limit / 32))
        // The store's tables, its log, manifest and lock, and the files that a compaction writes.
        store = storeTables > 0 ? storeTables + 12 : 0
        reserved = fixed + listeners + self.loops + store + self.httpThreads + spare
        clients = limit - reserved - httpConnections - refusals
    }

    /// Whether there are places for clients enough to start.
    package var isEnough: Bool { clients >= Self.fewestClients }

    /// What is missing, for a person at a terminal. A part of what the limit is raised by goes to pages and refusals,
    /// hence twice what is missing.
    package var complaint: String {
        """
        the limit on open files is \(limit), which leaves \(max(0, clients)) for clients: \(reserved) are for the broker \
        itself (\(store) of them for the store), \(httpConnections) for pages and \(refusals) for refusing clients; \
        raise it to \(limit + 2 * (Self.fewestClients - clients)) or more (ulimit -n, LimitNOFILE)
        """
    }

    /// Descriptors that are open now; nil where the kernel does not say (before Linux 6.2).
    package static var open: Int? {
        var information = stat()
        guard stat("/proc/self/fd", &information) == 0, information.st_size > 0 else { return nil }
        return Int(information.st_size)
    }
}
