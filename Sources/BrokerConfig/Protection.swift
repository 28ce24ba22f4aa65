/// What a setting protects and what this build would need for it. Without that the broker would be more open than its
/// operator wrote, so it does not start.
///
///     vernemq.conf:7: plugins.vmq_webhooks: it decides what an endpoint lets clients do, and this build has no
///     webhooks; remove the line if the broker may run without
package struct Protection: Equatable, Sendable {
    /// Continues "it decides".
    package let decides: String
    /// Continues "this build has no".
    package let feature: String

    /// For users in environment variables.
    package static let passwords = Protection(
        decides: "who may connect", feature: "users from the environment")
    /// For a plugin that the table does not list by its name.
    package static let plugin = Protection(
        decides: "what its plugin guards or does with clients and messages", feature: "plugins")
    /// For the plugin that connects to other brokers.
    package static let bridge = Protection(decides: "what other brokers get", feature: "bridges")
    /// For authentication by the databases that the Lua plugin knows.
    package static let database = Protection(
        decides: "who may connect and which topics a client may use", feature: "authentication by databases")
    /// For the Lua plugin and its scripts.
    package static let script = Protection(
        decides: "what a script lets clients do", feature: "Lua scripts")
    /// For the webhooks plugin and its endpoints.
    package static let webhook = Protection(decides: "what an endpoint lets clients do", feature: "webhooks")
    /// For the settings that ask for API keys on HTTP pages.
    package static let apiKey = Protection(
        decides: "who may use pages and interfaces over HTTP", feature: "API keys")
    /// For the address of a listener that speaks TLS.
    package static let tlsListener = Protection(
        decides: "that connections are encrypted and who may make them", feature: "TLS")
    /// For options of a TLS listener that choose certificate, key, ciphers or version.
    package static let tls = Protection(decides: "how connections are encrypted and checked", feature: "TLS")
    /// For options of a TLS listener by which it recognises clients.
    package static let certificate = Protection(
        decides: "who may connect and under which name", feature: "TLS")
    /// For the address of a WebSocket listener.
    package static let webSocket = Protection(
        decides: "how and where WebSocket clients come in", feature: "WebSocket listeners")
    /// For the largest frame that a WebSocket client may send.
    package static let frameSize = Protection(
        decides: "how much one frame of a client may take", feature: "WebSocket listeners")
    /// For options by which a proxy tells the address or the name of a client.
    package static let proxy = Protection(
        decides: "whom a connection is taken to come from", feature: "PROXY or X-Forwarded-For headers")
}
