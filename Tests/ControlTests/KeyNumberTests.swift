import Admin
import Testing

@testable import Control

@Suite struct KeyNumberTests {
    private func number(_ values: [Float?]) -> KeyNumber {
        KeyNumber(name: "lost", unit: "/s", interval: 1, values: values)
    }

    @Test func `a line has a letter for each span, and a dot where nothing is known`() {
        #expect(number([nil, 0, 1, 4, 8]).line(5) == "·▁▁▄█")
        #expect(number([]).line(3) == "···")
        #expect(number([0, 0]).line(4) == "▁▁▁▁")
        #expect(number([nil, nil]).peak == 0)
    }

    @Test func `a loss of one second stays in sight however long the time`() {
        var values = [Float?](repeating: 0, count: 2880)
        values[1000] = 5
        #expect(number(values).line(48).filter { $0 == "█" }.count == 1)
    }

    @Test func `a chart has its peak at the top and says how far back it goes`() {
        let lines = number([nil, 1, 2, 0.056]).chart(width: 20, height: 4, minutes: 15)
            .split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 6 && lines[0] == "lost in /s")
        #expect(lines[1].hasPrefix("       2.0 ┤") && lines[4].hasPrefix("         0 ┤·····"))
        #expect(lines[5].contains("15 min ago") && lines[5].hasSuffix("now"))
    }

    @Test func `numbers have no digits that say nothing`() {
        let row = number([0.056, nil, 0.056]).row(width: 3)
        #expect(row[2] == .real(0.056) && row[4] == .real(0.056))
        #expect(number([1, nil]).row(width: 2)[2] == .text(""))
    }
}
