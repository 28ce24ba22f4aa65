/// Why the metrics of the rooms do not fit together, or a room gives what it has not declared. Ends the start of the broker; the
/// text names both sides.
public struct MetricConflict: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sentence.
    public let description: String

    private init(_ description: String) { self.description = description }

    static func claimedTwice(_ name: String, by first: String, and second: String) -> MetricConflict {
        MetricConflict("metrics: \(first) and \(second) both declare the metric \(name)")
    }

    /// Two names that differ, and would be one in an exposition.
    static func clash(_ name: String, of room: String, with other: String, of second: String)
        -> MetricConflict
    {
        MetricConflict(
            "metrics: \(name) of \(room) and \(other) of \(second) have the same names on /metrics; rename one"
        )
    }

    static func badName(_ name: String, of room: String) -> MetricConflict {
        MetricConflict(
            "metrics: \(room) declares the metric \"\(name)\"; a name has lower-case letters, digits and _, and begins with a letter"
        )
    }

    static func badLabel(_ label: String, of family: String, in room: String, _ rule: String)
        -> MetricConflict
    {
        MetricConflict("metrics: \(room) declares \(family) with the label \"\(label)\": \(rule)")
    }

    static func roomTwice(_ room: String) -> MetricConflict {
        MetricConflict("metrics: two rooms are called \(room)")
    }

    static func registeredTwice(_ room: String) -> MetricConflict {
        MetricConflict("metrics: \(room) has registered its metrics already")
    }

    static func unknownRoom(_ room: String) -> MetricConflict {
        MetricConflict("metrics: \(room) is not among the rooms of the catalogue")
    }

    static func undeclaredFamily(_ family: String, of room: String) -> MetricConflict {
        MetricConflict("metrics: \(room) gives samples of \(family), which it does not declare")
    }

    static func wrongKind(_ family: String, of room: String, isHistogram: Bool) -> MetricConflict {
        MetricConflict(
            "metrics: \(room) gives \(family) \(isHistogram ? "a distribution, and it is none" : "a number, and it is a histogram")"
        )
    }

    static func undeclaredLabel(_ label: String, of family: String, in room: String, declared: [String])
        -> MetricConflict
    {
        let declares = declared.isEmpty ? "no label" : declared.joined(separator: ", ")
        return MetricConflict(
            "metrics: \(room) gives a sample of \(family) the label \(label); it declares \(declares)")
    }

    static func missingLabel(_ label: String, of family: String, in room: String) -> MetricConflict {
        MetricConflict("metrics: \(room) gives a sample of \(family) without its label \(label)")
    }

    static func undeclaredValue(
        _ value: String, of label: String, _ family: String, in room: String, allowed: [String]
    ) -> MetricConflict {
        MetricConflict(
            "metrics: \(room) gives \(family) the value \"\(value.prefix(100))\" of the label \(label); allowed are \(allowed.joined(separator: ", "))"
        )
    }
}
