import Testing

@testable import Admin

@Suite struct ManualPagesTests {
    @Test func `there are three pages, and vmq-admin's has every command`() {
        let pages = ManualPages.all(.vmqAdmin)
        #expect(pages.map(\.fileName) == ["vmq-admin.1", "vmq-passwd.1", "vernemq.8"])
        for command in CommandTable.vmqAdmin.commands {
            #expect(pages[0].roff().contains(".SS \"\(ManualPage.escaped(command.name))\""))
        }
    }

    @Test func `text is text for roff`() {
        #expect(ManualPage.escaped(".a\\b-c'd") == "\\&.a\\eb\\-c\\(aqd")
        for page in ManualPages.all(.vmqAdmin) {
            for line in page.roff().split(separator: "\n") where line.hasPrefix("'") || line.hasPrefix(".") {
                #expect(
                    ["TH", "SH", "SS", "PP", "TP", "nf", "fi", "RS", "RE", "\\\""].contains(
                        line.dropFirst().prefix(2)))
            }
        }
    }
}
