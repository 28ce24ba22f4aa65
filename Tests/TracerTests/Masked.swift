import Testing
import Tracer

/// Compares what was written with a transcript, whatever the times in it are. The tokens are those of the transcript, for
/// where lines break depends on their length.
enum Masked {
    /// 2026-11-21T01:12:34Z.
    static let time = TraceTime(seconds: 1_795_223_554)

    static func compare(
        _ written: String, with transcript: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let (lines, expected) = (masked(written), masked(transcript))
        for (index, pair) in zip(lines, expected).enumerated() where pair.0 != pair.1 {
            Issue.record(
                "line \(index + 1)\n   is        \(pair.0)\n   should be \(pair.1)",
                sourceLocation: sourceLocation)
            return
        }
        #expect(lines.count == expected.count, sourceLocation: sourceLocation)
    }

    private static func masked(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("2026-") ? "TIME" + line.dropFirst(20) : String(line)
        }
    }
}
