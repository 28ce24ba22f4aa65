package import BrokerMetrics

/// Writes a reading in all forms, reads them back and compares: what `vmq-admin metrics check` shows of `/metrics`.
package enum ExpositionLint {
    /// What one form is.
    package struct Finding: Sendable {
        /// As in `metrics_scrapes_total`.
        package let form: String
        package let byteCount: Int
        /// Samples that were read back.
        package let sampleCount: Int
        /// Sentences; at most 20, and then how many there are.
        package let problems: [String]
    }

    /// Reads bytes of a form.
    package static func read(_ bytes: [UInt8], as format: ExpositionFormat) -> ReadExposition {
        switch format {
        case .text: TextReading.read(bytes, isOpenMetrics: false)
        case .openMetrics: TextReading.read(bytes, isOpenMetrics: true)
        case .protobuf: ProtobufReading.read(bytes)
        }
    }

    /// Checks each form by itself and that all have the same series with the same numbers.
    package static func check(_ exposition: Exposition, _ snapshot: Snapshot) -> [Finding] {
        var first: ReadExposition?
        return ExpositionFormat.allCases.map { format in
            var bytes: [UInt8] = []
            exposition.render(snapshot, as: format, into: &bytes)
            var reading = read(bytes, as: format)
            if let first {
                differences(first, &reading)
            } else {
                first = reading
            }
            var problems = reading.problems
            if reading.problemCount > problems.count {
                problems.append("and \(reading.problemCount - problems.count) more")
            }
            return Finding(
                form: format.label, byteCount: bytes.count, sampleCount: reading.samples.count,
                problems: problems)
        }
    }

    private static func differences(_ text: ReadExposition, _ other: inout ReadExposition) {
        let samples = other.samples
        for (series, value) in text.samples {
            guard let found = samples[series] else {
                other.complain("\(series) is missing, which the text format has")
                continue
            }
            if found != value { other.complain("\(series) is \(found), in the text format \(value)") }
        }
        for series in samples.keys where text.samples[series] == nil {
            other.complain("\(series) is not in the text format")
        }
    }
}
