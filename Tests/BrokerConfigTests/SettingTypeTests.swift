import Testing

@testable import BrokerConfig

@Suite struct SettingTypeTests {
    private static let expiry = SettingType.expiry(words: ["never"])
    private static let socket = SettingType.address(unixSocket: true)

    @Test(
        arguments: [
            (.flag, ["on", "off"]),
            (.integer(0...65535), ["0", "65535", "+5", "007"]),
            (.integer(-1...Int.max, words: ["infinity"]), ["-1", "infinity", "9000000000"]),
            (.choice(["fifo", "lifo"]), ["fifo", "lifo"]),
            (.atom, ["abc"]),
            (.nodeName, ["VerneMQ@127.0.0.1", "a@b"]),
            (expiry, ["never", "0s", "30s", "12h", "7d", "2w", "1m", "12y"]),
            (.byteSize(words: ["infinity"]), ["4096", "1KB", "1kb", "10MB", "2gb", "infinity"]),
            (.duration(words: ["off"]), ["off", "500ms", "1h30m", "1f2w3d"]),
            (.percent, ["0%", "100%", "50"]),
            (
                socket,
                [
                    "127.0.0.1:1883", "0.0.0.0:0", "::1:1883", "[::1]:1883", "fe80::1:65535",
                    "local:/run/a.sock:0",
                ]
            ),
            (.integerList([3, 4, 5]), ["3", "3,4,5", "[3, 4]"]),
            (.wordList(["a", "b"]), ["a", "[a,b]", "[]", "a , b"]),
            (.bufferSizes, ["1,2,3", "4096, 16384, 32768"]),
            (.character, [":", "ü"]),
            (
                .url,
                [
                    "", "http://a", "https://collector.example:4318/v1/metrics",
                    "http://127.0.0.1:1/a?b=c%20d",
                    "http://[::1]:4318/v1/metrics", "http://[::1]/", "http://my_host-1/",
                ]
            ),
            (
                .headers,
                [
                    "", "a=b", "Authorization=Bearer x, X-Scope-OrgID = 7", "a=", "a=b=c", "a=%2C%25",
                    "api-key=Basic%20abc",
                ]
            ),
            (.metricPrefix, ["vernemq_", "a", "_", ":", "A9:_", "\"\"", String(repeating: "a", count: 100)]),
        ] as [(SettingType, [String])])
    func `a good value is accepted`(_ type: SettingType, _ values: [String]) {
        for value in values { #expect(type.problem(with: value) == nil, "\(value)") }
    }

    @Test(
        arguments: [
            (.flag, ["yes", "true", "On", "", "1"], .notOneOf),
            (.integer(0...65535), ["-1", "65536", "70000"], .outsideRange),
            (
                .integer(0...65535), ["", "abc", "1.5", "0x10", "99999999999999999999", "1 000", "infinity"],
                .notInteger
            ),
            (.choice(["fifo"]), ["FIFO", "lilo"], .notOneOf),
            (.atom, ["", "a b"], .malformedValue),
            (.nodeName, ["VerneMQ", "@host", "a@", "a@b@c", "a @b"], .malformedValue),
            (
                expiry, ["", "never ever", "5", "d", "-1d", "1.5h", "5min", "99999999999d", "9999y"],
                .malformedValue
            ),
            (
                .byteSize(), ["", "KB", "1Kb", "1TB", "-1", "1.5MB", "infinity", "9999999999999GB"],
                .malformedValue
            ),
            (.duration(), ["", "5", "h", "1x", "off"], .malformedValue),
            (.percent, ["", "%", "101%", "-1%"], .malformedValue),
            (
                socket,
                [
                    "", "1883", "localhost:1883", "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:", "256.0.0.1:1",
                    "[127.0.0.1]:1", "::1", "[::1]", "local:/a:1", "local:a:0", "127.0.0.1:-1",
                    "127.0.0.1:1 ", "127.0.0.1\0x:1", "local:/a\0x:0",
                ], .malformedValue
            ),
            (.address(unixSocket: false), ["local:/run/a.sock:0"], .malformedValue),
            (.integerList([3, 4, 5]), ["", "6", "3,,4", "[3", "3;4", "a"], .malformedValue),
            (.wordList(["a"]), ["c", "a,", "[a"], .malformedValue),
            (.bufferSizes, ["1,2", "1,2,3,4", "0,1,2", "a,b,c"], .malformedValue),
            (.character, ["", "ab"], .malformedValue),
            (
                .url,
                [
                    "collector:4318", "ftp://a/", "http://", "http:///v1", "http://user:pw@a/", "http://a/#b",
                    "http://a:0/", "http://a:65536/", "http://a:/", "http://a b/", "http://a\n/", "HTTP://a/",
                    "http://[::1", "http://[x]/", "http://ü/", "http://?a",
                    "http://a/" + String(repeating: "x", count: 2_048),
                ], .malformedValue
            ),
            (
                .headers,
                [
                    "a", "=b", "a=b,", ",a=b", "a b=c", "a=b,,c=d", "a=%", "a=%2", "a=%zz", "a=%0D%0AX: y",
                    "a=%00", "a=%FF", "ä=b", "Content-Type=x", "host=x", "a=b\nc",
                    "Transfer-Encoding=chunked",
                ], .malformedValue
            ),
            (
                .metricPrefix,
                [
                    "", "my-ns_", "9a", "a b", "a.b", "ü", "a\n", "a\0", "{", "\"", "\"\"\"", "a\"",
                    String(repeating: "a", count: 101),
                ], .malformedValue
            ),
        ] as [(SettingType, [String], ConfigError.Problem)])
    func `a bad value is refused`(_ type: SettingType, _ values: [String], _ problem: ConfigError.Problem) {
        for value in values { #expect(type.problem(with: value) == problem, "\(value)") }
    }

    @Test(
        arguments: [
            ("1s", 1), ("1h", 3600), ("1d", 86_400), ("1w", 604_800), ("1m", 2_419_200), ("1y", 29_030_400),
        ] as [(String, UInt32)])
    func `an expiry counts its seconds as VerneMQ does`(_ text: String, _ seconds: UInt32) {
        #expect(ConfigValue.expirySeconds(text) == seconds)
    }

    @Test func `byte sizes and durations count in powers of 1024 and in milliseconds`() {
        #expect(ConfigValue.byteCount("64KB") == 65536)
        #expect(ConfigValue.byteCount("2gb") == 2 << 30)
        #expect(ConfigValue.milliseconds("1h30m5ms") == 5_400_005)
    }

    @Test func `an address prints so that it can be read again`() {
        for text in ["127.0.0.1:1883", "[::1]:1883"] {
            #expect(AddressSetting(text)?.description == text)
        }
        #expect(AddressSetting("::1:1883") == .ip(host: "::1", port: 1883))
        #expect(AddressSetting("local:/run/a:b.sock:0") == .unix(path: "/run/a:b.sock"))
    }
}
