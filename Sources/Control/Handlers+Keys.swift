import Admin
import BrokerConfig
import BrokerCore
import BrokerLog
import BrokerMetrics
import Glibc
import Listeners
import Logging
import MQTTCodec
import Primitives
import Synchronization
import Transport

/// `api-key …`.
extension Control {
    static var keyHandlers: [String: Handler] {
        [
            "api-key create": { try $0.createKey($1, $2) },
            "api-key add": { try $0.addKey($1, $2) },
            "api-key delete": { try $0.deleteKey($1, $2) },
            "api-key show": { try $0.showKeys($1, $2) },
        ]
    }

    private var nowSeconds: Int64 { runtime.broker.clock.wallMilliseconds / 1000 }

    private func scope(_ invocation: Invocation) throws -> APIKeys.Scope? {
        guard let text = invocation.argument("scope"), text != "all" else { return nil }
        guard let scope = APIKeys.Scope(rawValue: text) else {
            throw AdminFailure(.failed, "{error,invalid_scope}")
        }
        return scope
    }

    private func createKey(_ invocation: Invocation, _ output: any AdminOutput) throws {
        output.text(
            try keys.create(
                scope(invocation) ?? .mgmt, expiresAt: LocalTime.parse(invocation.argument("expires")),
                now: nowSeconds))
    }

    private func addKey(_ invocation: Invocation, _ output: any AdminOutput) throws {
        try keys.add(
            invocation.argument("key") ?? "", scope(invocation) ?? .mgmt,
            expiresAt: LocalTime.parse(invocation.argument("expires")), now: nowSeconds)
        output.text("ok")
    }

    private func deleteKey(_ invocation: Invocation, _ output: any AdminOutput) throws {
        try keys.delete(invocation.argument("key") ?? "", scope(invocation))
        output.text("ok")
    }

    private func showKeys(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let now = nowSeconds
        output.table(
            ["Key", "Scope", "Expires (UTC)", "has expired"],
            try keys.list(scope(invocation)).map { key in
                [
                    .text(key.name), .text(key.scope.rawValue),
                    .text(key.expiresAt.map(LocalTime.utcText) ?? "never"),
                    .boolean(key.expiresAt.map { $0 <= now } ?? false),
                ]
            })
    }
}

/// Times of keys: given in local time, shown in UTC, as VerneMQ does.
enum LocalTime {
    /// `yyyy-mm-ddThh:mm:ss` in local time; nil stays nil.
    ///
    /// - Returns: seconds since 1970 UTC.
    static func parse(_ text: String?) throws -> Int64? {
        guard let text else { return nil }
        // Each part has its place: 2030-01-31T23:59:59.
        let bytes = Array(text.utf8)
        let separators = bytes.count == 19 ? [4, 7, 10, 13, 16].map { bytes[$0] } : []
        let numbers = [(0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19)].map { start, end in
            bytes.count == 19 ? Int32(String(decoding: bytes[start..<end], as: UTF8.self)) : nil
        }.compactMap(\.self)
        let ranges = [1970...9999, 1...12, 1...31, 0...23, 0...59, 0...59] as [ClosedRange<Int32>]
        guard separators == Array("--T::".utf8), numbers.count == 6,
            zip(numbers, ranges).allSatisfy({ $1.contains($0) })
        else {
            throw AdminFailure(
                .usage, "Invalid value: \"\(text)\"; expires is a local time such as 2030-01-31T23:59:59")
        }
        var parts = tm()
        parts.tm_year = numbers[0] - 1900
        parts.tm_mon = numbers[1] - 1
        parts.tm_mday = numbers[2]
        parts.tm_hour = numbers[3]
        parts.tm_min = numbers[4]
        parts.tm_sec = numbers[5]
        parts.tm_isdst = -1
        let seconds = Int64(mktime(&parts))
        // mktime makes March of the 31st of February.
        guard parts.tm_mday == numbers[2], parts.tm_mon == numbers[1] - 1 else {
            throw AdminFailure(.usage, "Invalid value: \"\(text)\"; there is no such day")
        }
        return seconds
    }

    /// `yyyy-mm-dd hh:mm:ss`.
    static func utcText(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    }
}
