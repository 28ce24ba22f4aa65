/// Looks for the Unix socket of a broker on this machine:
///
///     --socket PATH, VERNEMQ_SOCKET   there and nowhere else
///     --config FILE, VERNEMQ_CONF     where that configuration says
///     nothing                         etc/vernemq.conf, ./data, /run/vernemq, /var/lib/vernemq, /etc/vernemq/vernemq.conf
///
/// The first that takes a connection is it.
struct SocketSearch {
    /// Where to look.
    enum Place: Equatable, Sendable {
        case socket(String)
        /// A configuration, which names the socket.
        case configuration(String)
    }

    /// What a configuration says about its broker.
    struct Facts: Equatable, Sendable {
        /// The path of the socket; a relative one counts from the broker's working directory.
        let socket: String
        /// The name of the node.
        let nodeName: String

        init(socket: String, nodeName: String) {
            self.socket = socket
            self.nodeName = nodeName
        }
    }

    /// Why something cannot be used, in the words of the system.
    struct Refusal: Error, Equatable {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    /// A place that was looked at in vain.
    struct Miss: Equatable, Sendable {
        let place: String
        let reason: String
    }

    /// What came of a search.
    struct Result: Equatable, Sendable {
        /// The socket on which somebody answers.
        var socket: String?
        var misses: [Miss] = []
        /// From the first configuration that could be read.
        var nodeName: String?
    }

    /// Looks at the outside world; tests have their own.
    struct World {
        /// Whether somebody takes connections on this socket.
        let probe: (String) throws(Refusal) -> Void
        /// Reads a configuration.
        let read: (String) throws(Refusal) -> Facts

        init(
            probe: @escaping (String) throws(Refusal) -> Void,
            read: @escaping (String) throws(Refusal) -> Facts
        ) {
            self.probe = probe
            self.read = read
        }
    }

    /// Where a broker is looked for when nobody says where it is.
    static let usualPlaces: [Place] = [
        .configuration("etc/vernemq.conf"), .socket("./data/admin.sock"),
        .socket("/run/vernemq/admin.sock"), .socket("/var/lib/vernemq/admin.sock"),
        .configuration("/etc/vernemq/vernemq.conf"),
    ]

    /// The places for these options, in order.
    static func places(_ options: ConnectionOptions) -> [Place] {
        if let socket = options.socket { return [.socket(socket)] }
        if let configuration = options.configuration { return [.configuration(configuration)] }
        return usualPlaces
    }

    /// Looks at each place until somebody answers.
    static func find(_ options: ConnectionOptions, in world: World) -> Result {
        var result = Result()
        var seen: Set<String> = []
        func answers(_ path: String, namedBy configuration: String? = nil) -> Bool {
            guard seen.insert(plain(path)).inserted else { return false }
            do throws(Refusal) {
                try world.probe(path)
                result.socket = path
                return true
            } catch {
                let origin = configuration.map { " (from \($0))" } ?? ""
                result.misses.append(Miss(place: path + origin, reason: error.reason))
                return false
            }
        }
        // A socket that was named needs no configuration, but the name of the node may stand in one.
        if options.socket != nil, let path = options.configuration {
            result.nodeName = (try? world.read(path))?.nodeName
        }
        for place in places(options) {
            switch place {
            case .socket(let path):
                if answers(path) { return result }
            case .configuration(let path):
                let facts: Facts
                do throws(Refusal) {
                    facts = try world.read(path)
                } catch {
                    result.misses.append(Miss(place: path, reason: error.reason))
                    continue
                }
                if result.nodeName == nil { result.nodeName = facts.nodeName }
                for socket in sockets(facts.socket, of: path) where answers(socket, namedBy: path) {
                    return result
                }
            }
        }
        return result
    }

    /// Where the socket of a configuration may be. The broker's working directory is not known here: it is this one, the
    /// one in which the configuration stands, or the one above it where that is `etc`.
    static func sockets(_ path: String, of configuration: String) -> [String] {
        guard !path.hasPrefix("/") else { return [path] }
        let folders = configuration.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let folder = folders.last == "etc" ? folders.dropLast() : folders
        let place = folder.joined(separator: "/")
        if place.isEmpty { return configuration.hasPrefix("/") ? [path, "/" + plain(path)] : [path] }
        return [path, place + "/" + plain(path)]
    }

    /// The path without `./` before it.
    private static func plain(_ path: String) -> String {
        path.hasPrefix("./") ? String(path.dropFirst(2)) : path
    }
}
