import Testing

@testable import Admin

@Suite struct HelpTextTests {
    private let help = HelpText(.vmqAdmin)

    @Test func `no line is over 100 columns, at any level`() {
        var prefixes: [[String]] = [[]]
        for command in CommandTable.vmqAdmin.commands {
            for count in 1...command.words.count { prefixes.append(Array(command.words[..<count])) }
        }
        for prefix in prefixes {
            let text = help.text(for: prefix)
            #expect(text.hasPrefix("Usage: vmq-admin"))
            for line in text.split(separator: "\n") {
                #expect(line.count <= 100, "\(line)")
                #expect(line.last != " ", "\(line)")
            }
        }
    }

    @Test func `a group lists its sub-commands`() {
        #expect(
            help.text(for: ["tls"]) == """
                Usage: vmq-admin tls <sub-command>

                  The certificates of listeners

                  Sub-commands:
                    show             Shows the certificates that listeners use, and how long they are valid
                    check            Shows certificates that end soon, or are not valid yet
                    clear-pem-cache  Forgets certificates, but not those of HTTPS listeners

                  Use 'vmq-admin tls <sub-command> --help' to see more.
                """)
    }

    @Test func `what may come later stands apart from what will not`() {
        let lines = help.text(for: []).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.firstIndex(of: "  Later:").map { lines[$0 + 1].contains("bridge") } == true)
        let never = lines.filter { $0.contains("Of VerneMQ's commands") }
        #expect(never.count == 1 && !never[0].contains("bridge") && never[0].contains("webui"))
    }

    @Test func `a command has arguments, flags with defaults, sub-commands and examples`() {
        #expect(
            help.text(for: ["session", "disconnect"]) == """
                Usage: vmq-admin session disconnect client-id=<ClientId> [options]

                  Disconnects a client.

                  The answer is Done for an unknown client too; where one of this name is on another mountpoint,
                  that is said. A client of MQTT 5 is told that an administrator has ended its connection. With
                  --cleanup it asks first on a terminal, unless --yes is given. Elsewhere it does not ask, as
                  VerneMQ's does not.

                  Arguments:
                    client-id=<ClientId>            The client identifier.

                  Flags:
                    -m, --mountpoint=<Mountpoint>   The mountpoint of the client. Default: "".
                    -c, --cleanup                   Deletes the sessions too: subscriptions, waiting messages and
                                                    the queue.

                  Sub-commands:
                    clients     Disconnects several clients
                    batch       Disconnects some number of clients, whichever they are

                  Examples:
                    vmq-admin session disconnect client-id=sensor-1
                    vmq-admin session disconnect client-id=sensor-1 --cleanup

                  'vmq-admin --help' shows all commands, and the flags that every command has.
                """)
    }
}
