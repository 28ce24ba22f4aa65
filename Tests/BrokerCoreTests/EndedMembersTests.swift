import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

private func handle(_ number: Int) -> SessionHandle {
    SessionHandle(loop: 0, slot: UInt32(number), generation: 1)
}

private func subscriptions(_ filters: some Sequence<UTF8Text>) -> [Subscription] {
    filters.map {
        Subscription(filter: $0, options: SubscriptionOptions(qos: .atLeastOnce), identifier: 0)
    }
}

@Suite struct EndedMembersTests {
    @Test func `a session's shared groups are remembered, its other subscriptions are not`() {
        var ended = EndedMembers()
        ended.note(handle(1), subscriptions(["a/b", "$share/g/a/b", "$share/h/#"]), .default)
        ended.note(handle(2), subscriptions(["a/b"]), .default)
        let group = SharedGroupMembers(shareName: "g", filter: Array("a/b".utf8), mountpoint: .default)
        let stranger = SharedGroupMembers(shareName: "g", filter: Array("a/c".utf8), mountpoint: .default)
        let elsewhere = SharedGroupMembers(
            shareName: "g", filter: Array("a/b".utf8), mountpoint: .intern("ended elsewhere"))
        #expect(ended.groups(of: handle(1))?.count == 2)
        #expect(ended.groups(of: handle(1))?.contains(group.identity) == true)
        #expect(ended.groups(of: handle(1))?.contains(stranger.identity) == false)
        #expect(ended.groups(of: handle(1))?.contains(elsewhere.identity) == false)
        #expect(ended.groups(of: handle(2)) == nil)
    }

    @Test func `the oldest are forgotten first`() {
        var ended = EndedMembers()
        let one = subscriptions(["$share/g/t"])
        for number in 0..<EndedMembers.sessionLimit + 10 { ended.note(handle(number), one, .default) }
        #expect(ended.count == EndedMembers.sessionLimit)
        #expect(ended.groups(of: handle(9)) == nil)
        #expect(ended.groups(of: handle(10)) != nil)
    }

    /// 180 clients with 10,000 long filters each once took 2 GB.
    @Test func `memory follows neither the number nor the length of the filters`() {
        var ended = EndedMembers()
        let long = String(repeating: "x", count: 1000)
        let many = subscriptions(
            (0..<EndedMembers.groupLimitOfSession + 100).map { UTF8Text("$share/g/\($0)/\(long)") })
        for number in 0..<40 { ended.note(handle(number), many, .default) }
        #expect(ended.byteCount < 4 << 20)
        #expect(ended.count == EndedMembers.groupLimit / EndedMembers.groupLimitOfSession)
        #expect(ended.groups(of: handle(39))?.count == EndedMembers.groupLimitOfSession)
        #expect(ended.groups(of: handle(0)) == nil)
    }
}
