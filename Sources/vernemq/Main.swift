import ArgumentParser

/// `vernemq`: arguments and wiring only.
@main
struct VerneMQ: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vernemq",
        abstract: "An MQTT 3.1, 3.1.1 and 5.0 broker that accounts for every message.",
        version: BuildVersion.text,
        subcommands: [StartCommand.self, ConfigCommand.self, StoreCommand.self],
        defaultSubcommand: StartCommand.self)
}

/// What this build calls itself, on `--version`, `/status` and `/metrics`.
enum BuildVersion {
    static let text = "0.1.0"
}
