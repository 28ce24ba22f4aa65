import ArgumentParser
import BrokerConfig
import Glibc

/// Where the configuration comes from: options shared by all commands that read it.
struct ConfigSource: ParsableArguments {
    @Option(name: [.long, .short], help: "The configuration file.")
    var config = "etc/vernemq.conf"

    @Option(
        name: .long,
        help: ArgumentHelp("Set one value, stronger than file and environment.", valueName: "key=value"))
    var set: [String] = []

    /// The settings of `--set`.
    func overrides() throws -> [(key: String, value: String)] {
        try set.map { text in
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw ValidationError("--set \(text): expected key=value, as in --set allow_anonymous=on")
            }
            return (
                String(text[..<equals].trimming()), String(text[text.index(after: equals)...].trimming())
            )
        }
    }

    /// What a broker starts with, or a message that lists all that is wrong.
    func load() throws -> ConfigReport {
        let report = report()
        guard report.canStart else { throw refused(report) }
        return report
    }

    /// What is in force, for commands that start nothing: they may use a configuration that a broker must not run with.
    func read() throws -> EffectiveConfig {
        let report = report()
        guard report.isWellFormed else { throw refused(report) }
        return report.config
    }

    private func report() -> ConfigReport {
        EffectiveConfig.report(
            path: config, overrides: parsedOverrides(), environment: Environment.variables)
    }

    private func refused(_ report: ConfigReport) -> ExitCode {
        Console.error((report.noteLines([.warning]) + ["\(report.errors)"]).joined(separator: "\n"))
        return ExitCode(1)
    }

    private func parsedOverrides() -> [(key: String, value: String)] {
        do {
            return try overrides()
        } catch {
            Console.error("\(error)")
            _exit(2)
        }
    }
}

/// The process's environment. Read once, here.
enum Environment {
    static var variables: [String: String] {
        var result: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let line = unsafe String(cString: text)
            if let equals = line.firstIndex(of: "=") {
                result[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
            unsafe entry += 1
        }
        return result
    }
}

/// What a person at the terminal reads.
enum Console {
    static func error(_ text: String) {
        let line = Array((text.hasSuffix("\n") ? text : text + "\n").utf8)
        _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

extension Substring {
    fileprivate func trimming() -> Substring {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
