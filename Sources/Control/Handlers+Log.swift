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
        let config = settings.config
        let level = logOutput.map { "\($0.level)" } ?? config.string(.logConsoleLevel)
        var rows: [[Cell]] = []
        if logOutput?.writesToConsole != false {
            rows.append([.text("console"), .text(level), .text("standard_io"), .text("-")])
        }
        if let file = logOutput?.file {
            rows.append([.text("consolefile"), .text(level), .text("file"), .text(file)])
        }
        if config.flag(.logError) {
            rows.append([
                .text("default"), .text("error"), .text("file"), .text(config.string(.logErrorFile)),
            ])
        }
        output.table(["logger", "level", "type", "file"], rows)
    }

    private func logLevel(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let logger = invocation.argument("logger") ?? ""
        let name = invocation.argument("level") ?? ""
        guard logger == "console" || logger == "consolefile" else {
            throw AdminFailure(
                .usage,
                "there is no logger \"\(logger)\" whose level can change: console and consolefile have one level together, and the file of errors takes errors alone"
            )
        }
        guard let level = name == "all" ? .trace : LogSettings.level(named: name) else {
            throw AdminFailure(
                .usage,
                "Invalid value: \"\(name)\"; a level is one of all, debug, info, notice, warning, error, critical, alert, emergency"
            )
        }
        logOutput?.level = level
        output.text("Done")
    }
}
