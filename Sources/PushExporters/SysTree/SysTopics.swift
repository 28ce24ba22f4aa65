package import BrokerMetrics

/// One message of the `$SYS` tree.
package struct SysMessage: Sendable, Equatable {
    /// `$SYS/node/mqtt/publish/received`
    package let topic: String
    /// A number in decimal digits.
    package let payload: String
}

/// Turns a snapshot into the messages of the `$SYS` tree, as VerneMQ names them: a topic level for each word of a metric's
/// name, and the sum over all labels as the payload.
///
///     $SYS/node/mqtt/connect/received      12
///     $SYS/node/loop/turn/seconds/count    a histogram has count, sum, bucket/BOUND and bucket/inf below its name
package struct SysTopics: Sendable {
    private let text: GraphiteText
    private let prefix: String

    /// - Parameters:
    ///   - catalog: the names to publish.
    ///   - node: the node's name; what no topic name may have in it becomes `_`.
    package init(_ catalog: MetricCatalog, node: String) {
        text = GraphiteText(catalog, apiKey: "", prefix: "", node: "")
        let level = String(node.map { "+#/\0".contains($0) ? "_" : $0 })
        prefix = "$SYS/\(level)/"
    }

    /// Every message of one round, in the order of the catalogue.
    package func messages(of snapshot: Snapshot) -> [SysMessage] {
        var messages: [SysMessage] = []
        text.forEachSum(snapshot) { key, value in
            messages.append(
                SysMessage(topic: prefix + key.replacing(".", with: "/"), payload: value.decimalText))
        }
        return messages
    }
}
