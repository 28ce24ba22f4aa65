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

/// `log …`.
extension Control {
    static var logHandlers: [String: Handler] {
        [
            "log show config": { try $0.logConfig($1, $2) },
            "log level": { try $0.logLevel($1, $2) },
        ]
    }

    private func logConfig(_ invocation: Invocation, _ output: any AdminOutput) throws {
        output.table(
            ["logger", "level", "type", "file"],
            (logOutput?.places ?? []).map { place in
                [
                    .text(place.logger), .text(place.level.map { $0 == .trace ? "all" : "\($0)" } ?? "none"),
                    .text(place.file == nil ? "standard_io" : "file"), .text(place.file ?? "-"),
                ]
            })
    }

    private func logLevel(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let logger = invocation.argument("logger") ?? ""
        let name = invocation.argument("level") ?? ""
        let level = name == "all" ? .trace : LogSettings.level(named: name)
        guard level != nil || name == "none" else {
            throw AdminFailure(
                .usage,
                "Invalid value: \"\(name)\"; a level is one of all, debug, info, notice, warning, error, critical, alert, emergency, none"
            )
        }
        guard logOutput?.set(level, of: logger) == true else {
            let loggers = (logOutput?.places ?? []).map(\.logger).joined(separator: ", ")
            throw AdminFailure(.usage, "there is no logger \"\(logger)\"; there are \(loggers)")
        }
        output.text("Done")
    }
}
