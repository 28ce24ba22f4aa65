package import Primitives

/// Topic aliases a client has set for its own PUBLISH packets. Live as long as the connection [MQTT-3.3.2-7].
package struct IncomingTopicAliases {
    private var topics: ContiguousArray<UTF8Text?>

    /// - Parameter maximum: the Topic Alias Maximum we announced.
    package init(maximum: UInt16) {
        topics = ContiguousArray(repeating: nil, count: Int(maximum))
    }

    package var maximum: Int { topics.count }

    /// - Parameter alias: 1…maximum, which the caller has checked.
    package mutating func set(_ alias: UInt16, to topic: UTF8Text) {
        guard alias >= 1, Int(alias) <= topics.count else { return }
        topics[Int(alias) - 1] = topic
    }

    package func topic(for alias: UInt16) -> UTF8Text? {
        guard alias >= 1, Int(alias) <= topics.count else { return nil }
        return topics[Int(alias) - 1]
    }
}

/// Topic aliases we use towards one client: at most as many as it allows; the least recently used gives way.
///
/// An intrusive list over flat arrays, most recently used first, so a use costs one look-up and a relink.
package struct OutgoingTopicAliases {
    private var aliasByTopic: [UTF8Text: Int32] = [:]
    private var topics: ContiguousArray<UTF8Text> = []
    private var newer: ContiguousArray<Int32> = []
    private var older: ContiguousArray<Int32> = []
    private var newest: Int32 = -1
    private var oldest: Int32 = -1
    private let maximum: Int

    package init(maximum: UInt16) {
        self.maximum = Int(maximum)
    }

    /// The alias for `topic`, and whether the client knows it already (the topic may then be left out).
    package mutating func use(_ topic: RawSpan) -> (alias: UInt16, isKnown: Bool) {
        let text = UTF8Text(copying: topic)
        if let index = aliasByTopic[text] {
            unlink(index)
            linkNewest(index)
            return (UInt16(index + 1), true)
        }
        let index: Int32
        if topics.count < maximum {
            index = Int32(topics.count)
            topics.append(text)
            newer.append(-1)
            older.append(-1)
        } else {
            index = oldest
            unlink(index)
            aliasByTopic[topics[Int(index)]] = nil
            topics[Int(index)] = text
        }
        aliasByTopic[text] = index
        linkNewest(index)
        return (UInt16(index + 1), false)
    }

    private mutating func unlink(_ index: Int32) {
        let before = newer[Int(index)]
        let after = older[Int(index)]
        if before >= 0 { older[Int(before)] = after } else { newest = after }
        if after >= 0 { newer[Int(after)] = before } else { oldest = before }
    }

    private mutating func linkNewest(_ index: Int32) {
        newer[Int(index)] = -1
        older[Int(index)] = newest
        if newest >= 0 { newer[Int(newest)] = index } else { oldest = index }
        newest = index
    }
}
