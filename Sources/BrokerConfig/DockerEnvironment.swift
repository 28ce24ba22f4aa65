/// Settings that a container gives as variables: `DOCKER_VERNEMQ_LOG__CONSOLE__LEVEL=debug` sets `log.console.level`.
struct DockerEnvironment {
    private static let prefix = "DOCKER_VERNEMQ_"
    /// Variables for the container's own start script.
    private static let excluded = ["DISCOVERY_NODE", "KUBERNETES", "SWARM", "COMPOSE"]

    /// Sorted by variable.
    private(set) var settings: [(variable: String, key: String, value: String)] = []
    private(set) var notes: [ConfigNote] = []

    init(_ environment: [String: String]) {
        let variables = environment.filter { $0.key.hasPrefix(Self.prefix) }.sorted { $0.key < $1.key }
        for (variable, value) in variables {
            let name = String(variable.dropFirst(Self.prefix.count))
            if name.hasPrefix("USER") || Self.excluded.contains(where: name.contains) {
                notes.append(
                    ConfigNote(
                        level: .warning, source: .environment(variable: variable), key: variable,
                        text: "not implemented in this build"))
                continue
            }
            let key = Self.withDots(name.lowercased())
            // Only the host part is given to a container.
            let isHost = key == "nodename" && !value.contains("@")
            settings.append((variable, key, isHost ? "VerneMQ@\(value)" : value))
        }
    }

    /// `__` becomes a dot, a single `_` stays.
    private static func withDots(_ name: String) -> String {
        var output = ""
        var rest = Substring(name)
        while let first = rest.first {
            if rest.hasPrefix("__") {
                output += "."
                rest = rest.dropFirst(2)
            } else {
                output.append(first)
                rest = rest.dropFirst()
            }
        }
        return output
    }
}
