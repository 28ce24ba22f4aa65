import Testing

@testable import Admin

@Suite struct CommandDocumentationTests {
    @Test func `the page has every command, argument and flag`() {
        let page = CommandDocumentation(.vmqAdmin).markdown()
        for command in CommandTable.vmqAdmin.commands {
            #expect(page.contains(HelpText.synopsis(command)))
            for flag in command.flags { #expect(page.contains("`\(HelpText.term(flag))`")) }
        }
    }
}
