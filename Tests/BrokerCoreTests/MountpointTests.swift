import BrokerCore
import Primitives
import Testing

struct MountpointTests {
    @Test func `the empty name is the default mountpoint`() {
        #expect(Mountpoint.intern("") == .default)
        #expect(Mountpoint.default.id == 0)
        #expect(Mountpoint.default.name == "")
    }

    @Test func `a name keeps its mountpoint, and the mountpoint its name`() {
        let first = Mountpoint.intern("mountpoint tests, first")
        let second = Mountpoint.intern("mountpoint tests, second")
        #expect(first != second)
        #expect(Mountpoint.intern("mountpoint tests, first") == first)
        #expect(second.name == "mountpoint tests, second")
    }

    @Test func `names that only look alike are different mountpoints`() {
        #expect(Mountpoint.intern("caf\u{E9}") != Mountpoint.intern("cafe\u{301}"))
    }

    @Test func `a session handle is eight bytes and gives back its parts`() {
        let handle = SessionHandle(loop: 254, slot: 60_000_000, generation: 1_043_210_000)
        #expect(MemoryLayout<SessionHandle>.size == 8)
        #expect((handle.loop, handle.slot, handle.generation) == (254, 60_000_000, 1_043_210_000))
        #expect(SessionHandle(bits: handle.bits) == handle)
    }

    @Test func `subscription options are read as on the wire`() {
        let subscription = target(1, options: 0b10_1101)
        #expect(subscription.qos == 1)
        #expect(subscription.isNoLocal)
        #expect(subscription.isRetainAsPublished)
        #expect(!target(1, options: 0b11_0010).isNoLocal)
        #expect(!target(1, options: 0b11_0010).isRetainAsPublished)
    }
}
