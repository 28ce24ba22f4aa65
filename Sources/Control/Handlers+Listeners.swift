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

/// A listener as `listener show` shows it.
package struct ListenerRow: Sendable {
    /// `mqtt`, `mqtts`, `mqttws`, `mqttwss`, `http`, `https`, `vmq`, `vmqs`.
    package var type: String
    package var isRunning: Bool
    package var address: String
    package var port: Int
    package var mountpoint: String
    /// nil = no limit.
    package var maximumConnections: Int?
    package var activeConnections: Int
    package var allConnections: Int
    /// `mqtt 3.1, mqtt 3.1.1`; empty where it is no listener for MQTT.
    package var protocolVersions = ""
    package var allowsAnonymous: Bool?
    /// nil for a listener without TLS.
    package var tls: ListenerTLS?

    package init(
        type: String, isRunning: Bool, address: String, port: Int, mountpoint: String = "",
        maximumConnections: Int?, activeConnections: Int, allConnections: Int, tls: ListenerTLS? = nil
    ) {
        self.type = type
        self.isRunning = isRunning
        self.address = address
        self.port = port
        self.mountpoint = mountpoint
        self.maximumConnections = maximumConnections
        self.activeConnections = activeConnections
        self.allConnections = allConnections
        self.tls = tls
    }

    /// The columns that `--tls` adds.
    fileprivate var tlsCells: [Cell] {
        guard let tls else { return [Cell](repeating: .text(""), count: 8) }
        return [
            .text(tls.versions), .text(tls.certificateFile), .text(tls.authorityFile), .text(tls.keyFile),
            .boolean(tls.requiresCertificate), .boolean(tls.usesIdentityAsUserName),
            .boolean(tls.preSharedKeyFile != nil), .text(tls.preSharedKeyFile ?? ""),
        ]
    }
}

/// `listener …`.
extension Control {
    static var listenerHandlers: [String: Handler] {
        [
            "listener show": { try $0.showListeners($1, $2) },
            "listener start": { try $0.startListener($1, $2) },
            "listener stop": { try $0.stopListener($1, $2) },
            "listener restart": { try $0.restartListener($1, $2) },
            "listener delete": { try $0.deleteListener($1, $2) },
        ]
    }

    private func showListeners(_ invocation: Invocation, _ output: any AdminOutput) throws {
        var columns = [
            "type", "status", "address", "port", "mountpoint", "max_conns", "active_conns", "all_conns",
        ]
        let showsTLS = invocation.has("tls")
        let showsMQTT = invocation.has("mqtt")
        if showsTLS {
            columns += [
                "tls_version", "certfile", "cafile", "keyfile", "require_certificate",
                "use_identity_as_username",
                "psk_support", "pskfile",
            ]
        }
        if showsMQTT { columns += ["allowed_protocol_versions", "allow_anonymous_override"] }
        let rows = listenerRows
        output.table(
            columns,
            rows.map { row in
                var cells: [Cell] = [
                    .text(row.type), .text(row.isRunning ? "running" : "suspended"), .text(row.address),
                    .text("\(row.port)"), .text(row.mountpoint),
                    row.maximumConnections.map { .integer($0) } ?? .text("infinity"),
                    .integer(row.activeConnections), .integer(row.allConnections),
                ]
                if showsTLS { cells += row.tlsCells }
                if showsMQTT {
                    cells += [
                        .text(row.protocolVersions), row.allowsAnonymous.map { .boolean($0) } ?? .text(""),
                    ]
                }
                return cells
            })
    }

    /// All listeners, those of MQTT first.
    var listenerRows: [ListenerRow] {
        runtime.runningListeners.map { listener in
            var row = ListenerRow(listener)
            row.tls = mqttListeners.tls(of: listener.address)
            return row
        } + pageListeners.rows
    }

    // MARK: start

