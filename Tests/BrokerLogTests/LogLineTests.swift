import Logging
import Testing

@testable import BrokerLog

@Suite struct LogLineTests {
    private func line(
        _ message: String, _ metadata: Logger.Metadata = [:], format: LogSettings.Format = .text
    ) -> String {
        let line = LogLine(
            time: LogTime(milliseconds: 1_795_229_481_042), level: .warning, label: "test", message: message,
            facts: LogFact.sorted(metadata), format: format)
        return String(decoding: line.bytes, as: UTF8.self)
    }

    @Test func `a text line is time, level, message and facts by name`() {
        #expect(
            line(
                "listener refused a connection",
                ["reason": "max_connections", "listener": "default", "count": "3"])
                == "2026-11-21T02:51:21.042Z warning listener refused a connection count=3 listener=default"
                + " reason=max_connections\n")
    }

    @Test func `a JSON line holds the same`() {
        #expect(
            line("a \"b\"", ["listener": "default", "level": "x"], format: .json)
                == #"{"time":"2026-11-21T02:51:21.042Z","level":"warning","logger":"test","message":"a \"b\"","#
                + #""level_":"x","listener":"default"}"# + "\n")
    }

    @Test func `in JSON a number is a number, a flag a flag, and a list a list`() {
        let metadata: Logger.Metadata = [
            "a": .stringConvertible(3), "b": .stringConvertible(UInt64.max), "c": .stringConvertible(-1.5),
            "d": .stringConvertible(true), "e": .stringConvertible(Double.infinity), "f": "7",
            "g": [.stringConvertible(1), "x"],
            "h": ["k": .stringConvertible(false), "token": .stringConvertible(5)],
            "i": .stringConvertible(UInt8(200)), "j": .stringConvertible(Float.nan),
        ]
        #expect(
            line("m", metadata, format: .json).hasSuffix(
                #""a":3,"b":18446744073709551615,"c":-1.5,"d":true,"e":"inf","f":"7","g":[1,"x"],"#
                    + #""h":{"k":false,"token":"******"},"i":200,"j":"nan"}"# + "\n"))
        #expect(line("m", metadata).contains(" a=3 b=18446744073709551615 c=-1.5 d=true e=inf f=7 g=[1,x] "))
    }

    @Test(
        arguments: [
            ("plain", "plain", "plain"),
            ("", "\"\"", ""),
            ("two words", "\"two words\"", "two words"),
            ("a=b", "\"a=b\"", "a=b"),
            ("say \"hi\"", #""say \"hi\"""#, #"say \"hi\""#),
            ("back\\slash", #"back\\slash"#, #"back\\slash"#),
            ("a\nb\r\tc", #"a\nb\r\tc"#, #"a\nb\r\tc"#),
            ("\u{1B}[31mred", #"\u{1B}[31mred"#, #"\u001b[31mred"#),
            ("nul\0", #"nul\u{0}"#, #"nul\u0000"#),
            ("\u{9B}1m", #"\u{9B}1m"#, #"\u009b1m"#),
            ("\u{2028}\u{202E}x", #"\u{2028}\u{202E}x"#, #"\u2028\u202ex"#),
            ("größe ✓ 🐝", "\"größe ✓ 🐝\"", "größe ✓ 🐝"),
        ])
    func `a value cannot break out of its line`(_ value: String, _ text: String, _ json: String) {
        #expect(line("m", ["k": .string(value)]) == "2026-11-21T02:51:21.042Z warning m k=\(text)\n")
        #expect(line("m", ["k": .string(value)], format: .json).hasSuffix(",\"k\":\"\(json)\"}\n"))
    }

    @Test func `messages and names are escaped too`() {
        let text = line("a\nb", ["k y\n": "v"])
        #expect(text.hasSuffix(" a\\nb \"k y\\n\"=v\n"))
        #expect(text.count { $0 == "\n" } == 1)
    }

    @Test(arguments: [
        "password", "user_password", "PSK", "api_key", "Token", "distributed_cookie", "client_secret",
    ])
    func `a secret is not written`(_ name: String) {
        for format in [LogSettings.Format.text, .json] {
            #expect(!line("m", [name: "hunter2"], format: format).contains("hunter2"))
        }
    }

    @Test(arguments: [LogSettings.Format.text, .json])
    func `a line is never longer than a pipe takes at once`(_ format: LogSettings.Format) {
        var metadata: Logger.Metadata = [:]
        for index in 0..<100 { metadata["key\(index)"] = .string(String(repeating: "ü\n", count: 2000)) }
        let text = line(String(repeating: "🐝", count: 5000), metadata, format: format)
        #expect(text.utf8.count <= LogLine.maximumByteCount)
        #expect(text.utf8.count > 2000)
        #expect(text.contains("…"))
        #expect(text.contains("omitted"))
        #expect(text.hasSuffix("\n"))
        if format == .json { #expect(text.hasSuffix("}\n")) }
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_735_689_599_001, "2024-12-31T23:59:59.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (10_413_792_000_000, "2300-01-01T00:00:00.000Z"),
            (.min, "0001-01-01T00:00:00.000Z"),
            (.max, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func `time is UTC with milliseconds`(_ milliseconds: Int64, _ text: String) {
        #expect(LogTime(milliseconds: milliseconds).description == text)
    }
}
