import Admin
import Glibc
import Primitives

/// `vmq-admin`, from its words to its exit status:
///
///     words → ConnectionOptions → CommandLineParser → help, version, completion   no broker is needed
///                                        └→ Confirmation → SocketSearch → BrokerCommand
package struct AdminProgram {
    private let environment: [String: String]
    private let table = CommandTable.vmqAdmin
    private var standardError: StandardError { StandardError(environment) }

    /// - Parameter environment: all variables.
    package init(environment: [String: String]) { self.environment = environment }

    /// - Parameter words: those behind `vmq-admin`.
    /// - Returns: the exit status.
    package func run(_ words: [String]) -> Int32 {
        if words.first == "__complete" {
            let rest = words.dropFirst()
            return say(
                CompletionAnswer(environment: environment).lines(
                    Array(rest.first == "--" ? rest.dropFirst() : rest)))
        }
        do throws(AdminFailure) {
            var options = ConnectionOptions()
            let rest = try options.take(from: words)
            switch try CommandLineParser(table).parse(rest) {
            case .version: return say("vmq-admin \(BuildVersion.text)\n")
            case .help(let words):
                let text = Self.help(words, table)
                return say(Terminal.current(environment).isColored ? TextColor.paintHelp(text) : text)
            case .invocation(let invocation, let globals):
                for warning in globals.warnings { standardError.line("Warning: \(warning)", .yellow) }
                if invocation.command.words.first == "completion" {
                    return say(invocation.command.words.last.flatMap(ShellCompletion.script) ?? "")
                }
                try options.fill(from: environment)
                return try carryOut(invocation, globals, options)
            }
        } catch {
            return refuse(error, words)
        }
    }

    private func carryOut(_ invocation: Invocation, _ globals: GlobalOptions, _ options: ConnectionOptions)
        throws(AdminFailure) -> Int32
    {
        try Self.check(watch: options.watch, invocation.command)
        let isCourtesy = Confirmation.isCourtesy(invocation) && Confirmation.canAsk
        let asks = (Confirmation.isNeeded(invocation) || isCourtesy) && !globals.isConfirmed
        if asks, !Confirmation.canAsk {
            standardError.line(Confirmation.refusal(invocation), .red)
            return ExitStatus.usage
        }
        let endpoint: Endpoint
        var nodeName: String?
        if let url = options.url {
            endpoint = try Endpoint(url: url, key: options.key)
        } else {
            let found = SocketSearch.find(options, in: .system(environment))
            nodeName = found.nodeName
            guard let socket = found.socket else {
                complain(Self.notFound(found, options), ofUnreachable: nodeName)
                return ExitStatus.noBroker
            }
            endpoint = .socket(socket)
        }
        if asks, !Confirmation.isGiven(invocation, at: endpoint) {
            standardError.line("Nothing was done.", .yellow)
            return ExitStatus.failed
        }
        var globals = globals
        if asks { globals.isConfirmed = true }
        var command = BrokerCommand(
            invocation: invocation, globals: globals, endpoint: endpoint,
            silence: options.patience.seconds(isStreaming: invocation.command.isStreaming),
            environment: environment)
        let result: BrokerCommand.Result
        if let seconds = options.watch {
            var view = LiveView(
                seconds: seconds, title: invocation.command.words.joined(separator: " "),
                environment: environment)
            result = view.run { frame in
                command.frame = frame
                return command.run()
            }
        } else {
            result = command.run()
        }
        if let complaint = result.complaint {
            if result.isUnreachable {
                complain(complaint, ofUnreachable: nodeName)
            } else {
                standardError.line(complaint, .red)
            }
        }
        return result.status
    }

    private static func check(watch: Int?, _ command: AdminCommand) throws(AdminFailure) {
        guard watch != nil else { return }
        let name = command.words.joined(separator: " ")
        guard command.effect == .reads else {
            throw AdminFailure(
                .usage, "--watch would carry out \(name) again and again: it is for what only shows.")
        }
        guard !command.isStreaming else {
            throw AdminFailure(.usage, "\(name) goes on by itself: it needs no --watch.")
        }
    }

    /// VerneMQ's line, which scripts look for, and then what is the matter.
    private func complain(_ text: String, ofUnreachable nodeName: String?) {
        standardError.line(
            "Node '\(nodeName ?? "VerneMQ@127.0.0.1")' not responding to pings.\n\(text)", .red)
    }

    /// Each place that was looked at, and why it would not do.
    static func notFound(_ result: SocketSearch.Result, _ options: ConnectionOptions) -> String {
        var lines = ["No broker answers. These places were looked at:"]
        lines += result.misses.map {
            "  \(SafeText.make($0.place, isMultiline: false)): \(describe($0.reason))"
        }
        if options.socket == nil, options.configuration == nil {
            lines.append(
                "Say where it is: --socket PATH, --config FILE, or --url URL for a broker on another machine."
            )
        }
        return lines.joined(separator: "\n")
    }

    private static func describe(_ reason: String) -> String {
        switch reason {
        case systemText(ECONNREFUSED): "\(reason): no broker listens on it"
        case systemText(EACCES): "\(reason): only the user of the broker, and root, may use it"
        default: reason
        }
    }

    /// A command line that means nothing: VerneMQ writes that where results are.
    private func refuse(_ failure: AdminFailure, _ words: [String]) -> Int32 {
        let output = StandardOutput(interrupts: nil)
        var globals = GlobalOptions()
        if words.contains("--json") || words.contains("--format=json") { globals.format = .json }
        let renderer = Rendering.renderer(
            globals, isStream: false, Terminal.current(environment), output.write)
        renderer.alert(failure.text)
        renderer.finish()
        output.endLine(always: globals.format == .json)
        return failure.kind == .failed ? ExitStatus.failed : ExitStatus.usage
    }

    /// Writes a text that is known without a broker.
    private func say(_ text: String) -> Int32 {
        let output = StandardOutput(interrupts: nil)
        _ = output.write(Array(text.utf8))
        guard case .failed(let number) = output.end else { return ExitStatus.done }
        standardError.line("Cannot write to standard output: \(systemText(number)).", .red)
        return ExitStatus.failed
    }

    static func help(_ words: [String], _ table: CommandTable) -> String {
        let text = HelpText(table).text(for: words) + "\n"
        return words.isEmpty ? text + environmentHelp : text
    }

    /// What the table of commands does not know about this program.
    private static let environmentHelp = """

          Without any of them these variables count: VERNEMQ_SOCKET, VERNEMQ_CONF, VERNEMQ_URL and
          VERNEMQ_API_KEY, which keeps the key out of the list of processes. Without those too:
          etc/vernemq.conf, ./data/admin.sock, /run/vernemq/admin.sock, /var/lib/vernemq/admin.sock,
          /etc/vernemq/vernemq.conf. CURL_CA_BUNDLE names a file of certificates to trust for https.

          -rpctimeout <Seconds|infinity> says how long the broker may be silent; 60 by default.

          Exit status: 0 done, 1 the command failed, 2 it was not understood or not confirmed,
          3 there is no broker, or none that lets you in.

        """
}
