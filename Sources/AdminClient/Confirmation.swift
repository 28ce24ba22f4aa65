import Admin
import Glibc

/// Asks before a command destroys something.
enum Confirmation {
    /// Whether the command destroys so much that it asks: not for one retained
    /// message, as in VerneMQ.
    static func isNeeded(_ invocation: Invocation) -> Bool {
        guard invocation.command.effect == .destroys else { return false }
        guard invocation.command.words == ["retain", "delete"] else { return true }
        return invocation.value("topic")?.utf8.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
            ?? false
    }

    /// Commands of VerneMQ, which scripts call without `--yes`, that throw clients out or lose what is counted or
    /// waits: a person at a terminal is asked, a script is not.
    static func isCourtesy(_ invocation: Invocation) -> Bool {
        switch invocation.command.name {
        case "session disconnect", "session disconnect clients", "session disconnect batch":
            invocation.has("cleanup")
        case "listener stop": invocation.has("kill_sessions")
        case "node stop", "listener delete", "metrics reset", "api-key delete", "config reset",
            "plugin disable":
            true
        default: false
        }
    }

    /// Whether somebody can be asked.
    static var canAsk: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

    /// What a script is told.
    static func refusal(_ invocation: Invocation) -> String {
        "\(invocation.command.name) destroys what cannot be brought back: add --yes to do it without being asked."
    }

    /// The question.
    static func question(_ invocation: Invocation, at endpoint: Endpoint) -> String {
        let items =
            invocation.arguments.map { shown($0, "") } + invocation.flags.map { shown($0, "--") }
        let call = ([invocation.command.name] + items).joined(separator: " ")
        let warning = isNeeded(invocation) ? "It cannot be brought back. " : ""
        return "\(invocation.command.summary): \(call)\nat \(endpoint.name). \(warning)Type yes to go on: "
    }

    private static func shown(_ item: Invocation.Item, _ dashes: String) -> String {
        let text = dashes + item.name + (item.value.map { "=" + $0 } ?? "")
        return SafeText.make(String(text.prefix(200)), isMultiline: false)
    }

    /// Asks at the terminal.
    static func isGiven(_ invocation: Invocation, at endpoint: Endpoint) -> Bool {
        StandardError.write(question(invocation, at: endpoint))
        var answer: [UInt8] = []
        var byte: UInt8 = 0
        while answer.count < 1000 {
            let count = read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            if count <= 0 {
                StandardError.write("\n")
                break
            }
            if byte == UInt8(ascii: "\n") { break }
            answer.append(byte)
        }
        return answer.filter { $0 > 0x20 }.elementsEqual("yes".utf8)
    }
}
