import Admin
import BrokerCore
import Listeners
import Primitives

/// Messages that wait for a client in the store alone, as operators see them. They are read on the store's thread, some at a
/// time, and nothing about them changes.
extension Control {
    /// Copies read at once.
    private static let storedAtOnce = 200
    /// Milliseconds that a read may wait behind those of clients.
    private static let storePatience = 30_000

    /// Calls `body` with the messages of a session that are in the store and not in memory, the oldest first.
    ///
    /// - Parameter body: false ends the walk. It may take as long as it likes.
    /// - Returns: how many could not be read.
    @discardableResult
    func walkStored(_ facts: SessionFacts, _ body: (WaitingMessage) throws -> Bool) throws -> Int {
        guard facts.spilledCount > 0, !facts.isSibling else { return 0 }
        let subscriber = facts.subscriber
        guard var next = try runtime.ask(homeOf: subscriber, { $0.firstStoredNumber(of: subscriber) }) else {
            return 0
        }
        let seen = try numbersInMemory(of: subscriber, from: next)
        var lostCount = 0
        while true {
            var request = StoreLoad(
                session: facts.storeNumber, numbers: next...UInt64.max, limit: Self.storedAtOnce)
            request.isLook = true
            let loaded = try load(request)
            lostCount += loaded.lostCount
            for copy in loaded.copies where !seen.contains(copy.number) {
                guard try body(WaitingMessage(copy)) else { return lostCount }
            }
            guard let following = loaded.next, following > next else { return lostCount }
            next = following
        }
    }

    /// Copies in memory have rows in the store too.
    private func numbersInMemory(of subscriber: SubscriberID, from first: UInt64) throws -> Set<UInt64> {
        var question = SessionQuestion(.messages)
        question.clientID = subscriber.clientID
        question.mountpoint = subscriber.mountpoint
        var numbers: Set<UInt64> = []
        try runtime.walk(question) { row in
            if let number = row.message?.storeNumber, number >= first { numbers.insert(number) }
            return true
        }
        return numbers
    }

    private func load(_ request: StoreLoad) throws -> LoadedBacklog {
        let answers = BlockingQueue<Result<LoadedBacklog, StoreError>>()
        runtime.broker.store.load(request) { answers.put($0) }
        var found: ContiguousArray<Result<LoadedBacklog, StoreError>> = []
        _ = answers.take(into: &found, milliseconds: Self.storePatience)
        guard let answer = found.first else {
            throw AdminFailure(
                .failed,
                "the store has not answered for \(Self.storePatience / 1000) s; its log says whether it is stuck"
            )
        }
        do throws(StoreError) {
            return try answer.get()
        } catch {
            throw AdminFailure(.failed, "\(error)")
        }
    }
}
