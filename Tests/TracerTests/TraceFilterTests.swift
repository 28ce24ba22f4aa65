import Primitives
import Testing
import Tracer

@Suite struct TraceFilterTests {
    @Test func `a trace of a client shows its connections on one mountpoint, or on all`() {
        let here = TraceFilter(clientID: "bob")
        let there = TraceFilter(clientID: "bob", mountpoint: "mp")
        let anywhere = TraceFilter(clientID: "bob", mountpoint: nil)
        let bob = TraceCandidate(clientID: "bob")
        let bobThere = TraceCandidate(clientID: "bob", mountpoint: "mp")
        let eve = TraceCandidate(clientID: "eve")
        #expect([here, there, anywhere].map { $0.selects(bob) } == [true, false, true])
        #expect([here, there, anywhere].map { $0.selects(bobThere) } == [false, true, true])
        #expect([here, there, anywhere].map { $0.selects(eve) } == [false, false, false])
    }

    @Test func `client ids are compared by their bytes`() {
        let filter = TraceFilter(clientID: "u\u{308}")
        #expect(!filter.selects(TraceCandidate(clientID: "\u{FC}")))
    }

    @Test func `a filter says which client it is about`() {
        #expect(TraceFilter(clientID: "bob").clientID == "bob")
        #expect(TraceFilter([.mountpoint("mp")]).clientID == nil)
        #expect(TraceFilter([]).selects(TraceCandidate(clientID: "anyone")))
    }
}
