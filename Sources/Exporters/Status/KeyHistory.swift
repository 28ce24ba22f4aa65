/// The course of the key series, in three resolutions of fixed size: 1 s for a quarter of an hour, 10 s for six hours, 1 min
/// for two days. 27 series take about 640 KB.
///
///     second 1764478399 ─► tier 1 s   row 1764478399 mod 900
///                      ├─► tier 10 s  row  176447839 mod 2160   mean or peak of what came in these ten seconds
///                      └─► tier 1 min row   29407973 mod 2880
///
/// Rows are found by the wall clock, so that they fit together again after a restart; seconds without a sample are gaps.
package struct KeyHistory: Equatable, Sendable {
    /// What can be asked for.
    package enum Range: String, CaseIterable, Sendable {
        case quarterHour = "15m"
        case sixHours = "6h"
        case twoDays = "48h"

        /// Seconds between two values.
        package var interval: Int64 {
            switch self {
            case .quarterHour: 1
            case .sixHours: 10
            case .twoDays: 60
            }
        }

        /// How many values are kept.
        package var length: Int {
            switch self {
            case .quarterHour: 900
            case .sixHours: 2160
            case .twoDays: 2880
            }
        }

        /// The finest that reaches so far back.
        package static func reaching(minutes: Int) -> Range {
            minutes <= 15 ? .quarterHour : minutes <= 360 ? .sixHours : .twoDays
        }
    }

    var tiers = Range.allCases.map { HistoryTier(interval: $0.interval, length: $0.length) }

    package init() {}

    /// Adds a sample.
    ///
    /// - Parameters:
    ///   - values: in the order of `KeySeries.all`; nil where nothing is known.
    ///   - second: since 1970. When the clock was set back, what lies after it is forgotten.
    package mutating func add(_ values: [Float?], at second: Int64) {
        guard second >= 0, values.count == KeySeries.all.count else { return }
        for index in tiers.indices { tiers[index].add(values, at: second) }
    }

    /// The values of a series, the oldest first, gaps as nil. They end with the newest row of all series.
    package func values(of series: Int, _ range: Range) -> [Float?] { tier(range).values(of: series) }

    /// The second with which the newest row begins; nil when there is none.
    package func newest(_ range: Range) -> Int64? {
        let tier = tier(range)
        return tier.newest.map { $0 * tier.interval }
    }

    func tier(_ range: Range) -> HistoryTier { tiers[Range.allCases.firstIndex(of: range) ?? 0] }
}

/// One resolution of the history: a ring of rows, each with a value of every series.
struct HistoryTier: Equatable, Sendable {
    let interval: Int64
    let length: Int
    /// The number of the newest row: its time divided by the interval.
    var newest: Int64?
    /// Row after row; NaN where nothing is known.
    var rows: ContiguousArray<Float>
    /// How many samples went into the newest row, by series.
    private var counts: ContiguousArray<Float>

    private static let width = KeySeries.all.count

    init(interval: Int64, length: Int) {
        self.interval = interval
        self.length = length
        rows = ContiguousArray(repeating: .nan, count: length * Self.width)
        counts = ContiguousArray(repeating: 0, count: Self.width)
    }

    /// NaN is not equal to itself, so gaps are compared by their bits.
    static func == (left: HistoryTier, right: HistoryTier) -> Bool {
        left.interval == right.interval && left.newest == right.newest
            && left.rows.elementsEqual(right.rows) { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
    }

    mutating func add(_ values: [Float?], at second: Int64) {
        advance(to: second / interval)
        let base = start(second / interval)
        for (series, value) in values.enumerated() {
            guard let value, value.isFinite else { continue }
            let before = rows[base + series]
            if before.isNaN {
                rows[base + series] = value
                counts[series] = 1
            } else if KeySeries.all[series].merge == .peak {
                rows[base + series] = max(before, value)
            } else {
                counts[series] += 1
                rows[base + series] = before + (value - before) / counts[series]
            }
        }
    }

    private mutating func advance(to row: Int64) {
        guard let newest else {
            self.newest = row
            return
        }
        guard row != newest else { return }
        // What is skipped going forward is a gap. What lies after a clock that was set back never was.
        let (first, last) = row > newest ? (newest + 1, row) : (row + 1, newest)
        for gap in max(first, last - Int64(length) + 1)...last { clear(gap) }
        if newest - row >= Int64(length) { clear(row) }
        self.newest = row
        for series in counts.indices { counts[series] = rows[start(row) + series].isNaN ? 0 : 1 }
    }

    private mutating func clear(_ row: Int64) {
        let base = start(row)
        for index in base..<base + Self.width { rows[index] = .nan }
    }

    func start(_ row: Int64) -> Int { Int(row % Int64(length)) * Self.width }

    func values(of series: Int) -> [Float?] {
        guard let newest, series < Self.width else { return [] }
        let oldest = max(0, newest - Int64(length) + 1)
        var values: [Float?] = []
        values.reserveCapacity(length)
        for row in oldest...newest {
            let value = rows[start(row) + series]
            values.append(value.isNaN ? nil : value)
        }
        return values
    }

    /// Takes the rows of a file.
    mutating func restore(newest: Int64?, rows: ContiguousArray<Float>) {
        self.newest = newest
        self.rows = rows
        guard let newest else { return }
        for series in counts.indices { counts[series] = rows[start(newest) + series].isNaN ? 0 : 1 }
    }
}
