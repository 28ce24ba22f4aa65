package import Admin
import BrokerConfig
import BrokerCore
import BrokerLog
import BrokerMetrics
import Listeners
import MQTTCodec
import Primitives
import Transport

extension Control {
    /// `completion …`, for who asks over HTTP: `vmq-admin` prints its scripts itself.
    static var completionHandlers: [String: Handler] {
        func handler(_ shell: String) -> Handler {
            { _, _, output in output.text(ShellCompletion.script(shell) ?? "") }
        }
        return ["bash", "zsh", "fish"].reduce(into: [:]) { $0["completion \($1)"] = handler($1) }
    }

    /// `allow_anonymous=on` and `allow_anonymous=off`, where `allow_anonymous=` was written.
    private func settingValues(_ written: String) -> [String] {
        let name = String(written.prefix { $0 != "=" })
        guard let key = ConfKey(name), let setting = SettingsTable.shared.setting(for: key) else { return [] }
        let words: [String]
        switch setting.type {
        case .flag: words = ["on", "off"]
        case .choice(let choices): words = choices
        case .integer(_, let others), .directory(let others), .byteSize(let others), .duration(let others),
            .expiry(let others):
            words = others
        default: words = []
        }
        return words.map { "\(name)=\($0)" }
    }

    /// Values that a shell may complete with, in order.
    ///
    /// - Parameter prefix: what has been written of the value.
    package func values(of source: ValueSource, beginning prefix: String) throws -> [String] {
        let limit = 200
        func matching(_ names: some Sequence<String>) -> [String] {
            // What a client or a topic is called reaches somebody's terminal.
            Array(names.filter { $0.hasPrefix(prefix) && !$0.hasControlCharacters }.sorted().prefix(limit))
        }
        switch source {
        case .clients:
            var found: [String] = []
            var looked = 0
            try runtime.walk(SessionQuestion()) { row in
                looked += 1
                let name = "\(row.session.subscriber.clientID)"
                if name.hasPrefix(prefix) { found.append(name) }
                // Somebody waits at a keyboard.
                return found.count < limit && looked < 20_000
            }
            return matching(found)
        case .listeners:
            return matching(
                Set(
                    runtime.runningListeners.map {
                        $0.address.isUnix ? "\($0.address)" : $0.address.address.ipText
                    } + pageListeners.rows.map(\.address)))
        case .ports:
            return matching(
                Set(
                    runtime.runningListeners.filter { !$0.address.isUnix }.map { "\($0.address.port)" }
                        + pageListeners.rows.map { "\($0.port)" }))
        case .settings:
            return matching(SettingsTable.shared.settings.filter { !$0.isPattern }.map(\.pattern))
        case .plugins: return matching(runtime.broker.registeredHooks.map(\.name))
        case .topics:
            var found: [String] = []
            var position = 0
            var messages: ContiguousArray<ApplicationMessage> = []
            _ = runtime.broker.retained.list(from: &position, visits: 10_000, into: &messages)
            for message in messages { found.append(String(bytes: message.topic)) }
            return matching(found)
        case .loggers: return matching((logOutput?.places ?? []).map(\.logger))
        case .keys: return matching(keys.list(nil).map(\.name))
        case .settingValues: return matching(settingValues(prefix))
        case .metrics:
            return matching(registry.catalog.families.map(\.name))
        }
    }
}

extension String {
    fileprivate var hasControlCharacters: Bool {
        unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
    }
}
