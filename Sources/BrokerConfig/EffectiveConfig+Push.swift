extension EffectiveConfig {
    /// The headers of requests to an OTLP receiver, decoded.
    package var otlpHeaders: [(name: String, value: String)] {
        HeaderListSetting(string(.otlpHeaders))?.headers ?? []
    }

    /// The attributes that `otlp.resource.NAME` sets, by name; a name may have dots.
    package var otlpResource: [(name: String, value: String)] {
        let prefix = ["otlp", "resource"]
        return set.values.compactMap { value in
            guard let words = ConfKey(value.key)?.words, words.starts(with: prefix) else { return nil }
            return (words.dropFirst(prefix.count).joined(separator: "."), value.text)
        }.sorted { $0.0 < $1.0 }
    }
}
