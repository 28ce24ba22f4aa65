/// What an operator says about Graphite.
package struct GraphiteSettings: Equatable, Sendable {
    /// Where Graphite listens for its plain text protocol.
    package struct Server: Equatable, Sendable {
        /// A name or an address.
        package var host = "localhost"
        /// A TCP port.
        package var port: UInt16 = 2003

        /// VerneMQ's defaults.
        package init() {}
    }

    /// Whether anything is sent.
    package var isEnabled = false
    /// Where to.
    package var server = Server()
    /// Milliseconds between two reports; less than 100 counts as 100.
    package var interval: UInt64 = 20_000
    /// Milliseconds that a connection may take to come about, the lookup of the name included.
    package var connectTimeout: UInt64 = 5_000
    /// Milliseconds to wait after a connection has failed that was there.
    package var reconnectTimeout: UInt64 = 15_000
    /// Milliseconds for which the server may take nothing of what there is.
    package var sendTimeout: UInt64 = 30_000
    /// Stands before each name, joined by a dot; may have dots itself.
    package var prefix = ""
    /// Stands before the prefix. A secret.
    package var apiKey = ""
    /// How labels are sent.
    package var labels = GraphiteLabels.none
    /// Bytes that may wait for the server.
    package var bufferLimit = 4 << 20

    /// VerneMQ's defaults: nothing is sent.
    package init() {}
}

/// What becomes of the labels of a metric.
package enum GraphiteLabels: Equatable, Sendable {
    /// One line for each name, with the sum over all labels.
    case none
    /// As VerneMQ does: beside that line, one for each label, `name.label_value`.
    case lines
    /// One line for each series in Graphite's tagged form, `name;label=value;label=value`, and no sums.
    case tags
}
