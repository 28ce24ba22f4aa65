extension EffectiveConfig {
    /// What somebody set, with substitutions made: as overrides of `report(path:overrides:environment:)` they make an
    /// equal configuration.
    package var setValues: [(key: String, value: String)] {
        self.set.values.map { ($0.key, $0.text) }.sorted { $0.0 < $1.0 }
    }
}
