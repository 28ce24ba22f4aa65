import Testing
@testable import BrokerConfig
import Glibc
@Test func dump() {
    for s in SettingsTable.shared.settings { print("DUMP\t\(s.pattern)\t\(s.type)\t\(s.defaultValue ?? "-")\t\(s.isHidden)\t\(s.isRuntime)\t\(s.origin)") }
    let text = ConfigurationPage.render()
    let f = fopen("/work/main/docs/configuration.md", "w")!
    fputs(text, f); fclose(f)
}
