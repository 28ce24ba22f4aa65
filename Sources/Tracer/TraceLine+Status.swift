import Primitives

extension TraceLine {
    /// Not for `done`, which has no time before it.
    mutating func put(_ status: TraceStatus) {
        switch status {
        case .noSessions(let clientID):
            put("No sessions found for client ")
            put(quoted: clientID)
        case .started(let clientID, let tokens):
            put("Starting trace for \(tokens.count) existing sessions for client ")
            put(quoted: clientID)
            put(" with PIDs\n    [")
            put(tokens.prefix(style.listCount).joined(separator: ","))
            put(tokens.count > style.listCount ? "|...]" : "]")
        case .newSession(let subject):
            put("New session with PID \(subject.token) found for client ")
            put(quoted: subject.clientID)
        case .sessionStopped(let subject):
            put("\(subject.token) Trace session for ")
            put(subject.clientID)
            put(" stopped")
        case .rateLimited: put("Trace rate limit triggered.")
        case .terminated: put("Trace terminated by external action.")
        case .skipped(let count): put("\(count) events skipped")
        case .dropped(let count): put("\(count) events dropped because the reader is slow")
        case .done: put("Done.")
        }
        newLine()
    }
}
