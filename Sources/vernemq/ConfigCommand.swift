import ArgumentParser
import BrokerConfig

/// `vernemq config …`: looks at the configuration without starting anything.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check, show, describe and generate the configuration.",
        subcommands: [Check.self, Show.self, Describe.self, Generate.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Say all that is wrong with a file; exit status 1 when the broker would not start with it.")

        @Argument(help: "The file to check.")
        var file: String

        func run() throws {
            let result = ConfigText.check(path: file, environment: Environment.variables)
            if result.isValid {
                print(result.text, terminator: "")
            } else {
                Console.error(result.text)
                throw ExitCode(1)
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the values in force and where each came from.")

        @OptionGroup var source: ConfigSource

        @Flag(help: "Defaults and hidden settings too.")
        var all = false

        func run() throws {
            print(ConfigText.show(try source.read(), all: all), terminator: "")
        }
    }

    struct Describe: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what a setting means and what it accepts.")

        @Argument(help: "The setting, as in vernemq.conf.")
        var key: String

        func run() throws {
            do throws(ConfigError) {
                print(try ConfigText.describe(key), terminator: "")
            } catch {
                let nearest =
                    error.nearest.isEmpty ? "" : "; did you mean \(error.nearest.joined(separator: ", "))?"
                Console.error("vernemq: \(key) is not a setting\(nearest)")
                throw ExitCode(1)
            }
        }
    }

    struct Generate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a vernemq.conf that has every setting, commented out, with what it means.")

        func run() { print(ConfigSample.render(), terminator: "") }
    }
}
