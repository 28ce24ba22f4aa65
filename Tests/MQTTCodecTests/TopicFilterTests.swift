import MQTTCodec
import Primitives
import Testing

@Suite struct TopicFilterTests {
    @Test(arguments: [
        ("a", 1), ("/", 2), ("a/b", 2), ("+", 1), ("#", 1), ("+/+", 2), ("a/+/b/#", 4), ("/#", 2), ("//", 3),
        ("$SYS/#", 2), ("$share/g/a", 3), ("$share/g/#", 3), ("$share/g//", 4), ("$sharp/+", 2),
        ("a/$share/+", 3),
        ("größe/+", 2),
    ])
    func `a well-formed filter has its levels`(_ filter: String, _ levels: Int) throws {
        #expect(try TopicFilter.validate(UTF8Text(filter).bytes.span.bytes) == levels)
    }

    @Test(arguments: [
        ("", MalformedPacket.Problem.filterEmpty, 0), ("a+", .filterInvalid, 1), ("a/b#", .filterInvalid, 3),
        ("#/a", .filterInvalid, 0), ("a/#/", .filterInvalid, 2), ("+a", .filterInvalid, 0),
        ("##", .filterInvalid, 0),
        ("$share", .sharedFilterInvalid, 6), ("$share/", .sharedFilterInvalid, 7),
        ("$share/g", .sharedFilterInvalid, 8),
        ("$share//a", .sharedFilterInvalid, 7), ("$share/g/", .sharedFilterInvalid, 8),
        ("$share/a+/b", .sharedFilterInvalid, 8), ("$share/g/a#", .filterInvalid, 10),
        ("a\0", .nullCharacter, 1),
    ])
    func `a bad filter is refused at its byte`(
        _ filter: String, _ problem: MalformedPacket.Problem, _ offset: Int
    ) {
        let bytes = Array(filter.utf8)
        let error = #expect(throws: MalformedPacket.self) { _ = try TopicFilter.validate(bytes.span.bytes) }
        #expect(error == MalformedPacket(problem, at: offset, in: nil))
    }

    @Test func `a shared filter is taken apart [MQTT-4.8.2-1]`() {
        #expect(SharedFilter("$share/g/a/+/#") == SharedFilter(shareName: "g", filter: "a/+/#"))
        #expect(SharedFilter("$share/größe//") == SharedFilter(shareName: "größe", filter: "/"))
        let others: [UTF8Text] = [
            "a/b", "$share", "$share/", "$share/g", "$share/g/", "$share//a", "$shared/g/a", "x/$share/g/a",
        ]
        for other in others { #expect(SharedFilter(other) == nil) }
    }
}
