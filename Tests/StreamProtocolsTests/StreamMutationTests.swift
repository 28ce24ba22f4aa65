import Primitives
import StreamProtocols
import TestSupport
import Testing

/// Changes bytes at random. What `script/fuzz` does a million times, a few thousand times.
@Suite struct StreamMutationTests {
    private static func mutate(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...generator.below(3) where !bytes.isEmpty {
            let place = generator.below(bytes.count)
            switch generator.below(5) {
            case 0: bytes[place] = UInt8(generator.below(256))
            case 1: bytes[place] ^= 1 << UInt8(generator.below(8))
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(bytes[generator.below(bytes.count)], at: place)
            default: bytes.insert([0x0D, 0x0A, 0x20, 0x3A, 0][generator.below(5)], at: place)
            }
        }
        return bytes
    }

    @Test(arguments: 0..<4)
    func `a PROXY header means the same at every length at which it means anything`(_ seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let samples = [
            Array("PROXY TCP4 192.0.2.7 198.51.100.1 51234 1883\r\n".utf8),
            Array("PROXY TCP6 2001:db8::7 ::ffff:192.0.2.7 1 65535\r\n".utf8),
            Array("PROXY UNKNOWN x\r\n".utf8),
            ProxyBytes(extensions: [ProxyBytes.tls([ProxyBytes.tlv(0x22, "n")]), ProxyBytes.tlv(4, "")])
                .bytes,
        ]
        var headerCount = 0
        for _ in 0..<200 {
            let bytes = Self.mutate(samples[generator.below(samples.count)], &generator)
            let whole = proxyParse(bytes)
            if case .header = whole { headerCount += 1 }
            for count in bytes.indices {
                let parse = proxyParse(Array(bytes[..<count]))
                try #require(parse == .incomplete || parse == whole, "\(bytes) at \(count)")
            }
        }
        #expect(5...180 ~= headerCount)
    }

    @Test(arguments: 0..<4)
    func `a request means the same however it comes`(_ seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        var settings = WebSocketUpgradeSettings()
        settings.maximumHeaderValueByteCount = 60
        settings.commonNameHeader = "x-ssl-client-cn"
        var upgradeCount = 0
        for _ in 0..<200 {
            let sample = UpgradeRequest().adding("X-SSL-Client-CN: a", "X-Forwarded-For: ::1, ::2").bytes
            let bytes = Self.mutate(sample, &generator)
            let whole = parseUpgrade(bytes, settings)
            if whole.request != nil { upgradeCount += 1 }
            var upgrade = WebSocketUpgrade()
            var parse = WebSocketUpgradeParse.incomplete
            var count = 0
            while parse == .incomplete, count < bytes.count {
                count = min(bytes.count, count + 1 + generator.below(30))
                parse = upgrade.parse(Array(bytes[..<count]).span.bytes, settings)
            }
            try #require(parse == whole, "\(bytes) at \(count)")
        }
        #expect(10...180 ~= upgradeCount)
    }
}
