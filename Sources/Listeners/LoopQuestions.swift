package import BrokerCore
package import BrokerMetrics
import Glibc
import Primitives
import Synchronization

/// Questions from threads that are no loop, such as an operator's: each is a letter, and the answer is waited for.
extension BrokerRuntime {
    /// A loop did not answer in time: it is stalled, or the broker ends.
    package struct LoopDoesNotAnswer: Error, CustomStringConvertible {
        package let loop: Int
        package var description: String { "loop \(loop) does not answer; /health says whether it is stalled" }
    }

    /// Runs `question` on a loop, in one of its turns, and waits for the answer. Never call it on a loop.
    ///
    /// - Parameters:
    ///   - loop: its number.
    ///   - patience: milliseconds.
    ///   - question: must take no longer than a slice of a turn: some hundred steps.
    package func ask<Answer: Sendable>(
        _ loop: Int, patience: Int = 5000, _ question: @escaping @Sendable (Shard) -> Answer
    ) throws(LoopDoesNotAnswer) -> Answer {
        let answers = BlockingQueue<Answer>()
        directory.mailboxes[loop].post(.core(.run { answers.put(question($0)) }))
        var found: ContiguousArray<Answer> = []
        _ = answers.take(into: &found, milliseconds: patience)
        guard let answer = found.first else { throw LoopDoesNotAnswer(loop: loop) }
        return answer
    }

    /// Asks the home loop of a client.
    package func ask<Answer: Sendable>(
        homeOf subscriber: SubscriberID, _ question: @escaping @Sendable (Shard) -> Answer
    ) throws(LoopDoesNotAnswer) -> Answer {
        try ask(broker.homeLoop(of: subscriber), question)
    }

    /// Walks through the sessions of all loops, a slice at a time.
    ///
    /// - Parameters:
    ///   - patience: milliseconds that the walk may wait for loops; nil = five seconds for each slice.
    ///   - body: gets each row; false ends the walk. It may take as long as it likes: no loop waits for it.
    /// - Throws: `LoopDoesNotAnswer`, and what `body` throws.
    package func walk(
        _ question: SessionQuestion, patience: Int? = nil, _ body: (SessionRow) throws -> Bool
    ) throws {
        let begin = ContinuousClock.now
        var loops = Array(0..<broker.loopCount)
        if let clientID = question.clientID, let mountpoint = question.mountpoint {
            loops = [broker.homeLoop(of: SubscriberID(mountpoint: mountpoint, clientID: clientID))]
        }
        for loop in loops {
            var cursor = SessionCursor()
            while !cursor.isAtEnd {
                let start = cursor
                let passed = Int((ContinuousClock.now - begin) / .milliseconds(1))
                let slice = try ask(loop, patience: patience.map { max(0, $0 - passed) } ?? 5000) {
                    shard -> (rows: ContiguousArray<SessionRow>, cursor: SessionCursor) in
                    var cursor = start
                    let rows = shard.walk(question, from: &cursor)
                    return (rows, cursor)
                }
                cursor = slice.cursor
                for row in slice.rows where try !body(row) { return }
            }
        }
    }

    /// Publishes a message that no client has sent. Messages of one topic keep their order. Any thread; never waits.
    package func publish(_ message: ApplicationMessage, _ origin: PublicationOrigin) {
        let loop = broker.homeLoop(
            of: SubscriberID(mountpoint: message.facts.mountpoint, clientID: UTF8Text(copying: message.topic))
        )
        directory.mailboxes[loop].post(.core(.publish(message, origin)))
    }

    /// Gives all loops other settings. Each goes by them from its next turn on.
    package func apply(_ settings: BrokerSettings) {
        for mailbox in directory.mailboxes { mailbox.post(.core(.run { $0.apply(settings) })) }
    }

    /// Gives all loops other hooks, in the order in which they are asked. Each goes by them from its next turn on.
    package func setHooks(_ hooks: [any Hook]) {
        for mailbox in directory.mailboxes { mailbox.post(.core(.run { $0.setHooks(hooks) })) }
    }
}
