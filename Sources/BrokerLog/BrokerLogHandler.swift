package import Logging

/// What a `Logger` of the broker does with a message: one line in every place that `LogOutput` knows.
package struct BrokerLogHandler: LogHandler {
    let label: String
    let output: LogOutput
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private var ownLevel: Logger.Level?

    init(label: String, output: LogOutput) {
        self.label = label
        self.output = output
    }

    /// That of the log, unless this logger was given one of its own.
    package var logLevel: Logger.Level {
        get { ownLevel ?? output.level }
        set { ownLevel = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var facts = metadata
        if let provided = metadataProvider?.get() { facts.merge(provided) { $1 } }
        if let own = event.metadata { facts.merge(own) { $1 } }
        if let error = event.error { facts["error"] = .string(String(describing: error)) }
        output.write(level: event.level, label: label, message: event.message.description, metadata: facts)
    }
}
