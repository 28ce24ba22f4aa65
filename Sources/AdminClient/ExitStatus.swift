/// The exit statuses of `vmq-admin`. Scripts rely on them.
enum ExitStatus {
    /// The command was carried out.
    static let done: Int32 = 0
    /// It was understood, and failed.
    static let failed: Int32 = 1
    /// It was not understood, or not confirmed where nobody could be asked.
    static let usage: Int32 = 2
    /// There is no broker, or none that lets this caller in.
    static let noBroker: Int32 = 3
    /// Ctrl-C ended a command that had not ended itself.
    static let interrupted: Int32 = 130
}
