import BrokerCore
import BrokerMetrics
import Exporters
import HTTPServer
import Listeners
import Primitives
import Synchronization

/// `/status/sessions.json`: who loses and who waits most. It walks through the sessions of all loops in slices, when it is asked
/// and never else; whoever asks while a walk goes on, or just after, gets the last one.
final class SessionsPage: Sendable {
    private struct State {
        var isWalking = false
        var madeAt: MonotonicTime?
        var body: [UInt8] = []
    }

    private let runtime: BrokerRuntime
    private let state = Mutex(State())
    /// A walk is shown again for so long.
    private static let freshness: UInt64 = 2_000_000_000
    /// While a walk goes on the last one is shown, up to this age.
    private static let oldest: UInt64 = 10_000_000_000
    /// A walk ends after so long, whether it has seen all or not, and whether the loops answer or not.
    private static let patience: UInt64 = 3_000_000_000

    init(_ runtime: BrokerRuntime) { self.runtime = runtime }

    /// Blocks the thread of the page, never a loop.
    func answer() -> HTTPResponse {
        let clock = runtime.broker.clock
        let begin = clock.now
        let kept = state.withLock { state -> [UInt8]? in
            if let madeAt = state.madeAt, begin.nanoseconds(since: madeAt) < Self.freshness {
                return state.body
            }
            if state.isWalking {
                // What is older tells nothing about now, and a walk that lasts says so itself.
                return begin.nanoseconds(since: state.madeAt ?? begin) < Self.oldest ? state.body : []
            }
            state.isWalking = true
            return nil
        }
        guard let kept else { return walk(from: begin) }
        guard !kept.isEmpty else {
            var answer = HTTPResponse.text(503, "The sessions are being looked at; ask again in a moment.")
            answer.headers.append(("Retry-After", "1"))
            return answer
        }
        return .json(kept)
    }

    private func walk(from begin: MonotonicTime) -> HTTPResponse {
        let clock = runtime.broker.clock
        var top = TopSessions()
        do {
            try runtime.walk(SessionQuestion(), patience: Int(Self.patience / 1_000_000)) { row in
                let session = row.session
                let now = clock.now
                top.look(lost: session.lostCount, waits: session.queuedCount + session.inflightCount) {
                    TopSessions.Entry(session, now)
                }
                top.isComplete = now.nanoseconds(since: begin) < Self.patience
                return top.isComplete
            }
        } catch {
            // A loop does not answer: what the others said is shown.
            top.isComplete = false
        }
        let body = top.json(wallMilliseconds: clock.wallMilliseconds)
        state.withLock { state in
            state.isWalking = false
            state.madeAt = clock.now
            state.body = body
        }
        return .json(body)
    }
}

extension TopSessions.Entry {
    fileprivate init(_ session: SessionFacts, _ now: MonotonicTime) {
        func seconds(_ time: MonotonicTime?) -> Double? {
            time.map { Double(now.nanoseconds(since: $0)) / 1e9 }
        }
        let oldest = [session.oldestQueuedAt, session.oldestInflightAt].compactMap { $0 }
            .min { $0.nanoseconds < $1.nanoseconds }
        var loss: (reason: String, secondsAgo: Double)?
        if let error = session.lastError, case .messageLost(let reason) = error.kind {
            loss = (reason.label, seconds(error.at) ?? 0)
        }
        self.init(
            clientID: "\(session.subscriber.clientID)", mountpoint: "\(session.subscriber.mountpoint.name)",
            userName: session.connection?.userName.map { "\($0)" },
            peer: session.connection.map { "\($0.peer.address):\($0.peer.port)" }, lost: session.lostCount,
            lastLoss: loss, queued: session.queuedCount, inflight: session.inflightCount,
            queuedBytes: session.queuedByteCount, oldestSeconds: seconds(oldest))
    }
}