    private func startListener(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let address = try address(invocation, "start")
        let config = settings.config
        if let mountpoint = invocation.value("mountpoint"),
            mountpoint.contains("+") || mountpoint.contains("#")
        {
            throw AdminFailure(
                .usage,
                "Invalid value: \"\(mountpoint)\" for flag: mountpoint\nA mountpoint has no wildcards + and #."
            )
        }
        let flags = try ListenerFlags(invocation, config)
        for remark in flags.remarks { output.note(remark) }
        // The way in which the configuration writes it.
        let text = address.isUnix ? "\(address):0" : "\(address)"
        let started = try flags.settings(at: text, in: config)
        // A listener without the check that it was to have would let everybody in.
        let running = (plugins?.plugins ?? []).map(\.name)
        for (flag, names) in [
            ("auth_plugins", started.listener.authPlugins), ("authz_plugins", started.listener.authzPlugins),
        ] {
            guard let names else { continue }
            guard !names.isEmpty, Set(names).count == names.count, names.allSatisfy(running.contains) else {
                throw ListenerFlags.failure(
                    "--\(flag): it is a list of plugins that are enabled, each once; enabled are \(running.joined(separator: ", "))"
                )
            }
        }
        do {
            try startListener(started.listener, started.config)
        } catch let failure as AdminFailure {
            throw failure
        } catch {
            throw ListenerFlags.failure("\(error)")
        }
        output.text("Done")
    }

    // MARK: stop, restart, delete

    private func stopListener(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let address = try address(invocation, "stop")
        let closing = invocation.isOn("kill_sessions")
        guard
            runtime.suspend(address, closing: closing)
                || pageListeners.suspend(address.address.ipText, Int(address.port), closing: closing)
        else { throw unknown(address, "stop") }
        output.text("Done")
    }

    private func restartListener(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let address = try address(invocation, "restart")
        let isFound: Bool
        do throws(TransportError) {
            isFound = try runtime.resume(address)
        } catch {
            throw AdminFailure(.failed, "can't restart listener due to '\(error)'")
        }
        guard try isFound || pageListeners.resume(address.address.ipText, Int(address.port)) else {
            throw unknown(address, "restart")
        }
        output.text("Done")
    }

    private func deleteListener(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let address = try address(invocation, "delete")
        guard runtime.delete(address) || pageListeners.delete(address.address.ipText, Int(address.port))
        else {
            throw unknown(address, "delete")
        }
        mqttListeners.forget(address)
        output.text("Done")
    }

    private func unknown(_ address: ListenAddress, _ verb: String) -> AdminFailure {
        let pages = pageListeners.rows.map { "\($0.address):\($0.port)" }
        let known = (runtime.runningListeners.map { "\($0.address)" } + pages).joined(separator: ", ")
        return AdminFailure(
            .failed,
            "can't \(verb) listener due to 'not_found': no listener at \(address); there are \(known)")
    }

    private func address(_ invocation: Invocation, _ verb: String) throws -> ListenAddress {
        let host = invocation.argument("address") ?? ""
        let port = invocation.argument("port") ?? "0"
        guard let number = Int(port), (0...65_535).contains(number) else {
            throw AdminFailure(.usage, "Invalid value: \"\(port)\"; a port is a number from 0 to 65535")
        }
        do throws(TransportError) {
            return try ListenAddress(
                parsing: host.contains(":") && !host.hasPrefix("local:")
                    ? "[\(host)]:\(port)" : "\(host):\(port)")
        } catch {
            throw AdminFailure(.usage, "can't \(verb) listener due to '\(error)'")
        }
    }
}

extension ListenerRow {
    fileprivate init(_ listener: RunningListener) {
        let counts = listener.state.counts
        let path = listener.address.address.path
        self.init(
            type: listener.facts.kind.rawValue, isRunning: !listener.isSuspended,
            address: path.map { "{local,\"\($0)\"}" } ?? listener.address.address.ipText,
            port: Int(listener.address.port), mountpoint: "\(listener.facts.mountpoint.name)",
            maximumConnections: listener.state.maxConnections == .max ? nil : listener.state.maxConnections,
            activeConnections: counts.active, allConnections: counts.active)
        let names: [UInt8: String] = [
            3: "mqtt 3.1", 4: "mqtt 3.1.1", 5: "mqtt 5", 131: "mqtt 3.1 (bridge)", 132: "mqtt 3.1.1 (bridge)",
        ]
        protocolVersions = listener.facts.allowedProtocolVersions.compactMap { names[$0] }.joined(
            separator: ", ")
        allowsAnonymous = listener.facts.allowsAnonymous
    }
}
