import Admin
import Glibc
import Primitives

/// Carries out one command: asks the broker, and draws its answer as it comes.
struct BrokerCommand {
    let invocation: Invocation
    let globals: GlobalOptions
    let endpoint: Endpoint
    /// How long the broker may be silent; nil = for ever.
    let silence: Int?
    let environment: [String: String]
    /// Where the answer goes in place of standard output.
    var frame: LiveView.Frame?

    /// What came of it.
    struct Result {
        var status: Int32
        /// For standard error.
        var complaint: String?
        /// VerneMQ's line that the node does not respond belongs before it.
        var isUnreachable = false
    }

    func run() -> Result {
        let isStreaming = invocation.command.isStreaming
        let interrupts = frame?.interrupts ?? (isStreaming ? Interrupts() : nil)
        let input = isStreaming ? InputWatch() : nil
        let output = frame?.output ?? StandardOutput(interrupts: frame == nil ? interrupts : nil)
        let renderer = Rendering.renderer(
            globals, isStream: isStreaming, Terminal.current(environment), isFrame: frame != nil,
            remarks: frame?.remark ?? { StandardError(environment).line($0, .yellow) },
            frame?.write ?? output.write)
        let answer = Answer(from: endpoint, to: renderer)
        var isEndedByUser = false

        var transfer = Transfer(
            endpoint: endpoint,
            target: RequestTarget.command(invocation, isConfirmed: globals.isConfirmed),
            isPost: invocation.command.effect != .reads, accept: Answer.contentType)
        transfer.silence = silence
        transfer.authorities = TrustedAuthorities.file(environment)
        let end = transfer.perform(
            Transfer.Handler(
                begin: answer.begin,
                take: { answer.receive($0) && !renderer.isCancelled },
                hasEnded: { answer.hasEnded },
                inputs: {
                    [interrupts?.descriptor, input?.descriptor].compactMap { $0 }
                },
                output: isStreaming ? STDOUT_FILENO : nil,
                looksForEnd: {
                    guard isStreaming || frame != nil else { return false }
                    isEndedByUser = interrupts?.isRaised == true || input?.hasEnded() == true
                    return isEndedByUser || output.hasLostReader()
                }))

        if let stopped = endedByUser(isEndedByUser, output, renderer) { return stopped }
        if frame?.isFull == true { return Result(status: ExitStatus.done) }
        let conclusion = answer.conclude(ending(end))
        if let alert = conclusion.alert { renderer.alert(alert) }
        // JSON that broke off must not look whole.
        if conclusion.isWhole || conclusion.alert != nil || globals.format == .human { renderer.finish() }
        output.endLine(always: globals.format == .json)
        if let failed = writingFailed(output) { return failed }
        return Result(
            status: conclusion.status, complaint: conclusion.complaint,
            isUnreachable: conclusion.isUnreachable)
    }

    /// The result of a command that Ctrl-C or the end of standard input has ended; nil = neither has.
    private func endedByUser(_ isEnded: Bool, _ output: StandardOutput, _ renderer: any AdminRenderer)
        -> Result?
    {
        if output.end == .interrupted { return Result(status: ExitStatus.interrupted) }
        guard isEnded else { return nil }
        guard invocation.command.words == ["trace", "client"] else {
            return Result(status: ExitStatus.interrupted)
        }
        output.beginLastWords()
        renderer.alert("Done.")
        renderer.finish()
        output.endLine(always: globals.format == .json)
        return writingFailed(output) ?? Result(status: ExitStatus.done)
    }

    private func writingFailed(_ output: StandardOutput) -> Result? {
        switch output.end {
        case nil: nil
        case .readerGone: Result(status: ExitStatus.done)
        case .interrupted: Result(status: ExitStatus.interrupted)
        case .failed(let number):
            Result(
                status: ExitStatus.failed,
                complaint: "Cannot write to standard output: \(systemText(number)).")
        }
    }

    private func ending(_ end: Transfer.End) -> Answer.Ending {
        switch end {
        case .complete, .stopped: .complete
        case .notConnected(let reason): .notConnected(reason)
        case .lost(let reason): .lost(reason)
        case .silent: .silent(seconds: silence ?? 0)
        }
    }
}

/// The renderer for a format.
enum Rendering {
    static func renderer(
        _ globals: GlobalOptions, isStream: Bool, _ terminal: Terminal, isFrame: Bool = false,
        remarks: @escaping (String) -> Void = { _ in }, _ sink: @escaping ([UInt8]) -> Bool
    ) -> any AdminRenderer {
        switch globals.format {
        case .human:
            let clock = SystemClock()
            let began = clock.now
            let output = HumanOutput(
                isTerminal: terminal.canMove && !isFrame, isColored: terminal.isColored,
                width: terminal.width,
                isFull: globals.isFull,
                now: { .nanoseconds(Int64(clamping: clock.now.nanoseconds(since: began))) },
                sink: sink)
            output.remarks = remarks
            return output
        case .json:
            let output = JSONOutput(isStream: isStream, sink: sink)
            output.remarks = remarks
            return output
        case .csv:
            let output = CSVOutput(isTerminal: terminal.isTerminal, sink: sink)
            output.remarks = remarks
            return output
        }
    }
}

/// Whom an `https` address may be certified by.
enum TrustedAuthorities {
    /// The variables that curl and OpenSSL have for a file of certificates; nil = those of the system.
    static func file(_ environment: [String: String]) -> String? {
        for name in ["CURL_CA_BUNDLE", "SSL_CERT_FILE"] {
            if let file = environment[name], !file.isEmpty { return file }
        }
        return nil
    }
}
