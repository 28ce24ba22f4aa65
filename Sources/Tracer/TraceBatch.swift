/// What the reader of a trace gets at once.
package struct TraceBatch: Sendable {
    /// The events, oldest first, each with all its lines.
    package internal(set) var events: ContiguousArray<[UInt8]> = []
    /// Events that were dropped after these, because they did not fit in.
    package internal(set) var droppedCount: UInt64 = 0

    /// Nothing.
    package init() {}

    /// Whether there is nothing to write.
    package var isEmpty: Bool { events.isEmpty && droppedCount == 0 }

    /// All lines, and one about what was dropped.
    package func write(into output: inout [UInt8], text: TraceText, at time: TraceTime) {
        for event in events { output += event }
        if droppedCount > 0 { output += text.status(.dropped(droppedCount), at: time) }
    }
}
