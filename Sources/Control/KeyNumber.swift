import Admin

/// One of the numbers whose course the broker remembers, drawn with letters for `metrics history`.
package struct KeyNumber: Sendable {
    let name: String
    let unit: String
    /// Seconds between two values.
    let interval: Int
    /// The oldest first; nil where nothing is known.
    let values: [Float?]

    package init(name: String, unit: String, interval: Int, values: some Sequence<Float?>) {
        self.name = name
        self.unit = unit
        self.interval = interval
        self.values = Array(values)
    }

    static let columns = ["number", "unit", "now", "mean", "peak", "course"]

    var peak: Float { values.lazy.compactMap { $0 }.max() ?? 0 }

    func row(width: Int) -> [Cell] {
        let known = values.compactMap { $0 }
        let mean = known.isEmpty ? nil : known.reduce(0, +) / Float(known.count)
        func cell(_ value: Float?) -> Cell { value.map { .real($0.shortened) } ?? .text("") }
        return [
            .text(name), .text(unit), cell(values.last ?? nil), cell(mean), cell(known.max()),
            .text(line(width)),
        ]
    }

    /// One letter for each span, from empty to full; a dot where nothing is known.
    func line(_ width: Int) -> String {
        let letters = Array("▁▂▃▄▅▆▇█")
        let top = peak
        return String(
            spans(width).map { value in
                guard let value else { return "·" }
                guard top > 0, value > 0 else { return letters[0] }
                return letters[min(7, Int(value / top * 7.999))]
            })
    }

    /// A picture of `height` lines, the peak at the top.
    func chart(width: Int, height: Int, minutes: Int) -> String {
        let spans = spans(width)
        let top = peak
        let letters = Array(" ▁▂▃▄▅▆▇█")
        var lines = ["\(name)\(unit.isEmpty ? "" : " in \(unit)")"]
        for row in stride(from: height - 1, through: 0, by: -1) {
            let label = row == height - 1 ? "\(top.shortened)" : row == 0 ? "0" : ""
            let cells = spans.map { value -> Character in
                guard let value, top > 0 else { return value == nil && row == 0 ? "·" : " " }
                let filled = Double(value / top) * Double(height) - Double(row)
                return letters[max(0, min(8, Int((filled * 8).rounded(.up))))]
            }
            lines.append(Self.right(label) + " ┤" + String(cells))
        }
        let from = "\(minutes) min ago"
        let gap = String(repeating: " ", count: max(1, width - from.count - 3))
        lines.append(Self.right("") + "  " + from + gap + "now")
        return lines.joined(separator: "\n")
    }

    private static func right(_ text: String) -> String {
        String(repeating: " ", count: max(0, 10 - text.count)) + text
    }

    /// The peak of each of `width` spans of time: a loss of one second stays in sight.
    private func spans(_ width: Int) -> [Float?] {
        guard !values.isEmpty else { return Array(repeating: nil, count: width) }
        return (0..<width).map { column in
            let from = column * values.count / width
            let to = max(from + 1, (column + 1) * values.count / width)
            return values[from..<min(to, values.count)].lazy.compactMap { $0 }.max()
        }
    }
}

extension Float {
    /// Without digits that say nothing.
    fileprivate var shortened: Double {
        let scale = abs(self) < 0.1 ? 100_000.0 : abs(self) < 100 ? 100.0 : 1.0
        return (Double(self) * scale).rounded() / scale
    }
}
