import Glibc

/// Why a server did not start.
package struct HTTPServerError: Error, CustomStringConvertible, Sendable {
    /// Which step failed.
    package enum Problem: Hashable, Sendable {
        /// The address is no address of this machine's kind.
        case addressInvalid
        case socketFailed
        /// Most often: something else listens there.
        case bindFailed
        case listenFailed
        /// There was no thread or descriptor for the server.
        case threadsFailed
        /// The directory of a Unix socket is not there, is none, or belongs to everybody.
        case directoryUnfit
        /// In the place of a Unix socket is something else.
        case placeTaken
        /// Somebody listens on the Unix socket: most often a broker that runs already.
        case alreadyServed
        /// A file for HTTPS cannot be read or used.
        case tlsUnfit
    }

    /// The step that failed.
    package let problem: Problem
    /// `127.0.0.1:8888`, `[::1]:8888`, or the path of a Unix socket.
    package let address: String
    /// 0 when the system gave none.
    package let errorNumber: Int32
    /// What the sentence goes on with; nil when there is no more to say.
    let detail: String?

    init(problem: Problem, address: String, errorNumber: Int32, detail: String? = nil) {
        self.problem = problem
        self.address = address
        self.errorNumber = errorNumber
        self.detail = detail
    }

    private var advice: String {
        errorNumber == EADDRINUSE ? "; stop what listens there, or set another listener.http address" : ""
    }

    package var description: String {
        let what =
            switch problem {
            case .addressInvalid: "is not an address to listen on"
            case .socketFailed: "cannot open a socket"
            case .bindFailed: "cannot bind"
            case .listenFailed: "cannot listen"
            case .threadsFailed: "cannot start the HTTP threads"
            case .directoryUnfit: "cannot have a socket in its directory"
            case .placeTaken: "is something else than a socket; remove it, or set another path"
            case .alreadyServed: "is in use: somebody listens there, most often a broker that runs already"
            case .tlsUnfit: "cannot use"
            }
        let known = what + (detail ?? "")
        guard errorNumber != 0 else { return "http listener \(address): \(known)" }
        return
            "http listener \(address): \(known): \(String(cString: strerror(errorNumber))) (errno \(errorNumber))\(advice)"
    }
}
