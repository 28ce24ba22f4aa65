package import Primitives
import Synchronization

/// Where sessions survive a restart. Called by loops; never blocks them. Everything is answered on a thread of the
/// store, so a caller's closure posts a letter.
///
/// Jobs are done in the order in which they come in, but a `load` may come before batches that are not committed yet.
package protocol MessageStore: Sendable {
    /// False when nothing survives: loops then record nothing and acknowledge at once.
    var isDurable: Bool { get }
    var health: StoreHealth { get }
    /// Writes `batch`, all or nothing; calls `completed` once it is committed. A batch that cannot be written is
    /// tried again until it can; meanwhile `health` says that the store fails.
    func commit(_ batch: StoreBatch, completed: @escaping @Sendable () -> Void)
    /// Reads copies of one session in the order of their numbers.
    func load(
        _ request: StoreLoad, completed: @escaping @Sendable (Result<LoadedBacklog, StoreError>) -> Void)
    /// Sessions with messages whose time has come by `now`, each once; they are not reported again.
    func takeDue(_ now: MonotonicTime, completed: @escaping @Sendable (Set<UInt64>) -> Void)
    /// Deletes the expired copies of a session within `request` that were never sent; tells how many.
    func purgeExpired(_ request: StoreLoad, now: MonotonicTime, completed: @escaping @Sendable (Int) -> Void)
}

/// Which copies to read.
package struct StoreLoad: Sendable {
    /// The session's number in the store.
    package var session: UInt64
    /// The first and the last number to look at.
    package var numbers: ClosedRange<UInt64>
    /// Only some of them.
    package var flights: Flights
    /// Numbers to pass over.
    package var except: Set<UInt64>
    /// How many copies, and about how many bytes of messages, at most.
    package var limit: Int
    package var byteLimit: Int

    package enum Flights: Sendable {
        /// All copies, with their flights.
        case together
        /// Only those whose flight has a row.
        case alone
        /// Only those for which PUBREC has come.
        case released
    }

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
    package struct Copy: Sendable {
        package var number: UInt64
        package var terms: DeliveryTerms
        /// nil: PUBREC has come, and the message is not needed any more.
        package var message: ApplicationMessage?
        /// What it is to be sent with, and may have been sent with; 0 = that is chosen as it is sent.
        package var packetIdentifier: UInt16
        /// The identifier has a row of its own: the copy was sent with it, or was to be sent next.
        package var hasFlightRow: Bool

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

    package var copies: [Copy]
    /// Copies that could not be read: damaged, or without their message.
    package var lostCount: Int
    /// The number to go on from; nil = all of the range was read.
    package var next: UInt64?

    package init(copies: [Copy], lostCount: Int = 0, next: UInt64?) {
        self.copies = copies
        self.lostCount = lostCount
        self.next = next
    }
}

/// Whether the store takes writes. Written by the store, read by every loop.
package final class StoreHealth: Sendable {
    private let failing = Atomic<Bool>(false)

    package init() {}

    package var isFailing: Bool { failing.load(ordering: .relaxed) }

    package func set(isFailing: Bool) { failing.store(isFailing, ordering: .relaxed) }
}

/// A store that could not do what it was asked.
package struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was being done: "open", "read a copy".
    package var operation: String
    /// The file or directory.
    package var path: String
    package var text: String
    /// What a person can do about it; empty when there is nothing to say.
    package var advice: String

    package init(operation: String, path: String, text: String, advice: String = "") {
        self.operation = operation
        self.path = path
        self.text = text
        self.advice = advice
    }

    package var description: String {
        "cannot \(operation): \(path): \(text)" + (advice.isEmpty ? "" : "; \(advice)")
    }
}

/// Keeps nothing beyond the life of the process: sessions, queues and retained messages live in memory alone.
package struct MemoryMessageStore: MessageStore {
    package let health = StoreHealth()

    package init() {}
    package var isDurable: Bool { false }

    package func commit(_ batch: StoreBatch, completed: @escaping @Sendable () -> Void) { completed() }

    package func load(
        _ request: StoreLoad, completed: @escaping @Sendable (Result<LoadedBacklog, StoreError>) -> Void
    ) {
        completed(.success(LoadedBacklog(copies: [], next: nil)))
    }

    package func takeDue(_ now: MonotonicTime, completed: @escaping @Sendable (Set<UInt64>) -> Void) {
        completed([])
    }

    package func purgeExpired(
        _ request: StoreLoad, now: MonotonicTime, completed: @escaping @Sendable (Int) -> Void
    ) {
        completed(0)
    }
}
