/// What one line says about how far a long command has come: how much, how fast, and how long it will still take.
struct ProgressLine {
    private let what: String
    private let began: Duration
    private let doneAtBeginning: Int

    init(_ what: String, began: Duration, done: Int) {
        self.what = what
        self.began = began
        doneAtBeginning = done
    }

    /// Whether this is about the same work.
    func isAbout(_ what: String) -> Bool { self.what == what }

    func text(done: Int, total: Int?, now: Duration) -> String {
        var text = "\(SafeText.make(what, isMultiline: false)): \(Self.grouped(done))"
        if let total {
            text += " of \(Self.grouped(total))"
            if total > 0 { text += " (\(Self.whole(Double(done) / Double(total) * 100)) %)" }
        }
        let seconds = Self.seconds(now - began)
        let sinceBeginning = Double(done) - Double(doneAtBeginning)
        guard seconds > 0, sinceBeginning > 0 else { return text }
        let rate = sinceBeginning / seconds
        text += ", \(rate >= 10 ? Self.grouped(Self.whole(rate)) : Self.oneDigit(rate)) a second"
        if let total, total > done {
            text += ", \(Self.span(Self.whole((Double(total) - Double(done)) / rate + 0.5))) left"
        }
        return text
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }

    /// Far away from what an `Int` cannot hold: the numbers may come from the other end of a connection.
    private static func whole(_ number: Double) -> Int { Int(max(-1e15, min(number, 1e15))) }

    private static func oneDigit(_ number: Double) -> String {
        let tenths = whole(number * 10)
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// `1,234,567`
    private static func grouped(_ number: Int) -> String {
        var text = ""
        let digits = String(number.magnitude)
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return number < 0 ? "-" + text : text
    }

    private static func span(_ seconds: Int) -> String {
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
    }
}
