package import BrokerCore

/// A part of the broker that can be started and stopped while it runs, and that takes part through hooks.
///
/// It is called on the registry's thread alone, or before that runs; it may read files. Its hook is asked on the loops:
/// an immutable object, which the plugin replaces when what it decides by has changed.
package protocol Plugin: AnyObject, Sendable {
    /// VerneMQ's name.
    var name: String { get }
    /// Who is asked now; nil = it has not been started.
    var hook: (any Hook)? { get }
    /// Gets ready to be asked.
    ///
    /// - Parameter isStrict: what it is to work with must be there: the broker has not started yet.
    func start(isStrict: Bool) throws(PluginError)
    /// Looks whether anything has changed that it works with, about once a second and when settings have changed.
    ///
    /// - Returns: whether `hook` is another now.
    func look() -> Bool
    /// It is asked no more: ends its threads.
    func stop()
    /// Numbers of what it does on threads of its own; nil = it has none.
    var work: HookWorker.Reading? { get }
    /// Numbers of the file that it goes by; nil = there is none.
    var file: PluginFileReading? { get }
}

/// What a plugin knows of the file that it goes by.
package struct PluginFileReading: Sendable, Equatable {
    /// Users or rules in force.
    package var entries = 0
    /// Lines that count for nothing.
    package var badLines = 0
    /// Times that it was read.
    package var loads: UInt64 = 0
    /// Times that it could not be read; what was in force stayed.
    package var failures: UInt64 = 0
    /// Bytes of memory that it takes.
    package var byteCount = 0

    package init() {}
}

/// Why a plugin cannot be started or stopped: VerneMQ's word where it has one.
package struct PluginError: Error, CustomStringConvertible, Equatable {
    /// As it stands behind "due to".
    package let reason: String

    package init(_ reason: String) { self.reason = reason }

    package var description: String { reason }
}
