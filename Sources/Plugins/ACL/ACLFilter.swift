import MQTTCodec
import Primitives

/// What the linter and the parser ask about a filter.
enum ACLFilter {
    /// - Returns: nil = it is no topic filter.
    static func levelCount(of filter: UTF8Text) -> Int? {
        guard !filter.isEmpty, filter.count <= Int(UInt16.max) else { return nil }
        var bytes = filter.bytes
        // A rule may have a wildcard for the group of shared subscriptions, where a subscription may not.
        if bytes[0] == UInt8(ascii: "$") { bytes[0] = UInt8(ascii: "_") }
        return try? unsafe TopicFilter.validate(bytes.span.bytes)
    }

    static func levels(of filter: UTF8Text) -> [[UInt8]] {
        filter.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Array.init)
    }
}
