/// What a command line or an HTTP request asks for.
package enum ParsedCommandLine: Sendable {
    /// The help of these command words, which all exist: none = of the whole program.
    case help([String])
    /// Which version this is.
    case version
    /// A command with checked values.
    case invocation(Invocation, GlobalOptions)
}
