package import Primitives

/// What a trace says about itself.
package enum TraceStatus: Equatable, Sendable {
    /// It begins, and the client is not connected.
    case noSessions(clientID: UTF8Text)
    /// It begins with these connections.
    case started(clientID: UTF8Text, tokens: [String])
    /// A connection has come. Its CONNECT follows.
    case newSession(TraceSubject)
    /// A connection has ended.
    case sessionStopped(TraceSubject)
    /// Its budget is used up, and so it ends.
    case rateLimited
    /// Somebody else ended it.
    case terminated
    /// Its budget, or that of all traces, let so many events not be shown.
    case skipped(UInt64)
    /// So many events were thrown away because its reader is slow.
    case dropped(UInt64)
    /// It has ended. The one line without a time.
    case done
}
