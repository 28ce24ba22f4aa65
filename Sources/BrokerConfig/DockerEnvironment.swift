/// Settings that a container gives as variables: `DOCKER_VERNEMQ_LOG__CONSOLE__LEVEL=debug` sets `log.console.level`.
/// docs/docker-environment.md has the rules.
struct DockerEnvironment {
    private static let prefix = "DOCKER_VERNEMQ_"
    /// Parts of names that VerneMQ's start script took for itself, to find the other nodes of a cluster.
    private static let cluster = ["DISCOVERY_NODE", "KUBERNETES", "SWARM", "COMPOSE"]

    /// Sorted by variable.
    private(set) var settings: [(variable: String, key: String, value: String)] = []
    private(set) var notes: [ConfigNote] = []
    private(set) var errors: [ConfigError] = []

    init(_ environment: [String: String]) {
        let variables = environment.filter { $0.key.hasPrefix(Self.prefix) }.sorted { $0.key < $1.key }
        for (variable, value) in variables {
            let name = String(variable.dropFirst(Self.prefix.count))
            let source = SettingSource.environment(variable: variable)
            if name.hasPrefix("USER") {
                // VerneMQ's start script wrote such users to a password file and switched that on.
                let protection = Protection.passwords
                errors.append(
                    ConfigError(
                        .notProtected(decides: protection.decides, feature: protection.feature), at: source,
                        key: variable))
            } else if Self.cluster.contains(where: name.contains) {
                notes.append(
                    ConfigNote(
                        level: .warning, source: source, key: variable,
                        text: "not implemented in this build: there are no clusters"))
            } else {
                let key = Self.withDots(name.lowercased())
                // Only the host part is given to a container.
                let isHost = key == "nodename" && !value.contains("@")
                settings.append((variable, key, isHost ? "VerneMQ@\(value)" : value))
            }
        }
    }

    /// `__` becomes a dot, a single `_` stays; of three the first two are the dot.
    private static func withDots(_ name: String) -> String {
        var output: [UInt8] = []
        var isAfterUnderscore = false
        for byte in name.utf8 {
            if byte == UInt8(ascii: "_"), isAfterUnderscore {
                output[output.count - 1] = UInt8(ascii: ".")
                isAfterUnderscore = false
            } else {
                output.append(byte)
                isAfterUnderscore = byte == UInt8(ascii: "_")
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
