import Glibc

@testable import BrokerConfig

/// Takes an input as the text of a configuration file. Nothing traps; errors lie in the text; a configuration that is
/// accepted can be asked for every setting and printed. Opens no file: what would include one is left out.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    let syntax = ConfSyntax(reading: bytes, path: "fuzz.conf")
    checkPlaces(syntax, in: bytes)
    let settings = settings(of: syntax, asksForNearest: count % 64 == 0)
    for setting in settings {
        require(ConfKey(setting.key) != nil, "the key \(setting.key) is read again from its text")
    }
    checkLoading(settings)
    return 0
}

@_cdecl("LLVMFuzzerInitialize")
public func initializeFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
    let syntax = [
        "a = b # c\r\n", "a.b\\.c = 'd # e'", "a = '''b\nc'''\n\nd = e",
        "include conf.d/*.conf\ninclude 'a b'",
        "\u{FEFF}a = 1", "a =\nb\n= c\nä = 1", "a = '", "a = $(b)\nb = $(a)", "nodename = $(HOME)@$(HOST)",
        "listener.tcp.default = 127.0.0.1:1883\nlistener.tcp.default.max_connections = 10",
        "listener.tcp.a = [::1]:1\nlistener.tcp.b = ::1:1", "listener.tcp.a = local:/tmp/x:0",
        "allow_anonymous = on\nlistener.tcp.a = ::1:1\nplugins.vmq_acl = off\nvmq_acl.acl_file = x",
        "graphite_prefix = $(graphite_host)$(graphite_host)\ngraphite_host = $(log.console.file)",
        "nodename = $($($($(HOME))))", "nodename = 'a@b\u{0}\u{1B}[31m'",
        "http_modules = [vmq_web_ui, vmq_http_pub]",
        "leveldb.maximum_memory = 9223372036854775807GB\nretry_interval = -9223372036854775808",
        "persistent_client_expiration = 4294967295s\nleveldb.expiration.retention_time = 1f1w1d1h1m1s1ms",
    ]
    // A line for each setting: its default, or a value that many types accept.
    let settings = SettingsTable.shared.settings.map { setting in
        "\(setting.pattern.split(separator: "$").joined()) = \(setting.defaultValue ?? "10")\n"
    }
    Corpus.writeIfAsked((syntax + settings).map { Array($0.utf8) })
    return 0
}

private func checkPlaces(_ syntax: ConfSyntax, in bytes: [UInt8]) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let numbers = syntax.statements.map(\.line)
    require(numbers == Array(Set(numbers)).sorted(), "a line has one statement")
    require(numbers.allSatisfy { 1...lines.count ~= $0 }, "a statement lies in the text")
    for error in syntax.errors {
        guard case .file(_, let line) = error.source else { broken("\(error) has a line") }
        require(1...lines.count ~= line, "\(error) lies in the text")
        guard case .syntax(_, let column) = error.problem else { continue }
        require(column >= 1 && column <= bytes.count + 1, "\(error) lies in the text")
    }
}

/// At most 16. To find what an unknown key may have meant takes longer than all the rest: one input in 64 may ask.
private func settings(of syntax: ConfSyntax, asksForNearest: Bool) -> [(key: String, value: String)] {
    syntax.statements.prefix(16).compactMap { statement in
        guard case .setting(let key, let value, let isLiteral) = statement.content else { return nil }
        guard asksForNearest || SettingsTable.shared.setting(for: key) != nil else { return nil }
        if isLiteral { return (key.description, "'\(value)'") }
        return value.hasPrefix("$(<") ? nil : (key.description, value)
    }
}

private func checkLoading(_ settings: [(key: String, value: String)]) {
    let report = EffectiveConfig.report(
        path: nil, overrides: settings,
        environment: ["HOME": "/home/fuzz", "DOCKER_VERNEMQ_NODENAME": "fuzz"])
    let config = report.config
    for line in report.noteLines() + report.errors.errors.map(\.description) {
        require(!line.isEmpty, "a finding says something")
        require(line.utf8.count < 4096, "\(line.prefix(80)) is short")
        require(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }, "\(line) is one line")
    }
    require(report.canStart == (report.errors.count == 0), "a broker starts without errors alone")
    require(report.work.substitutionLookUps <= 32 * 512, "the work is bounded")
    // What is wrong has its default.
    for key in FlagKey.allCases { _ = config.flag(key) }
    for key in IntegerKey.allCases { _ = config.integer(key) }
    for key in DurationKey.allCases { _ = config.duration(key) }
    for key in ExpiryKey.allCases { _ = config.seconds(key) }
    for key in ByteSizeKey.allCases { _ = config.byteCount(key) }
    for key in StringKey.allCases {
        require(!config.string(key).utf8.contains(0), "no text holds a zero byte")
    }
    for listener in config.listeners() { checkAddress(listener.address) }
    require(!ConfigText.show(config, all: false).isEmpty, "config show says something")
}

/// What the kernel will be asked for is what was written.
private func checkAddress(_ address: AddressSetting) {
    switch address {
    case .ip(let host, let port):
        require(AddressSetting("\(address)") == address, "\(address) is read again from its text")
        require(!host.utf8.contains(0), "\(host) of port \(port) has no zero byte")
    case .unix(let path):
        require(!path.utf8.contains(0), "\(path) has no zero byte")
    }
}
