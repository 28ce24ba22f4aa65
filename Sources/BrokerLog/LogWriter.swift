import Logging
import Primitives

/// The one thread that writes the log, and reopens its files. It may wait for a disk, a terminal or a pipe; nobody waits for
/// it.
final class LogWriter: Sendable {
    /// A place for lines, and which it takes.
    struct Place: Sendable {
        let name: Name
        let sink: LogSink
        let format: LogSettings.Format
        let threshold: LogThreshold
        let written = LevelCounts()
    }

    /// As metrics call it.
    enum Name: String, CaseIterable, Sendable {
        case console, file
        case errorFile = "error_file"

        /// As VerneMQ calls it.
        var logger: String {
            switch self {
            case .console: "console"
            case .file: "consolefile"
            case .errorFile: "default"
            }
        }
    }

    let places: [Place]
    let queue: LogQueue

    init(places: [Place], queue: LogQueue) {
        self.places = places
        self.queue = queue
    }

    /// Until the queue is closed and empty.
    func run() {
        var batch: ContiguousArray<LogJob> = []
        while queue.take(into: &batch) {
            for job in batch { perform(job) }
            batch.removeAll(keepingCapacity: true)
            tellOfDropped()
        }
        tellOfDropped()
    }

    private func perform(_ job: LogJob) {
        switch job {
        case .line(let entry):
            for (index, place) in places.enumerated() where entry.places & 1 << index != 0 {
                write(entry, to: place)
            }
            queue.done(entry)
        case .reopen(let answer): answer.put(places.compactMap { $0.sink.open() })
        case .flush(let answer):
            tellOfDropped()
            answer.put(())
        }
    }

    private func write(_ entry: LogEntry, to place: Place) {
        guard place.sink.write(entry.bytes(place.format)) else { return place.sink.lose() }
        place.written.add(entry.level)
        // Told when a whole line was taken again: a full pipe may have room for this short one before that.
        let lost = place.sink.lostLines
        guard lost > 0 else { return }
        let note = line(
            "log lines were lost before the last one: nothing was taken here for a while", lost, place.format)
        if place.sink.write(note) { place.sink.lossesTold() }
    }

    private func tellOfDropped() {
        let count = queue.takeUntold()
        guard count > 0 else { return }
        let message = "log lines were dropped: more came than could be written"
        var entry = LogEntry(level: .warning)
        entry.text = line(message, count, .text)
        entry.json = line(message, count, .json)
        for place in places where !place.threshold.isClosed { write(entry, to: place) }
    }

    private func line(_ message: String, _ count: Int, _ format: LogSettings.Format) -> [UInt8] {
        LogLine(
            time: .now(), level: .warning, label: "log", message: message,
            facts: [("lines", .number(String(count)))], format: format
        ).bytes
    }
}
