import Admin
import BrokerConfig
import BrokerCore
import Listeners
import Primitives

/// `plugin …`, `acl …`, `auth …`.
extension Control {
    static var pluginHandlers: [String: Handler] {
        [
            "plugin show": { try $0.pluginShow($1, $2) },
            "plugin enable": { try $0.changePlugin($1, $2, "enable") },
            "plugin disable": { try $0.changePlugin($1, $2, "disable") },
            "acl check": { try $0.checkACL($1, $2) },
            "auth failures show": { try $0.showAuthFailures($1, $2) },
            "auth failures clear": { try $0.clearAuthFailures($1, $2) },
        ]
    }

    private func changePlugin(_ invocation: Invocation, _ output: any AdminOutput, _ verb: String) throws {
        if let name = invocation.value("name") {
            guard invocation.value("path") == nil else {
                throw AdminFailure(
                    .failed,
                    "Can't \(verb) plugin: \(name) due to this build loads no plugins of other makers (--path)"
                )
            }
            do throws(PluginRefusal) {
                guard let plugins else { throw PluginRefusal("plugin_not_found") }
                if verb == "enable" { try plugins.enable(name) } else { try plugins.disable(name) }
            } catch {
                throw AdminFailure(.failed, "Can't \(verb) plugin: \(name) due to \(error.reason)")
            }
            return output.text("Done")
        }
        guard let module = invocation.value("module"), let function = invocation.value("function") else {
            throw AdminFailure(.failed, "Incomplete plugin specification")
        }
        // There are no modules of Erlang here.
        let arity = invocation.value("arity") ?? "0"
        throw AdminFailure(
            .failed, "Can't \(verb) module plugin: {\(module),\(function),\(arity)} due to plugin_not_found")
    }

    private func pluginShow(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let wanted = invocation.value("plugin")
        let wantedHook = invocation.value("hook")
        let showsCalls = invocation.has("calls")
        let isInternal = invocation.has("internal")
        var columns = ["Plugin", "Type", "Hook(s)", "M:F/A"]
        if showsCalls {
            columns += [
                "Order", "Calls", "Next", "Allowed", "Refused", "Remembered", "Errors", "Waiting", "Mean ms",
                "Slowest ms",
                "Entries", "Bad lines", "Jobs",
            ]
        }
        var rows: [[Cell]] = []
        for (index, plugin) in (plugins?.plugins ?? []).enumerated()
        where wanted == nil || plugin.name == wanted {
            let hooks = plugin.hooks.filter { wantedHook == nil || $0.point.name == wantedHook }
            // VerneMQ lists a plugin without hooks too.
            guard !hooks.isEmpty || wantedHook == nil else { continue }
            func lines(_ text: ((point: HookPoint, reading: HookReading)) -> String) -> Cell {
                .text(hooks.map { text($0) + "\n" }.joined())
            }
            var names = hooks.map { ($0.point.name, "\(plugin.name):\($0.point.name)/\($0.point.arity)") }
            if isInternal, wantedHook == nil, !names.isEmpty {
                names.insert(("change_config", "\(plugin.name):change_config/1"), at: 0)
            }
            var cells: [Cell] = [
                .text(plugin.name), .text("application"), .text(names.map { $0.0 + "\n" }.joined()),
                .text(names.map { $0.1 + "\n" }.joined()),
            ]
            if showsCalls {
                cells += [
                    .integer(index + 1), lines { "\($0.reading.calls)" }, lines { "\($0.reading[.next])" },
                    lines { "\($0.reading[.allowed] + $0.reading[.changed])" },
                    lines { "\($0.reading[.refused])" },
                    lines { "\($0.reading[.remembered])" },
                    lines { "\($0.reading[.timedOut] + $0.reading[.invalid])" },
                    lines { "\($0.reading.outstanding)" },
                    lines {
                        $0.reading.answers == 0
                            ? "" : Self.milliseconds($0.reading.nanoseconds / $0.reading.answers)
                    },
                    lines { $0.reading.answers == 0 ? "" : Self.milliseconds($0.reading.slowest) },
                    plugin.entries.map { .integer($0) } ?? .text(""),
                    plugin.badLines.map { .integer($0) } ?? .text(""),
                    plugin.waiting.map { .integer($0) } ?? .text(""),
                ]
            }
            rows.append(cells)
        }
        output.table(columns, rows)
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> String {
        let tenths = (nanoseconds + 50_000) / 100_000
        return "\(tenths / 10).\(tenths % 10)"
    }

    // MARK: Access control

    private func checkACL(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let found: ACLFindings
        do throws(PluginRefusal) {
            guard let plugins else { throw PluginRefusal("this build has no access control files") }
            found = try plugins.checkACL(invocation.argument("file"))
        } catch {
            throw AdminFailure(.failed, error.reason)
        }
        output.table(
            ["line", "level", "finding"],
            found.findings.map {
                [.integer($0.line), .text($0.isSkipped ? "error" : "warning"), .text($0.text)]
            })
        output.text(
            "\(found.path): \(found.ruleCount) rules, \(found.skippedCount) lines that count for nothing")
    }

    // MARK: Failed logins

    private func showAuthFailures(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let broker = runtime.broker
        let window = UInt64(clamping: settings.config.integer(.authFailuresWindow))
        let limit = invocation.integer("limit") ?? 100
        let rows = broker.authFailures.rows(window: window, now: broker.clock.now).filter {
            !invocation.has("banned") || $0.bannedFor != nil
        }
        output.table(
            ["kind", "name", "failures", "last_s", "banned_s"],
            rows.prefix(limit).map { row in
                [
                    .text(row.kind.rawValue), .text(row.name), .integer(row.failures), .integer(Int(row.age)),
                    row.bannedFor.map { .integer(Int($0)) } ?? .text(""),
                ]
            })
    }

    private func clearAuthFailures(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let failures = runtime.broker.authFailures
        var count = 0
        if let address = invocation.value("address") { count += failures.clear(.address, address) }
        if let user = invocation.value("user") { count += failures.clear(.user, user) }
        if invocation.value("address") == nil, invocation.value("user") == nil {
            count = failures.clear(nil, nil)
        }
        output.table(["cleared"], [[.integer(count)]])
    }
}

extension HookPoint {
    /// How many arguments VerneMQ's function for the hook takes, as its tables show it.
    fileprivate var arity: Int {
        switch self {
        case .authOnRegister: 5
        case .authOnRegisterM5: 6
        case .onAuthM5, .onRegister, .authOnSubscribe, .onSubscribe, .onUnsubscribe, .onMessageDrop: 3
        case .onRegisterM5, .authOnSubscribeM5, .onSubscribeM5, .onUnsubscribeM5: 4
        case .onClientWakeup, .onClientOffline, .onClientGone, .onSessionExpired, .onConfigChange: 1
        case .onTopicUnsubscribed: 2
        case .authOnPublish, .onPublish: 6
        case .authOnPublishM5, .onPublishM5, .onDeliver, .onDeliverM5: 7
        case .onOfflineMessage: 5
        }
    }
}
