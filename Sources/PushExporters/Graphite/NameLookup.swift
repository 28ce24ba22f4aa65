import CSystem
import Glibc
import Primitives
import Synchronization

/// Looks up the addresses of a name on a thread of its own: asking name servers may take long and cannot be broken off,
/// and who waits for the answer must be able to end.
final class NameLookup: Sendable {
    enum Answer: Sendable {
        case addresses([csystem_address])
        /// In words.
        case failure(String)
    }

    private struct State {
        /// What the thread was asked last and has not answered.
        var pending: String?
        var answer: (host: String, Answer)?
        var hasThread = false
    }

    private static let mostAddresses = 16

    private let state = Mutex(State())
    private let questions = BlockingQueue<String>()
    private let wakeup: Wakeup

    /// - Parameter wakeup: is signalled when there is an answer.
    init(_ wakeup: Wakeup) { self.wakeup = wakeup }

    /// Asks for the addresses of `host`. One that is asked for already, by a lookup that takes long, is not asked for
    /// once more.
    ///
    /// - Returns: the answer where nobody has to be asked; else nil, and it comes by `takeAnswer`.
    func begin(_ host: String) -> Answer? {
        var address = csystem_address()
        if csystem_address_parse(host, &address) == 1 { return .addresses([address]) }
        return state.withLock { state -> Answer? in
            state.answer = nil
            if !state.hasThread {
                // It is not joined: it may wait for a name server when the process ends.
                guard (try? WorkerThread(name: "graphite-dns", { [self] in run() })) != nil else {
                    return .failure("no thread for the lookup")
                }
                state.hasThread = true
            }
            if state.pending != host {
                state.pending = host
                questions.put(host)
            }
            return nil
        }
    }

    /// The answer for `host` that has come, once.
    func takeAnswer(for host: String) -> Answer? {
        state.withLock { state in
            guard let answer = state.answer, answer.host == host else { return nil }
            state.answer = nil
            return answer.1
        }
    }

    /// Ends the thread when it has no more to wait for.
    func close() { questions.close() }

    private func run() {
        var batch: ContiguousArray<String> = []
        while questions.take(into: &batch) {
            // Who asks for another name has no use for those before.
            if let host = batch.last {
                let answer = Self.addresses(of: host)
                state.withLock { state in
                    guard state.pending == host else { return }
                    state.pending = nil
                    state.answer = (host, answer)
                }
                wakeup.signal()
            }
            batch.removeAll(keepingCapacity: true)
        }
    }

    private static func addresses(of host: String) -> Answer {
        var found = [csystem_address](repeating: csystem_address(), count: mostAddresses)
        let count = csystem_lookup(host, &found, Int32(mostAddresses))
        guard count < 0 else { return .addresses(Array(found.prefix(Int(count)))) }
        var text = [CChar](repeating: 0, count: 128)
        csystem_lookup_error_text(count, &text, text.count)
        return .failure(
            String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
}
