import Primitives
import Synchronization

/// The streams that are open, few at a time, and the threads that their producers run on, which are started when they are
/// needed first. A stream keeps its place until its connection is done with it and its producer has returned.
final class HTTPStreamWorkers: Sendable {
    private struct Place: Sendable {
        let stream: HTTPStream
        var hasReader = true
        var hasProducer: Bool
    }

    private struct State {
        var places: [ObjectIdentifier: Place] = [:]
        var threads: [WorkerThread] = []
        var isStopped = false
    }

    private let limit: Int
    private let lastingLimit: Int
    private let counters: HTTPCounters
    private let failed: @Sendable (any Error) -> Void
    private let jobs = BlockingQueue<HTTPStream>()
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: streams at the same time.
    ///   - lastingLimit: streams at the same time that go on until their reader goes; they are not among the others.
    ///   - failed: called with what a producer threw.
    init(
        limit: Int, lastingLimit: Int = 1, _ counters: HTTPCounters,
        failed: @escaping @Sendable (any Error) -> Void
    ) {
        self.limit = max(1, limit)
        self.lastingLimit = max(1, lastingLimit)
        self.counters = counters
        self.failed = failed
    }

    /// How many streams of the kind of `stream` may be open.
    func limit(for stream: HTTPStream) -> Int { stream.isLasting ? lastingLimit : limit }

    /// Takes a place for `stream` and starts its producer.
    ///
    /// - Returns: false when all places are taken or the server ends; the refusal is counted and the stream over.
    func begin(_ stream: HTTPStream) -> Bool {
        let isTaken = state.withLock { state in
            let taken = state.places.values.count { $0.stream.isLasting == stream.isLasting }
            guard !state.isStopped, taken < limit(for: stream) else { return false }
            if stream.producer != nil {
                let busy = state.places.values.count { $0.hasProducer }
                if busy >= state.threads.count, !startThread(&state) { return false }
            }
            guard stream.begin(counters) else { return false }
            state.places[ObjectIdentifier(stream)] = Place(
                stream: stream, hasProducer: stream.producer != nil)
            return true
        }
        guard isTaken else {
            counters.refusedStreams.add(1, ordering: .relaxed)
            stream.cancel(.failed)
            return false
        }
        if stream.producer != nil { jobs.put(stream) }
        return true
    }

    /// The connection is done with the stream, which has ended.
    func readerEnded(_ stream: HTTPStream) { leave(stream) { $0.hasReader = false } }

    /// Ends all streams and refuses more. From then on no connection is suspended by a stream.
    func cancelAll() {
        let streams = state.withLock { state in
            state.isStopped = true
            return state.places.values.map(\.stream)
        }
        for stream in streams { stream.cancel(.server) }
    }

    /// Waits for the producers to return, after `cancelAll()`. Call once.
    func join() {
        jobs.close()
        for thread in state.withLock({ $0.threads }) { thread.join() }
    }

    private func startThread(_ state: inout State) -> Bool {
        let thread = try? WorkerThread(name: "http-stream-\(state.threads.count + 1)") { [self] in
            while let stream = jobs.takeOne() { run(stream) }
        }
        guard let thread else { return false }
        state.threads.append(thread)
        return true
    }

    private func run(_ stream: HTTPStream) {
        do {
            try stream.producer?(stream)
            stream.finish()
        } catch {
            // A producer may well throw because its reader has gone.
            if !stream.isCancelled { failed(error) }
            stream.fail()
        }
        leave(stream) { $0.hasProducer = false }
    }

    private func leave(_ stream: HTTPStream, _ change: (inout Place) -> Void) {
        state.withLock { state in
            guard var place = state.places[ObjectIdentifier(stream)] else { return }
            change(&place)
            state.places[ObjectIdentifier(stream)] = place.hasReader || place.hasProducer ? place : nil
        }
    }
}
