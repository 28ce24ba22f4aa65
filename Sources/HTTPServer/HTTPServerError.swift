import Glibc

/// Why a server did not start.
package struct HTTPServerError: Error, CustomStringConvertible, Sendable {
    package enum Problem: Hashable, Sendable {
        /// The address is no address of this machine's kind.
        case addressInvalid
        case socketFailed
        /// Most often: something else listens there.
        case bindFailed
        case listenFailed
        /// There was no thread or descriptor for the server.
        case threadsFailed
    }

    package let problem: Problem
    /// `127.0.0.1:8888`, or `[::1]:8888`.
    package let address: String
    /// 0 when the system gave none.
    package let errorNumber: Int32

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
            }
        guard errorNumber != 0 else { return "http listener \(address): \(what)" }
        return
            "http listener \(address): \(what): \(String(cString: strerror(errorNumber))) (errno \(errorNumber))\(advice)"
    }
}
