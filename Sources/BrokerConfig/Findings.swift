/// What was found in a configuration, each thing once and no more of them than anybody reads: a file of a million
/// mistakes must not become a million messages.
struct Findings<Item: Hashable & Sendable>: Sendable {
    /// Of those that are kept.
    private(set) var items: [Item] = []
    /// How many more there were.
    private(set) var omitted = 0
    private var seen: Set<Item> = []
    private let limit: Int

    /// - Parameter limit: items that are kept: more than are shown, so that these can be the first in the order of the
    ///   files.
    init(limit: Int = 1000) {
        self.limit = limit
    }

    var isEmpty: Bool { items.isEmpty }

    /// Nothing more is kept, only counted.
    var isFull: Bool { items.count >= limit }

    /// Counts something that was not even looked at closely.
    mutating func omitOne() { omitted += 1 }

    mutating func append(_ item: Item) {
        guard !isFull else {
            if !seen.contains(item) { omitted += 1 }
            return
        }
        if seen.insert(item).inserted { items.append(item) }
    }

    mutating func append(_ others: Findings) {
        for item in others.items { append(item) }
        omitted += others.omitted
    }
}
