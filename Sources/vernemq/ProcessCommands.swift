import ArgumentParser
import BrokerConfig
import Glibc
import Primitives

/// `vernemq console`: runs the broker in the foreground, with its log on the terminal.
struct ConsoleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console",
        abstract: "Run the broker in the foreground with its log on the terminal, whatever log.console says.")

    @OptionGroup var source: ConfigSource

    func run() throws {
        var start = StartCommand()
        start.source = source
        try start.runBroker(.console)
    }
}

/// `vernemq stop`: ends the broker of the configuration's data folder.
struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Stop the broker that uses the configuration's data folder, and wait until it has ended.")

    @OptionGroup var source: ConfigSource

    func run() throws {
        try Self.stop(try source.read())
        print("ok")
    }

    /// Sends SIGTERM and waits; on a terminal a line a second says so.
    static func stop(_ config: EffectiveConfig) throws {
        guard let broker = try PidFile(config).find() else {
            Console.error("Node is not running!")
            Console.error("No broker runs on the data folder \(PidFile(config).absoluteFolder).")
            throw ExitCode(1)
        }
        if let complaint = broker.terminate() {
            Console.error("vernemq: cannot stop process \(broker.process): \(complaint)")
            throw ExitCode(1)
        }
        let isTerminal = isatty(STDERR_FILENO) == 1
        let step = 20
        var waited = 0
        while broker.isRunning {
            usleep(UInt32(step) * 1000)
            waited += step
            if isTerminal, waited % 1000 == 0 {
                Console.error("vernemq: process \(broker.process) is stopping, \(waited / 1000) s")
            }
        }
    }
}

/// `vernemq restart`: ends the broker and starts it anew, as a daemon.
struct RestartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Stop the broker that runs and start it anew in the background.")

    @OptionGroup var source: ConfigSource

    func run() throws {
        // What a broker would not start with is said before one is stopped.
        try StopCommand.stop(try source.load().config)
        try DaemonStart.run(source)
        print("ok")
    }
}

/// `vernemq ping`: says whether the broker runs.
struct PingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping",
        abstract: "Say pong when the broker of the configuration's data folder runs; exit status 1 when not.")

    @OptionGroup var source: ConfigSource

    func run() throws {
        let config = try source.read()
        guard try PidFile(config).find() != nil else {
            Console.error("Node '\(config.string(.nodeName))' not responding to pings.")
            Console.error("No broker runs on the data folder \(PidFile(config).absoluteFolder).")
            throw ExitCode(1)
        }
        print("pong")
    }
}

/// `vernemq version`
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() { print(BuildVersion.text) }
}

extension PidFile {
    /// The broker that runs, or `nil`; where that cannot be known the command ends with a line that says why.
    fileprivate func find() throws -> RunningBroker? {
        do throws(Failure) {
            return try broker()
        } catch {
            Console.error("vernemq: \(error.text)")
            throw ExitCode(1)
        }
    }
}
