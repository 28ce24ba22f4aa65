/// What an operator says about a receiver of OTLP over HTTP.
package struct OTLPSettings: Sendable {
    /// Where metrics are posted, path included.
    package var endpoint = ""
    /// Milliseconds between two exports.
    package var interval: UInt64 = 60_000
    /// Milliseconds for one request, from the lookup of the name to the end of the answer.
    package var timeout: UInt64 = 10_000
    /// Sent with each request. Secrets.
    package var headers: [(name: String, value: String)] = []
    /// Attributes of the resource beside, or in place of, those that the broker has itself.
    package var resource: [(name: String, value: String)] = []
    /// A file with the certificates to trust; nil for those of the system.
    package var authorities: String?

    /// Nothing is sent.
    package init() {}
}
