/// `/status/history.json`: one range of all key series.
extension KeyHistory {
    /// What `?range=` allows.
    package static let rangeProblem =
        "range must be one of \(Range.allCases.map(\.rawValue).joined(separator: ", "))"

    /// `{"range", "interval_s", "end_s", "units": {name: unit}, "series": {name: [value or null, …]}}`; the last value of
    /// each belongs to the span that begins at `end_s`. Rows before the first sample are left out.
    package func json(_ range: Range) -> [UInt8] {
        var json = JSONText()
        let all = KeySeries.all.indices.map { values(of: $0, range) }
        let first = all.compactMap { $0.firstIndex { $0 != nil } }.min() ?? 0
        json.beginObject()
        json.field("range", range.rawValue)
        json.field("interval_s", range.interval)
        if let newest = newest(range) { json.field("end_s", newest) }
        json.key("units")
        json.beginObject()
        for series in KeySeries.all { json.field(series.name, series.unit) }
        json.endObject()
        json.key("series")
        json.beginObject()
        for (series, values) in zip(KeySeries.all, all) {
            json.key(series.name)
            json.beginArray()
            for value in values.dropFirst(first) { json.short(value.map(Double.init)) }
            json.endArray()
        }
        json.endObject()
        json.endObject()
        return json.bytes
    }
}
