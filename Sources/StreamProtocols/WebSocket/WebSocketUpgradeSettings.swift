package import Primitives

/// What a listener takes as the request that opens a WebSocket.
package struct WebSocketUpgradeSettings: Sendable {
    /// The path, compared byte by byte: nothing is decoded or normalised. What follows a `?` is not part of
    /// it.
    package var path: UTF8Text = "/mqtt"
    /// Subprotocols, of which the first in the client's order is taken.
    package var subprotocols: [UTF8Text] = ["mqtt", "mqttv3.1"]
    /// The longest request line in bytes, without its line end.
    package var maximumRequestLineByteCount = 8000
    /// The longest value of a header in bytes, without white space around it.
    package var maximumHeaderValueByteCount = 4096
    /// Headers of one request.
    package var maximumHeaderCount = 100
    /// Bytes of the whole request. Nobody needs to keep more than these while it comes.
    package var maximumByteCount = 16 * 1024
    /// The header in which a proxy tells the common name of the client's certificate; nil: it is not looked
    /// for.
    package var commonNameHeader: UTF8Text?
    /// Web sites that may connect, as `https://example.org:8443`; nil: any. A request without an Origin does
    /// not come from a browser's page, and may connect whatever this says.
    package var allowedOrigins: [UTF8Text]?

    /// The defaults.
    package init() {}
}
