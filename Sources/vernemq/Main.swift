import ArgumentParser
import Primitives

/// `vernemq`: arguments and wiring only.
@main
struct VerneMQ: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vernemq",
        abstract: "An MQTT 3.1, 3.1.1 and 5.0 broker that accounts for every message.",
        version: BuildVersion.text,
        subcommands: [
            StartCommand.self, StopCommand.self, RestartCommand.self, PingCommand.self, ConsoleCommand.self,
            VersionCommand.self, ConfigCommand.self, StoreCommand.self,
        ],
        defaultSubcommand: StartCommand.self)
}
