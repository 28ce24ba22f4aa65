import Testing

@testable import Admin

@Suite struct AdminCommandsTests {
    private static let commands = CommandTable.vmqAdmin.commands

    @Test func `no two commands have the same words`() {
        #expect(Set(Self.commands.map(\.name)).count == Self.commands.count)
    }

    @Test func `every command and group has a line of help`() {
        for command in Self.commands {
            #expect(!command.summary.isEmpty && !command.summary.hasSuffix("."), "\(command.name)")
            #expect(!command.examples.isEmpty, "\(command.name)")
            for count in 1...command.words.count {
                #expect(CommandTable.vmqAdmin.summary(of: command.words[..<count]) != nil, "\(command.name)")
            }
            for help in command.flags.map(\.help) + command.arguments.map(\.help) {
                #expect(help.hasSuffix("."), "\(command.name): \(help)")
            }
        }
    }

    @Test func `flags are unique, do not hide those of every command, and have defaults that they accept`() {
        let global = Set((GlobalOptions.flags + GlobalOptions.connectionFlags).map(\.name))
        for command in Self.commands {
            let names = command.flags.map(\.name)
            #expect(Set(names).count == names.count, "\(command.name)")
            #expect(global.isDisjoint(with: names), "\(command.name)")
            let letters = command.flags.compactMap(\.short)
            #expect(Set(letters).count == letters.count && !letters.contains("h"), "\(command.name)")
            let keys = command.arguments.map(\.name)
            #expect(Set(keys).count == keys.count, "\(command.name)")
            for flag in command.flags {
                if let standard = flag.defaultValue { #expect(flag.type.accepts(standard), "\(flag.name)") }
                #expect(flag.value == .never || !flag.valueName.isEmpty, "\(command.name) \(flag.name)")
            }
        }
    }

    @Test func `examples are command lines`() throws {
        let parser = CommandLineParser(.vmqAdmin)
        for command in Self.commands {
            for example in command.examples {
                let parsed = try parser.parse(example.split(separator: " ").map(String.init))
                guard case .invocation(let given, _) = parsed else { throw AdminFailure(example) }
                #expect(given.command.name == command.name, "\(example)")
            }
        }
    }

    @Test func `what cannot be brought back asks`() {
        let destroying = Self.commands.filter { $0.effect == .destroys }.map(\.name)
        #expect(destroying == ["session delete", "queue purge", "retain delete"])
    }
}
