package import Admin
import BrokerConfig
import BrokerCore

/// Starts, stops and ends listeners that are not MQTT's: pages and the HTTP API.
package protocol PageListeners: Sendable {
    /// As `listener show` shows them.
    var rows: [ListenerRow] { get }
    /// Stops accepting.
    ///
    /// - Parameter closing: whether its connections end too.
    /// - Returns: false when none has this address.
    func suspend(_ host: String, _ port: Int, closing: Bool) -> Bool
    /// Accepts again what `suspend` has stopped.
    ///
    /// - Returns: false when none has this address.
    /// - Throws: when it cannot, with the reason.
    func resume(_ host: String, _ port: Int) throws(AdminFailure) -> Bool
    /// Ends a listener and its connections.
    ///
    /// - Returns: false when none has this address.
    func delete(_ host: String, _ port: Int) -> Bool
}

/// The flags of `listener start` as what they stand for: a listener in the configuration. So each means what its setting
/// means there, has the same default, and is refused for the same reason, as long as this build does not have it.
struct ListenerFlags {
    private let invocation: Invocation
    let kind: ListenerKind
    /// The name in the configuration: one that no listener there has.
    private let name: String
    private let values: [(key: String, value: String)]
    /// Which flag a key comes from.
    private let flagByKey: [String: String]
    /// Flags that count for nothing, and why.
    let remarks: [String]

    /// - Throws: when flags contradict each other, or the kind does not have one of them.
    init(_ invocation: Invocation, _ config: EffectiveConfig) throws(AdminFailure) {
        let (isTLS, isWeb, isSocket) = (
            invocation.isOn("ssl"), invocation.isOn("http"), invocation.isOn("websocket")
        )
        guard !isWeb || !isSocket else {
            throw AdminFailure(
                .usage, "Invalid flag: \"websocket\"\n--http and --websocket cannot be combined.")
        }
        let kind: ListenerKind =
            isWeb ? isTLS ? .https : .http : isSocket ? isTLS ? .wss : .ws : isTLS ? .ssl : .tcp
        let set = config.setValues
        var name = "started"
        while set.contains(where: { $0.key == "listener.\(kind).\(name)" }) { name += "-" }
        var values: [(key: String, value: String)] = []
        var flagByKey = ["listener.\(kind).\(name)": Self.kindFlags[kind] ?? "address"]
        var remarks: [String] = []
        for item in invocation.flags where !Self.kindFlags.values.contains(item.name) && item.name != "http" {
            guard let flag = invocation.command.flags.first(where: { $0.name == item.name }) else { continue }
            guard isTLS || !Self.tlsFlags.contains(flag.name) else {
                remarks.append("--\(flag.name) counts only with --ssl.")
                continue
            }
            let table = SettingsTable.shared
            let key: String
            if table.setting(pattern: "listener.\(kind).$name.\(flag.name)") != nil {
                key = "listener.\(kind).\(name).\(flag.name)"
            } else if table.setting(pattern: "listener.\(kind).\(flag.name)") != nil {
                key = "listener.\(kind).\(flag.name)"
            } else {
                throw AdminFailure(
                    .usage,
                    "Invalid flag: \"\(flag.name)\"\nA listener of kind \(kind) has nothing that it sets.")
            }
            values.append((key, Self.text(of: item, flag)))
            flagByKey[key] = flag.name
        }
        self.invocation = invocation
        self.kind = kind
        self.name = name
        self.values = values
        self.flagByKey = flagByKey
        self.remarks = remarks
    }

    /// The flags that say which kind is meant.
    private static let kindFlags: [ListenerKind: String] = [
        .ssl: "ssl", .ws: "websocket", .wss: "websocket", .https: "ssl", .http: "http",
    ]

    private static let tlsFlags: Set = [
        "tls_handshake_timeout", "cafile", "certfile", "keyfile", "keypasswd", "crlfile", "tls_version",
        "ciphers",
        "eccs", "require_certificate", "use_identity_as_username", "psk_support", "pskfile",
    ]

    private static func text(of item: Invocation.Item, _ flag: Flag) -> String {
        if flag.value == .never || flag.type == .boolean {
            return item.value.map { $0 == "true" || $0 == "on" } ?? true ? "on" : "off"
        }
        return item.value ?? ""
    }

    /// The listener as the configuration would have it.
    ///
    /// - Parameter address: as it is written there.
    /// - Returns: the configuration with this listener in it, and the listener.
    /// - Throws: what is wrong, and what this build does not have.
    func settings(at address: String, in config: EffectiveConfig) throws(AdminFailure) -> (
        listener: ListenerSettings, config: EffectiveConfig
    ) {
        guard kind.isImplemented else {
            throw Self.failure("\(Self.description(of: kind)) is no part of this build")
        }
        let own = "listener.\(kind).\(name)"
        let replaced = Set(values.map(\.key))
        let kept = config.setValues.filter { !replaced.contains($0.key) }
        let report = EffectiveConfig.report(path: nil, overrides: kept + [(own, address)] + values)
        for error in report.errors.errors {
            if case .needsSetting(let why, _) = error.problem, error.key.hasPrefix(own + ".") {
                throw Self.failure("--\(error.key.dropFirst(own.count + 1)): \(why)")
            }
            guard let flag = flagByKey[error.key] else { continue }
            switch error.problem {
            case .addressTaken, .nobodyCanConnect: continue  // Whether it is free shows when it is taken.
            // The configuration knows which plugins are on in it; who starts the listener asks which are enabled now.
            case .malformedValue where flag == "auth_plugins" || flag == "authz_plugins": continue
            case .notProtected(_, let feature):
                throw Self.failure("--\(flag): this build has no \(feature) for \(kind)")
            default:
                let text = error.description.replacing("--set: \(error.key)", with: "--\(flag)")
                throw AdminFailure(.usage, "Invalid value: \"\(error.value)\" for flag: \(flag)\n\(text)")
            }
        }
        let found = report.config.listeners().first { $0.kind == kind && $0.name == name }
        guard var listener = found else { throw Self.failure("\(address) is no address for \(kind)") }
        if kind == .https, let tls = listener.tls, tls.certificateFile.isEmpty || tls.keyFile.isEmpty {
            throw Self.failure("--ssl needs --certfile and --keyfile")
        }
        listener.name = address
        return (listener, report.config)
    }

    static func failure(_ reason: String) -> AdminFailure {
        AdminFailure(.failed, "can't start listener due to '\(reason)'")
    }

    private static func description(of kind: ListenerKind) -> String {
        switch kind {
        case .ssl: "--ssl: MQTT over TLS"
        case .ws: "--websocket: MQTT over WebSocket"
        case .wss: "--websocket --ssl: MQTT over WebSocket and TLS"
        default: "a listener of kind \(kind)"
        }
    }
}
