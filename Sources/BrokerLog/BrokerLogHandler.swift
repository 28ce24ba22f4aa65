package import Logging

/// What a `Logger` of the broker does with a message: one line in every place that `LogOutput` knows.
package struct BrokerLogHandler: LogHandler {
    let label: String
    let output: LogOutput
    /// Facts that go with every message of this logger. A fact of the message itself with the same name takes
    /// precedence.
    package var metadata: Logger.Metadata = [:]
    /// Asked for further facts with each message. They take precedence over `metadata`, and those of the
    /// message over them.
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

    /// One of the facts in `metadata`.
    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Puts the facts together and gives the line to the log. An error of the message becomes the fact `error`.
    package func log(event: LogEvent) {
        var facts = metadata
        if let provided = metadataProvider?.get() { facts.merge(provided) { $1 } }
        if let own = event.metadata { facts.merge(own) { $1 } }
        if let error = event.error { facts["error"] = .string(String(describing: error)) }
        output.write(level: event.level, label: label, message: event.message.description, metadata: facts)
    }
}
