/// What a setting protects and what this build would need for it. Without that the broker would be more open than its
/// operator wrote, so it does not start.
///
///     vernemq.conf:7: vmq_acl.acl_file: it decides which topics a client may use, and this build has no access control
///     files; remove the line if the broker may run without
package struct Protection: Equatable, Sendable {
    /// Continues "it decides".
    package let decides: String
    /// Continues "this build has no".
    package let feature: String

    package static let accessControl = Protection(
        decides: "which topics a client may use", feature: "access control files")
    package static let passwords = Protection(decides: "who may connect", feature: "password files")
    package static let plugin = Protection(
        decides: "what its plugin guards or does with clients and messages", feature: "plugins")
    package static let bridge = Protection(decides: "what other brokers get", feature: "bridges")
    package static let authentication = Protection(
        decides: "who may connect here", feature: "authentication plugins")
    package static let authorization = Protection(
        decides: "which topics a client may use here", feature: "authorisation plugins")
    package static let database = Protection(
        decides: "who may connect and which topics a client may use", feature: "authentication by databases")
    package static let script = Protection(
        decides: "what a script lets clients do", feature: "Lua scripts")
    package static let webhook = Protection(decides: "what an endpoint lets clients do", feature: "webhooks")
    package static let apiKey = Protection(
        decides: "who may use pages and interfaces over HTTP", feature: "API keys")
    package static let tlsListener = Protection(
        decides: "that connections are encrypted and who may make them", feature: "TLS")
    package static let tls = Protection(decides: "how connections are encrypted and checked", feature: "TLS")
    package static let certificate = Protection(
        decides: "who may connect and under which name", feature: "TLS")
    package static let webSocket = Protection(
        decides: "how and where WebSocket clients come in", feature: "WebSocket listeners")
    package static let frameSize = Protection(
        decides: "how much one frame of a client may take", feature: "WebSocket listeners")
    package static let proxy = Protection(
        decides: "whom a connection is taken to come from", feature: "PROXY or X-Forwarded-For headers")
}
