package import Admin
package import BrokerConfig
package import BrokerCore
import Synchronization

/// The settings in force, and how they change while the broker runs. A change is checked as a whole with all other
/// settings; it applies as a whole or not at all, and is lost when the broker starts anew.
package final class RuntimeSettings: Sendable {
    private struct State {
        var config: EffectiveConfig
        /// Keys that were set since the start.
        var changed: Set<String> = []
        /// Who goes by settings beside the core.
        var observers: [@Sendable (EffectiveConfig) -> Void] = []
    }

    private let state: Mutex<State>
    private let started: EffectiveConfig
    private let makeSettings: @Sendable (EffectiveConfig) -> BrokerSettings

    /// - Parameter makeSettings: turns a configuration into what the core goes by.
    package init(
        _ config: EffectiveConfig, _ makeSettings: @escaping @Sendable (EffectiveConfig) -> BrokerSettings
    ) {
        started = config
        state = Mutex(State(config: config))
        self.makeSettings = makeSettings
    }

    /// The configuration in force.
    package var config: EffectiveConfig { state.withLock { $0.config } }

    /// Whether the key was set since the start.
    package func isChanged(_ key: String) -> Bool { state.withLock { $0.changed.contains(key) } }

    /// Tells `observer` the configuration after each change, in the order of the changes. For parts of the broker beside
    /// the core.
    ///
    /// - Parameter observer: called under a lock; must only post.
    package func observe(_ observer: @escaping @Sendable (EffectiveConfig) -> Void) {
        state.withLock { $0.observers.append(observer) }
    }

    /// Changes settings.
    ///
    /// - Parameter apply: gets what the core goes by from now on. It is called under a lock, so that two changes reach
    ///   the loops in their order; it must only post letters.
    /// - Throws: `AdminFailure`; nothing has changed then.
    package func set(_ pairs: [(key: String, value: String)], _ apply: (BrokerSettings) -> Void)
        throws(AdminFailure)
    {
        try check(pairs.map(\.key))
        try change(apply) { state throws(AdminFailure) in
            let changed = try state.config.changed(pairs)
            state.config = changed
            state.changed.formUnion(pairs.map(\.key))
        }
    }

    /// Goes back to what the broker was started with.
    ///
    /// - Returns: the keys that were changed.
    package func reset(_ keys: [String], _ apply: (BrokerSettings) -> Void) throws(AdminFailure) -> [String] {
        var names: [String] = []
        try change(apply) { state throws(AdminFailure) in
            names = keys.isEmpty ? state.changed.sorted() : keys.filter(state.changed.contains)
            var pairs: [(key: String, value: String)] = []
            for key in names {
                if let value = self.started.value(key) { pairs.append((key, value.text)) }
            }
            state.config = try state.config.changed(pairs)
            state.changed.subtract(names)
        }
        return names
    }

    private func change(
        _ apply: (BrokerSettings) -> Void, _ body: (inout State) throws(AdminFailure) -> Void
    ) throws(AdminFailure) {
        let failure = state.withLock { state -> AdminFailure? in
            do throws(AdminFailure) {
                try body(&state)
                apply(makeSettings(state.config))
                for observer in state.observers { observer(state.config) }
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    private func check(_ keys: [String]) throws(AdminFailure) {
        let table = SettingsTable.shared
        var unsettable: [String] = []
        for key in keys {
            guard let parsed = ConfKey(key), let setting = table.setting(for: parsed) else {
                let nearest = ConfKey(key).map(table.nearest) ?? []
                let hint = nearest.isEmpty ? "" : "; did you mean \(nearest.joined(separator: ", "))?"
                throw AdminFailure(.usage, "Unknown variable: \(key)\(hint)")
            }
            if setting.isRuntime, !setting.changesAtOnce {
                throw AdminFailure(.usage, "\(key): this build does not have what it sets")
            }
            if !setting.changesAtOnce { unsettable.append("\"\(key)\"") }
        }
        guard unsettable.isEmpty else {
            throw AdminFailure(
                .usage,
                "The following config keys are not settable: [\(unsettable.joined(separator: ","))]; "
                    + "write them into vernemq.conf and start the broker anew")
        }
    }
}

extension EffectiveConfig {
    /// This configuration with other values for some keys, checked like a file.
    fileprivate func changed(_ pairs: [(key: String, value: String)]) throws(AdminFailure) -> EffectiveConfig
    {
        let replaced = Set(pairs.map(\.key))
        let kept = setValues.filter { !replaced.contains($0.key) }
        let report = EffectiveConfig.report(path: nil, overrides: kept + pairs)
        guard report.canStart else {
            // The values have no place in a file.
            throw AdminFailure(.failed, report.errors.description.replacing("--set: ", with: ""))
        }
        return report.config
    }
}
