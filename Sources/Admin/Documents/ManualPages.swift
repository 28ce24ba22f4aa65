/// The pages of the manual: vmq-admin(1), vmq-passwd(1), vernemq(8).
package enum ManualPages {
    /// All three.
    package static func all(_ table: CommandTable) -> [ManualPage] { [vmqAdmin(table), vmqPasswd, vernemq] }

    /// vmq-admin(1), with every command of the table.
    package static func vmqAdmin(_ table: CommandTable) -> ManualPage {
        ManualPage(
            "vmq-admin", 1, "look after a running VerneMQ broker",
            [
                .init(
                    "SYNOPSIS",
                    [.lines(["vmq-admin [connection options] command [key=value ...] [--flag[=value] ...]"])]),
                .init(
                    "DESCRIPTION",
                    [
                        .paragraph(
                            "Sends a command to a broker and shows what it says. Without connection options the "
                                + "broker is looked for on this machine, by its Unix socket."),
                        .paragraph(
                            "A flag with a value is written --flag=value or --flag value, its short form -f value "
                                + "or -fvalue. Arguments and flags may come in any order behind the command."),
                    ]),
                .init("CONNECTION OPTIONS", terms(GlobalOptions.connectionFlags)),
                .init("OPTIONS OF EVERY COMMAND", terms(GlobalOptions.flags)),
                .init("COMMANDS", table.commands.flatMap(blocks)),
                .init(
                    "ENVIRONMENT",
                    [
                        .term("VERNEMQ_SOCKET", "The Unix socket of the broker, when --socket is not given."),
                        .term("VERNEMQ_CONF", "The configuration of the broker, when --config is not given."),
                    ]),
                .init(
                    "EXIT STATUS",
                    [
                        .term("0", "The command was carried out."), .term("1", "The command failed."),
                        .term("2", "The command was not understood."),
                        .term("3", "There is no broker, or it does not let you in."),
                    ]),
                .init("SEE ALSO", [.paragraph("vernemq(8), vmq-passwd(1)")]),
            ])
    }

    private static func terms(_ flags: [Flag]) -> [ManualPage.Block] {
        flags.map { .term(HelpText.term($0), HelpText.description($0)) }
    }

    private static func blocks(_ command: AdminCommand) -> [ManualPage.Block] {
        var blocks: [ManualPage.Block] = [
            .heading(command.name), .lines([HelpText.synopsis(command)]), .paragraph(command.summary + "."),
        ]
        if !command.details.isEmpty { blocks.append(.paragraph(command.details)) }
        if command.effect == .destroys {
            blocks.append(.paragraph("It asks on a terminal, and needs --yes elsewhere."))
        }
        blocks += command.arguments.map { .term($0.usage, HelpText.description($0)) }
        blocks += terms(command.flags)
        let examples = command.examples.map { "vmq-admin " + $0 }.filter { $0 != HelpText.synopsis(command) }
        if !examples.isEmpty {
            blocks += [.paragraph(examples.count == 1 ? "Example:" : "Examples:"), .lines(examples)]
        }
        return blocks
    }

    /// vmq-passwd(1)
    package static let vmqPasswd = ManualPage(
        "vmq-passwd", 1, "write the password file of VerneMQ",
        [
            .init(
                "SYNOPSIS",
                [.lines(["vmq-passwd [-c [-f] | -D] file user", "vmq-passwd -U file"])]),
            .init(
                "DESCRIPTION",
                [
                    .paragraph(
                        "Adds a user to a password file, or gives a user another password. The file holds hashes, no "
                            + "passwords. It is replaced as a whole, and keeps its owner and permissions; the broker "
                            + "reads it anew by itself."),
                    .paragraph(
                        "The password is asked for twice, and not shown, on a terminal. Elsewhere it is read from "
                            + "standard input, in two lines. A user name may not have a colon in it."),
                ]),
            .init(
                "OPTIONS",
                [
                    .term("-c", "Makes a new file. It may not exist."),
                    .term("-f", "With -c: overwrites a file that exists."),
                    .term("-D", "Deletes the user. It is no error if there is no such user."),
                    .term(
                        "-U",
                        "Replaces the passwords of a file of user:password lines by their hashes. Do it once only: it "
                            + "takes hashes for passwords."),
                ]),
            .init(
                "EXIT STATUS",
                [.term("0", "The file is written."), .term("1", "It is not: standard error says why.")]),
            .init("SEE ALSO", [.paragraph("vmq-admin(1), vernemq(8)")]),
        ])

    private static let configurationOptions: [ManualPage.Block] = [
        .term("-c, --config=<file>", "The configuration file. Default: etc/vernemq.conf."),
        .term(
            "--set <key=value>",
            "Sets one value, stronger than file and environment. May be given several times."),
    ]

    /// vernemq(8)
    package static let vernemq = ManualPage(
        "vernemq", 8, "an MQTT 3.1, 3.1.1 and 5.0 broker",
        [
            .init("SYNOPSIS", [.lines(["vernemq [command] [options]"])]),
            .init(
                "DESCRIPTION",
                [
                    .paragraph(
                        "The broker. It reads a configuration in VerneMQ's format, and runs until it gets SIGTERM or "
                            + "SIGINT, or vernemq stop ends it.")
                ]),
            .init(
                "COMMANDS",
                [
                    .term(
                        "start",
                        "Runs the broker in the foreground. This is what vernemq does without a command."),
                    .term("start --daemon", "Runs the broker in the background."),
                    .term("stop", "Ends the running broker, and waits until it has ended."),
                    .term("restart", "Ends the running broker and starts it again."),
                    .term("ping", "Prints pong when the broker is running."),
                    .term("console", "The same as start: the log goes to the terminal."),
                    .term("version", "Prints the version."),
                    .term(
                        "config generate",
                        "Prints a configuration with every setting in it, as a comment with its meaning."),
                    .term("config check <file>", "Says all that is wrong with a file."),
                    .term("config show [--all]", "Prints the values in force and where each came from."),
                    .term("config describe <key>", "Says what a setting means and what it accepts."),
                    .term(
                        "store check",
                        "Reads the whole message store and says what is wrong. The broker must not run."),
                    .term(
                        "store repair",
                        "Keeps all that can be read of the message store and removes the rest. The broker must not run."
                    ),
                ]),
            .init("OPTIONS", configurationOptions),
            .init(
                "EXIT STATUS",
                [.term("0", "It was done."), .term("1", "It failed: standard error says why.")]),
            .init("SEE ALSO", [.paragraph("vmq-admin(1), vmq-passwd(1)")]),
        ])
}
