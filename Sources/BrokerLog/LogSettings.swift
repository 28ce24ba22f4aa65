package import Logging

/// What the log settings of the configuration come to.
package struct LogSettings: Sendable {
    /// `log.console`
    package enum Destination: String, Sendable {
        case off, file, console, both
    }

    /// How a line is written.
    package enum Format: String, Sendable {
        case text, json
    }

    /// Where lines go.
    package var destination: Destination
    /// Less important messages are not logged.
    package var level: Logger.Level
    /// Path of the log, for `file` and `both`.
    package var file: String
    /// The format of lines on the console.
    package var consoleFormat: Format
    /// The format of lines in `file`.
    package var fileFormat: Format
    /// Errors go to this file as well; `nil` for none.
    package var errorFile: String?
    /// The format of lines in `errorFile`.
    package var errorFileFormat: Format

    /// The settings of a log; by default the console alone, from `info` on, as text.
    package init(
        destination: Destination = .console, level: Logger.Level = .info, file: String = "./log/console.log",
        consoleFormat: Format = .text, fileFormat: Format = .text, errorFile: String? = nil,
        errorFileFormat: Format = .text
    ) {
        self.destination = destination
        self.level = level
        self.file = file
        self.consoleFormat = consoleFormat
        self.fileFormat = fileFormat
        self.errorFile = errorFile
        self.errorFileFormat = errorFileFormat
    }

    /// The level of VerneMQ's name; `alert` and `emergency` are `critical` here. `nil` for no level.
    package static func level(named name: String) -> Logger.Level? {
        name == "alert" || name == "emergency" ? .critical : Logger.Level(rawValue: name)
    }
}
