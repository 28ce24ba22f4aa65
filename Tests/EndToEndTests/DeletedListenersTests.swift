import Primitives
import Testing

@testable import Listeners
@testable import Transport

@Suite struct DeletedListenersTests {
    private func listener(_ name: String, _ kind: String = "mqtt", refusing count: Int = 1) -> ListenerState {
        let state = ListenerState(name: name, kind: kind)
        for _ in 0..<count {
            _ = state.countOverLimit(.maxConnections, isTold: true, now: MonotonicTime(nanoseconds: 1))
        }
        return state
    }

    private func refused(_ deleted: DeletedListeners, _ name: String, _ kind: String = "mqtt") -> Int? {
        deleted.counts[DeletedListeners.Name(listener: name, type: kind)]?
            .overLimit[ConnectionLimit.maxConnections.rawValue]
    }

    @Test func `listeners of one name and kind are added up, and a late count of the last is seen`() {
        var deleted = DeletedListeners()
        deleted.add(listener("a", refusing: 3))
        let last = listener("a", refusing: 2)
        deleted.add(last)
        deleted.add(listener("a", "mqtts"))
        _ = last.countOverLimit(.maxConnections, isTold: true, now: MonotonicTime(nanoseconds: 2))
        #expect(refused(deleted, "a") == 6)
        #expect(refused(deleted, "a", "mqtts") == 1)
    }

    @Test func `names beyond the bound are added up under one, and none that is known goes back`() {
        var deleted = DeletedListeners()
        for number in 0..<1000 { deleted.add(listener("l\(number)")) }
        #expect(deleted.counts.count == DeletedListeners.limit + 1)
        #expect(refused(deleted, "l0") == 1)
        #expect(refused(deleted, DeletedListeners.beyond) == 1000 - DeletedListeners.limit)
        deleted.add(listener("l0"))
        #expect(refused(deleted, "l0") == 2)
    }
}
