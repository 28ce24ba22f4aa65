extension EffectiveConfig {
    /// Reads a configuration and checks all of it.
    ///
    /// From weak to strong: defaults, the file (a later line wins), `DOCKER_VERNEMQ_*` variables, `overrides`.
    ///
    /// - Parameters:
    ///   - path: the file; `nil` for none.
    ///   - overrides: keys and values of `--set`; a later one wins.
    ///   - environment: all variables, also for `$(NAME)` in values.
    /// - Complexity: O(n log n) for n bytes of text, within the bounds of `ConfigLimits`.
    package static func report(
        path: String?, overrides: [(key: String, value: String)] = [], environment: [String: String] = [:]
    ) -> ConfigReport {
        var loader = ConfigLoader(environment: environment)
        if let path { loader.readFile(path) }
        loader.readEnvironment()
        loader.readOverrides(overrides)
        return loader.finish()
    }

    /// What a broker starts with, from the places of `report(path:overrides:environment:)`.
    ///
    /// - Throws: everything that is wrong, not only the first thing.
    package static func load(
        path: String?, overrides: [(key: String, value: String)] = [], environment: [String: String] = [:]
    ) throws(ConfigErrors) -> (EffectiveConfig, [ConfigNote]) {
        let report = report(path: path, overrides: overrides, environment: environment)
        guard report.canStart else { throw report.errors }
        return (report.config, report.notes)
    }
}
