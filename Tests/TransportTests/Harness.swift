import Dispatch
import Glibc
import Logging
import Primitives
import Synchronization
import Testing
import Transport

/// Values from a loop's thread, in order. `next` waits for one.
final class Inbox<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    private let available = DispatchSemaphore(value: 0)

    func post(_ value: Value) {
        values.withLock { $0.append(value) }
        available.signal()
    }

    /// The next value; an error when none comes in a minute.
    func next(_ location: SourceLocation = #_sourceLocation) throws -> Value {
        guard available.wait(timeout: .now() + 60) == .success else {
            Issue.record("nothing came", sourceLocation: location)
            throw TimedOut()
        }
        return values.withLock { $0.removeFirst() }
    }

    /// What is there now.
    func all() -> [Value] { values.withLock { $0 } }

    /// Takes out what is there now.
    func takeAll() -> [Value] {
        var taken: [Value] = []
        while available.wait(timeout: .now()) == .success {
            taken.append(values.withLock { $0.removeFirst() })
        }
        return taken
    }
}

struct TimedOut: Error {}

/// Counts of all loops: how often an event came and the sum of what came with it.
final class EventCounts: TransportEvents, Sendable {
    private let totals = Mutex<[(calls: Int, sum: Int)]>(
        Array(repeating: (0, 0), count: TransportEvent.allCases.count))

    func count(_ event: TransportEvent, _ n: Int) {
        totals.withLock {
            $0[event.rawValue].calls += 1
            $0[event.rawValue].sum += n
        }
    }

    func calls(_ event: TransportEvent) -> Int { totals.withLock { $0[event.rawValue].calls } }
    func sum(_ event: TransportEvent) -> Int { totals.withLock { $0[event.rawValue].sum } }
}

typealias LoopTask = @Sendable (EventLoop) -> Void

/// Does on its loop what tests post.
final class TestOwner: EventLoopOwner {
    private let tasks: Mailbox<LoopTask>
    private let events: EventCounts
    private var batch: ContiguousArray<LoopTask> = []

    init(tasks: Mailbox<LoopTask>, events: EventCounts) {
        self.tasks = tasks
        self.events = events
    }

    func loopStarted(_ loop: EventLoop) { loop.events = events }

    func turnBegan(_ loop: EventLoop, now: MonotonicTime) {
        tasks.drain(into: &batch)
        for task in batch { task(loop) }
        batch.removeAll(keepingCapacity: true)
    }

    func turnEnded(_ loop: EventLoop, now: MonotonicTime) {}
    func turnFlushed(_ loop: EventLoop, end: MonotonicTime) {}
    func sleepLimitNanoseconds(_ loop: EventLoop, now: MonotonicTime) -> UInt64? { nil }
    func loopStopped(_ loop: EventLoop) {}
}

/// Running loops, stopped when the test ends.
final class Harness: Sendable {
    let group: LoopGroup
    let events = EventCounts()
    private let mailboxes: [Mailbox<LoopTask>]

    init(loops: Int = 1, settings: LoopSettings = LoopSettings(), logger: Logger? = nil) throws {
        let prepared = Mutex<[Mailbox<LoopTask>]>([])
        let shared = SharedMailboxes()
        let events = self.events
        group = try LoopGroup(
            count: loops, settings: settings,
            logger: logger ?? Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { loop in
            TestOwner(tasks: shared.mailboxes.withLock { $0[loop.index] }, events: events)
        }
        for handle in group.handles { prepared.withLock { $0.append(Mailbox { handle.wake() }) } }
        mailboxes = prepared.withLock { $0 }
        shared.mailboxes.withLock { $0 = mailboxes }
        try group.start()
    }

    deinit {
        group.stop()
        group.join()
    }

    func onLoop(_ index: Int = 0, _ task: @escaping LoopTask) { mailboxes[index].post(task) }

    /// Runs `task` on a loop and waits for what it returns.
    func ask<Value: Sendable>(_ index: Int = 0, _ task: @escaping @Sendable (EventLoop) -> Value) throws
        -> Value
    {
        let answer = Inbox<Value>()
        onLoop(index) { answer.post(task($0)) }
        return try answer.next()
    }

    /// Listens on every loop, with connections that follow `script`.
    @discardableResult
    func listen(
        _ script: Script, at text: String = "127.0.0.1:0", state: ListenerState = ListenerState(name: "test"),
        accept: (@Sendable (Int32) -> AcceptOutcome)? = nil
    ) throws -> PeerAddress {
        let bound = try bindListener(address: ListenAddress(parsing: text), loops: group.handles.count)
        for index in group.handles.indices {
            try ask(index) { loop in
                guard let socket = bound.takeSocket() else { return }
                loop.addAcceptor(socket: socket, state: state, accept: accept) { socket, slot, loop in
                    ScriptedConnection(script, socket: socket, slot: slot, loop: loop)
                }
            }
        }
        return bound.address.address
    }
}

private final class SharedMailboxes: Sendable {
    let mailboxes = Mutex<[Mailbox<LoopTask>]>([])
}

/// What the connections of a test do. Called on loops.
final class Script: Sendable {
    let opened: @Sendable (ScriptedConnection) -> Void
    let received: @Sendable (ScriptedConnection, [UInt8]) -> Int
    let drained: @Sendable (ScriptedConnection) -> Void
    let closed = Inbox<ConnectionEnd>()
    let heldInputChanged = Mutex<(@Sendable (Int) -> Void)?>(nil)

    init(
        opened: @escaping @Sendable (ScriptedConnection) -> Void = { _ in },
        drained: @escaping @Sendable (ScriptedConnection) -> Void = { _ in },
        received: @escaping @Sendable (ScriptedConnection, [UInt8]) -> Int
    ) {
        self.opened = opened
        self.drained = drained
        self.received = received
    }

    static func echo() -> Script {
        Script { connection, bytes in
            connection.output.append(bytes)
            return bytes.count
        }
    }
}

final class ScriptedConnection: Connection {
    private let script: Script
    /// For the script's own use.
    var counter = 0

    init(_ script: Script, socket: DetachedSocket, slot: Int, loop: EventLoop) {
        self.script = script
        super.init(socket: socket, slot: slot, loop: loop)
        script.opened(self)
    }

    override func received(_ bytes: RawSpan) -> Int {
        script.received(self, bytes.withUnsafeBytes { Array($0) })
    }

    override func outputDrained() { script.drained(self) }

    override func heldInputChanged() {
        script.heldInputChanged.withLock { $0 }?(heldInputByteCount)
    }

    override func closed(_ cause: ConnectionEnd) { script.closed.post(cause) }
}

/// Reasons of somebody above the transport.
extension PauseReason {
    static let hook = PauseReason(rawValue: 2)
    static let rate = PauseReason(rawValue: 4)
    static let overload = PauseReason(rawValue: 8)
}
