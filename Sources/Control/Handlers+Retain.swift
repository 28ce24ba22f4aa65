import Admin
import BrokerConfig
import BrokerCore
import BrokerLog
import BrokerMetrics
import Glibc
import Listeners
import Logging
import MQTTCodec
import Primitives
import Synchronization
import Transport

/// `retain …`.
extension Control {
    static var retainHandlers: [String: Handler] {
        [
            "retain show": { try $0.showRetained($1, $2) },
            "retain delete": { try $0.deleteRetained($1, $2) },
            "retain delete-expired": { try $0.deleteExpiredRetained($1, $2) },
        ]
    }

    /// Nodes of the tree looked at under its lock at once.
    private static let visits = 1024

    private func showRetained(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let columns = ["mountpoint", "payload", "topic"]
        let shown = columns.filter { name in invocation.flags.contains { $0.name == name && $0.value == nil }
        }
        let filters = invocation.flags.compactMap { flag -> (String, (String) -> Bool)? in
            guard columns.contains(flag.name), let value = flag.value else { return nil }
            if flag.name == "topic", value.contains("#") || value.contains("+"), !value.hasPrefix("~") {
                // No topic has a wildcard in it, so it is a filter.
                let filter = UTF8Text(value)
                return (flag.name, { TopicMatch.matches(filter, UTF8Text($0)) })
            }
            guard value.hasPrefix("~") else { return (flag.name, { $0 == value }) }
            let pattern = TextPattern(String(value.dropFirst()))
            return (flag.name, { pattern?.matches($0) ?? false })
        }
        let names = shown.isEmpty ? ["payload", "topic"] : shown
        let limit = invocation.integer("limit") ?? 100
        output.beginTable(names)
        var count = 0
        var isCut = false
        try walkRetained { message in
            isCut = count >= limit
            guard !isCut, !output.isCancelled else { return false }
            func text(_ name: String) -> String {
                switch name {
                case "topic": String(bytes: message.topic)
                case "mountpoint": "\(message.facts.mountpoint.name)"
                default: String(bytes: message.payload, SessionColumn.payloadLimit)
                }
            }
            guard filters.allSatisfy({ name, passes in passes(text(name)) }) else { return true }
            output.row(names.map { .text(text($0)) })
            count += 1
            return true
        }
        output.endTable()
        if isCut { output.note(Self.cutText(limit)) }
    }

    /// Calls `body` with each retained message; false ends the walk.
    private func walkRetained(_ body: (ApplicationMessage) throws -> Bool) throws {
        var position = 0
        var isMore = true
        while isMore {
            var found: ContiguousArray<ApplicationMessage> = []
            isMore = runtime.broker.retained.list(from: &position, visits: Self.visits, into: &found)
            for message in found where try !body(message) { return }
        }
    }

    private func deleteRetained(_ invocation: Invocation, _ output: any AdminOutput) throws {
        guard let filter = invocation.value("topic"), !filter.isEmpty else {
            throw AdminFailure(.failed, "No valid topic given.")
        }
        let mountpoint = Mountpoint.named(UTF8Text(invocation.value("mountpoint") ?? ""))
        let isFilter = filter.contains("#") || filter.contains("+")
        guard isFilter else {
            try remove([UTF8Text(filter)], mountpoint)
            return output.text("Done")
        }
        var topics: [UTF8Text] = []
        var count = 0
        var cursor = RetainedTrie<ApplicationMessage>.Cursor()
        var isMore = true
        while isMore, !output.isCancelled {
            var found: ContiguousArray<ApplicationMessage> = []
            isMore = runtime.broker.retained.match(
                Array(filter.utf8), mountpoint: mountpoint, cursor: &cursor, limit: 256, visits: Self.visits,
                into: &found)
            topics = found.map { UTF8Text(copying: $0.topic) }
            count += topics.count
            try remove(topics, mountpoint)
            if isMore { output.progress("messages", done: count, total: nil) }
        }
        output.text("\(count) messages deleted")
    }

    /// In slices, on a loop, whose store batch the removals go into.
    private func remove(_ topics: [UTF8Text], _ mountpoint: Mountpoint) throws {
        for start in stride(from: 0, to: topics.count, by: 64) {
            let slice = Array(topics[start..<min(topics.count, start + 64)])
            try runtime.ask(0) { $0.removeRetained(slice, mountpoint) }
        }
    }

    private func deleteExpiredRetained(_ invocation: Invocation, _ output: any AdminOutput) throws {
        var count = 0
        var isMore = true
        var position = 0
        while isMore, !output.isCancelled {
            let start = position
            let slice = try runtime.ask(0) { $0.removeExpiredRetained(from: start) }
            count += slice.count
            position = slice.next
            isMore = slice.isMore
        }
        output.table(["expired"], [[.integer(count)]])
    }
}
