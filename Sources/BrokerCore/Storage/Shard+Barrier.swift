import BrokerMetrics
import Primitives

/// A point in the flow of copies between loops: when it has been passed, every copy with a number up to `through` is
/// committed and has arrived at its home loop. Only then may the store be read for what a queue does not hold in
/// memory: earlier, a copy could be read and then arrive once more.
///
///     loop B  ── flush? ──→ loop A   hands its batch over, waits for the commit, posts what it held back
///             ←─ flushed ──          (mailboxes are first in, first out, so the copies come first)
///     loop B  reads
struct StoreBarrier {
    /// Sessions whose turn comes with the next barrier.
    var waiting: ContiguousArray<SessionHandle> = []
    /// Sessions that ended, by their number in the store: copies of them may still be on their way.
    var purges: ContiguousArray<UInt64> = []
    fileprivate var members: ContiguousArray<SessionHandle> = []
    fileprivate var memberPurges: ContiguousArray<UInt64> = []
    fileprivate var through: UInt64 = 0
    /// Loops that have not answered.
    fileprivate var missing = 0
    fileprivate var isRunning = false
    /// Other loops' barriers: who asked, and which batch must be committed before the answer.
    fileprivate var questions: ContiguousArray<(loop: Int, batch: UInt64)> = []
    /// Questions that came in this turn.
    fileprivate var newQuestions: ContiguousArray<Int> = []
}

extension Shard {
    /// At the end of a turn, so that none of this turn's copies is under way half-counted.
    func startBarrier() {
        guard !barrier.isRunning else { return }
        barrier.isRunning = true
        barrier.members = barrier.waiting
        barrier.waiting = []
        barrier.memberPurges = barrier.purges
        barrier.purges = []
        barrier.through = broker.lastStoreNumber
        barrier.missing = broker.loopCount
        counters.add(.storeBarriers)
        handOver()
        for loop in 0..<broker.loopCount where loop != index { links.post(.storeFlush(from: index), loop) }
        // This loop too: what it has handed over must be committed.
        barrier.questions.append((index, outbox.openNumber - 1))
        answerFlushes()
    }

    /// Another loop wants to read: it gets its answer when all that is open here is committed and posted.
    func flushAsked(by loop: Int) { barrier.newQuestions.append(loop) }

    /// At the end of a turn, after its deliveries were posted.
    func takeUpFlushes() {
        guard !barrier.newQuestions.isEmpty else { return }
        handOver()
        let last = outbox.openNumber - 1
        for loop in barrier.newQuestions { barrier.questions.append((loop, last)) }
        barrier.newQuestions.removeAll()
        answerFlushes()
    }

    /// Answers the loops whose batch is committed. What was held back for it is posted before the answer.
    func answerFlushes() {
        guard !barrier.questions.isEmpty else { return }
        postDeliveries()
        barrier.questions.removeAll { question in
            // Batches are committed in order: the last is committed when none up to it is outstanding.
            guard outbox.outstanding.allSatisfy({ $0 > question.batch }) else { return false }
            links.post(.storeFlushed, question.loop)
            return true
        }
    }

    func flushAnswered() {
        barrier.missing -= 1
        if barrier.missing == 0 { passBarrier() }
    }

    private func passBarrier() {
        barrier.isRunning = false
        for handle in barrier.members { session(handle)?.barrierPassed(through: barrier.through) }
        barrier.members.removeAll()
        for number in barrier.memberPurges { note(.purgeSession(number)) }
        barrier.memberPurges.removeAll()
    }
}
