package import Primitives
import Synchronization

/// Where sessions, messages and retained messages are stored, so that they survive a restart.
///
/// Event loops call it, and no call blocks. The store calls each `completed` on a thread of its own, so the closure
/// should only post a letter to its loop. Jobs are done in the order in which they were given, except that a `load` may
/// be done before batches that were given earlier are committed.
package protocol MessageStore: Sendable {
    /// False when nothing survives a restart: the loops then store nothing and acknowledge at once.
    var isDurable: Bool { get }
    /// Whether the store takes writes.
    var health: StoreHealth { get }
    /// Writes `batch` as a whole or not at all, and calls `completed` when it is committed. The store tries a batch
    /// that it cannot write again and again; meanwhile `health` says that the store fails.
    func commit(_ batch: StoreBatch, completed: @escaping @Sendable () -> Void)
    /// Writes something of its own that changes nothing, in the way of a batch, and calls `completed` when it is
    /// committed: for who asks whether the store works.
    func probe(completed: @escaping @Sendable () -> Void)
    /// Reads copies of one session in the order of their numbers. An error means that the store could not be read now.
    func load(
        _ request: StoreLoad, completed: @escaping @Sendable (Result<LoadedBacklog, StoreError>) -> Void)
    /// Looks for messages that have expired by `now`, and tells the sessions that have such, by their numbers. What was
    /// told is not told again.
    func takeDue(_ now: MonotonicTime, completed: @escaping @Sendable (Set<UInt64>) -> Void)
    /// Deletes copies of a session that were never sent, within the numbers of `request`: those that have expired by
    /// `now`, or all where it is nil. Tells how many copies it deleted.
    func purge(
        _ request: StoreLoad, expiredBy now: MonotonicTime?, completed: @escaping @Sendable (Int) -> Void)
}

/// Which copies to read.
package struct StoreLoad: Sendable {
    /// The session's number in the store.
    package var session: UInt64
    /// The first and the last number to look at.
    package var numbers: ClosedRange<UInt64>
    /// Which of these, by what is stored about their sending.
    package var flights: Flights
    /// Numbers of copies to leave out.
    package var except: Set<UInt64>
    /// The most copies to read.
    package var limit: Int
    /// The most bytes of messages to read, about; one message is read even if it is larger.
    package var byteLimit: Int
    /// For who only looks: what cannot be read is left out, and stays for the session to find.
    package var isLook = false

    /// Which copies to read, by what is stored about their sending. The flight of a copy is the packet identifier
    /// that it was sent with, or is to be sent with, and whether PUBREC has come.
    package enum Flights: Sendable {
        /// All copies, with their flights.
        case together
        /// Only those whose flight has a row.
        case alone
        /// Only those for which PUBREC has come.
        case released
    }

    /// A request for copies of `session`.
    package init(
        session: UInt64, numbers: ClosedRange<UInt64>, flights: Flights = .together, except: Set<UInt64> = [],
        limit: Int, byteLimit: Int = 256 * 1024
    ) {
        self.session = session
        self.numbers = numbers
        self.flights = flights
        self.except = except
        self.limit = limit
        self.byteLimit = byteLimit
    }
}

/// What was read.
package struct LoadedBacklog: Sendable {
    /// One copy, as it is stored.
    package struct Copy: Sendable {
        /// The message's number in the store; the queue is in the order of the numbers.
        package var number: UInt64
        /// The QoS and the flags that the copy is sent with.
        package var terms: DeliveryTerms
        /// nil: PUBREC has come, and the message is not needed any more.
        package var message: ApplicationMessage?
        /// The packet identifier that it is to be sent with, and may have been sent with; 0 = one is chosen when it is
        /// sent.
        package var packetIdentifier: UInt16
        /// The identifier has a row of its own: the copy was sent with it, or was to be sent next.
        package var hasFlightRow: Bool

        /// A copy of these parts.
        package init(
            number: UInt64, terms: DeliveryTerms, message: ApplicationMessage?, packetIdentifier: UInt16,
            hasFlightRow: Bool = false
        ) {
            self.number = number
            self.terms = terms
            self.message = message
            self.packetIdentifier = packetIdentifier
            self.hasFlightRow = hasFlightRow
        }
    }

    /// The copies, in the order of their numbers.
    package var copies: [Copy]
    /// Copies that could not be read: damaged, or without their message.
    package var lostCount: Int
    /// The number to go on from; nil = all of the range was read.
    package var next: UInt64?

    /// What a read has found.
    package init(copies: [Copy], lostCount: Int = 0, next: UInt64?) {
        self.copies = copies
        self.lostCount = lostCount
        self.next = next
    }
}

/// Whether the store takes writes. Written by the store, read by every loop.
package final class StoreHealth: Sendable {
    private let failing = Atomic<Bool>(false)

    /// A store that takes writes.
    package init() {}

    /// Whether writes fail now. Usable from any thread.
    package var isFailing: Bool { failing.load(ordering: .relaxed) }

    /// For the store alone.
    package func set(isFailing: Bool) { failing.store(isFailing, ordering: .relaxed) }
}

/// A store that could not do what it was asked.
package struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was being done: "open", "read a copy".
    package var operation: String
    /// The file or directory.
    package var path: String
    /// What went wrong, in words.
    package var text: String
    /// What a person can do about it; empty when there is nothing to say.
    package var advice: String

    /// An error of these parts.
    package init(operation: String, path: String, text: String, advice: String = "") {
        self.operation = operation
        self.path = path
        self.text = text
        self.advice = advice
    }

    /// One line for the log.
    package var description: String {
        "cannot \(operation): \(path): \(text)" + (advice.isEmpty ? "" : "; \(advice)")
    }
}

/// Keeps nothing beyond the life of the process: sessions, queues and retained messages live in memory alone.
package struct MemoryMessageStore: MessageStore {
    /// Never fails.
    package let health = StoreHealth()

    /// A store without contents.
    package init() {}
    /// False: nothing survives the process.
    package var isDurable: Bool { false }

    /// Done at once.
    package func commit(_ batch: StoreBatch, completed: @escaping @Sendable () -> Void) { completed() }

    /// Done at once.
    package func probe(completed: @escaping @Sendable () -> Void) { completed() }

    /// Finds nothing.
    package func load(
        _ request: StoreLoad, completed: @escaping @Sendable (Result<LoadedBacklog, StoreError>) -> Void
    ) {
        completed(.success(LoadedBacklog(copies: [], next: nil)))
    }

    /// Finds nothing.
    package func takeDue(_ now: MonotonicTime, completed: @escaping @Sendable (Set<UInt64>) -> Void) {
        completed([])
    }

    /// Finds nothing.
    package func purge(
        _ request: StoreLoad, expiredBy now: MonotonicTime?, completed: @escaping @Sendable (Int) -> Void
    ) {
        completed(0)
    }
}
