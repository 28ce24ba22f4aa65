import MQTTCodec
import Primitives
import TestSupport

/// Takes an input as a topic name and as a topic filter, and holds the rules of the codec, made for speed, against the
/// same rules written for reading.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: count).bytes
    let text = bytes.copied()

    let name = ExpectedTopic.nameLevels(text)
    let nameFound = levels(in: text) { span throws(MalformedPacket) in try TopicName.validate(span) }
    require(nameFound == name, "topic name \(text) has \(shown(name)) levels, not \(shown(nameFound))")

    let filter = ExpectedTopic.filterLevels(text)
    let filterFound = levels(in: text) { span throws(MalformedPacket) in try TopicFilter.validate(span) }
    require(
        filterFound == filter, "topic filter \(text) has \(shown(filter)) levels, not \(shown(filterFound))")

    let shared = SharedFilter(UTF8Text(bytes: text))
    if filter != nil {
        let parts = ExpectedTopic.sharedParts(text)
        require(
            shared?.shareName.bytes == parts?.group && shared?.filter.bytes == parts?.filter,
            "shared filter \(text) is taken apart as \(String(describing: parts)), not \(String(describing: shared))"
        )
    }
    return 0
}

@_cdecl("LLVMFuzzerInitialize")
public func initializeFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
    let written = [
        "$share/g/a/+/#", "$share/g/", "$share//a", "$share", "$shared/g", "$SYS/#", "+/a/+", "a+/b", "#/a",
        "/", "//",
        "a/ä/€/𐍈/b", "\u{FFFF}", "\u{7FF}\u{800}\u{10FFFF}", "0123456789/abcdef+", "0123456/#", "a\0b",
    ]
    let packets = wireFixtures.flatMap { row -> [[UInt8]] in
        guard case .packet(let packet) = row.expected else { return [] }
        switch packet {
        case .subscribe(let packet): return packet.filters.map(\.filter.bytes)
        case .publish(let packet): return [packet.topic.bytes]
        default: return []
        }
    }
    Corpus.writeIfAsked(written.map { Array($0.utf8) } + packets)
    return 0
}

/// nil: refused.
private func levels(
    in text: [UInt8], _ validate: (RawSpan) throws(MalformedPacket) -> Int
) -> Int? {
    do {
        return try validate(text.span.bytes)
    } catch {
        require((0...text.count).contains(error.offset), "\(error) lies in \(text)")
        return nil
    }
}

private func shown(_ levels: Int?) -> String { levels.map(String.init) ?? "no" }
