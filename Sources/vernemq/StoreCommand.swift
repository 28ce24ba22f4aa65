import Admin
import ArgumentParser
import BrokerConfig
import BrokerCore
import Glibc
import Primitives
import Storage

/// `vernemq store …`: looks after the message store while no broker runs.
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Check and repair the message store. The broker must not run.",
        subcommands: [Check.self, Repair.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read every row and say what is wrong; exit status 1 when something is.")

        @OptionGroup var source: ConfigSource

        func run() throws {
            let settings = StoreSettings(try source.read())
            let findings = try StoreCommand.attempt { () throws(StoreError) in
                try StoreInspection.check(settings, StoreCommand.progress())
            }
            StoreCommand.show(findings, settings.directory)
            guard findings.isSound else {
                print("copy the directory, then run `vernemq store repair`")
                throw ExitCode(1)
            }
            print("the store is sound")
        }
    }

    struct Repair: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Keep all that can be read and remove the rest. Copy the directory first: what is removed is gone."
        )

        @OptionGroup var source: ConfigSource

        func run() throws {
            let settings = StoreSettings(try source.read())
            let findings = try StoreCommand.attempt { () throws(StoreError) in
                try StoreInspection.repair(settings, StoreCommand.progress())
            }
            StoreCommand.show(findings, settings.directory)
            if findings.problemCount > 0 {
                print(
                    "rows removed or corrected: \(findings.problemCount), listed above; what they held is lost"
                )
            }
            if let failure = findings.openFailure {
                print("it could not be opened: \(failure.text)")
                print("what was in the parts that cannot be read is lost, how much is not known")
                print("old files are in \(settings.directory)/lost: delete them when the broker runs well")
            } else if findings.isSound {
                print("nothing had to be removed")
            }
        }
    }

    /// Says on standard error how far it has come and how fast: in one line on a terminal, else in a line a second.
    private static func progress() -> StoreInspection.Progress {
        let clock = SystemClock()
        let began = clock.now
        let output = HumanOutput(
            isTerminal: isatty(STDERR_FILENO) == 1,
            now: { .nanoseconds(Int64(clamping: clock.now.nanoseconds(since: began))) },
            sink: { bytes in
                unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) } >= 0
            })
        return { rows in output.progress("rows read", done: rows, total: nil) }
    }

    private static func attempt(
        _ work: () throws(StoreError) -> StoreInspection.Findings
    ) throws -> StoreInspection.Findings {
        do throws(StoreError) {
            return try work()
        } catch {
            Console.error("vernemq: \(error)")
            throw ExitCode(1)
        }
    }

    private static func show(_ findings: StoreInspection.Findings, _ directory: String) {
        print("store in \(directory)")
        for kind in StoredKind.allCases { print("  \(kind.label): \(findings.counts[kind.rawValue])") }
        if findings.leftovers > 0 { print("  left over from sessions that ended: \(findings.leftovers)") }
        for problem in findings.problems { print("  wrong: \(problem)") }
        let more = findings.problemCount - findings.problems.count
        if more > 0 { print("  … and \(more) more") }
    }
}
