package import BrokerConfig
package import BrokerCore
import Glibc
package import Listeners
import Primitives
import StreamProtocols
package import Transport

/// What the settings of a listener say to its sockets and to its clients.
extension ListenerFacts {
    /// What the listener gives to its clients.
    package init(_ settings: ListenerSettings) {
        self.init(
            name: settings.name,
            mountpoint: settings.mountpoint.isEmpty ? .default : .intern(UTF8Text(settings.mountpoint)),
            allowsAnonymous: settings.allowAnonymousOverride,
            allowedProtocolVersions: settings.allowedProtocolVersions.map { UInt8(clamping: $0) },
            maxConnectionLifetime: UInt64(clamping: settings.maxConnectionLifetime),
            plugins: ListenerPlugins(
                authentication: settings.authPlugins, authorization: settings.authzPlugins))
        kind = Kind(rawValue: settings.kind.shownName) ?? .mqtt
        usesIdentityAsUserName = settings.tls?.usesIdentityAsUserName ?? false
        usesProxyNameAsUserName = settings.proxy?.usesNameAsUserName ?? false
    }
}

extension ListenAddress {
    package init(_ setting: AddressSetting) throws(TransportError) {
        switch setting {
        case .ip(let host, let port): try self.init(host: host, port: port)
        case .unix(let path): try self.init(host: "local:\(path)", port: 0)
        }
    }
}

extension ListenerAccess {
    /// - Parameters:
    ///   - frameLimit: bytes of the largest frame of WebSocket.
    /// - Throws: when a file of TLS cannot be read or used.
    package init(_ settings: ListenerSettings, frameLimit: UInt64) throws(TransportError) {
        var options = ListenOptions()
        if let sizes = settings.bufferSizes, sizes.count >= 2 {
            options.sendBufferByteCount = Int32(clamping: sizes[0])
            options.receiveBufferByteCount = Int32(clamping: sizes[1])
        }
        self.init(
            policy: try StreamPolicy(settings, frameLimit: frameLimit),
            maxConnections: settings.maxConnections,
            overLimit: OverLimitAction(rawValue: settings.maxConnectionsAction) ?? .refuse,
            maxHandshakes: settings.maxHandshakes > 0 ? settings.maxHandshakes : nil,
            rate: settings.connectionRateLimit > 0
                ? ConnectionRate(
                    perSecond: settings.connectionRateLimit, burst: settings.connectionRateBurst) : nil,
            options: options)
    }
}

extension StreamPolicy {
    /// A PROXY header and a request of WebSocket have this long each, in nanoseconds, beside the time of the handshake.
    private static let patience: UInt64 = 10_000_000_000

    convenience init(_ settings: ListenerSettings, frameLimit: UInt64) throws(TransportError) {
        var proxy: Proxy?
        if let given = settings.proxy {
            var made = Proxy()
            made.trusted = NetworkList(given.trusted)
            proxy = made
        }
        var context: TLSContext?
        if let tls = settings.tls { context = try TLSContext(TLSContextSettings(tls, name: settings.name)) }
        var timeout: UInt64 = 0
        if proxy != nil { timeout += Self.patience }
        if settings.webSocket != nil { timeout += Self.patience }
        if let tls = settings.tls {
            let handshake = tls.handshakeTimeout.map { UInt64($0) * 1_000_000 }
            timeout = handshake.map { timeout + $0 } ?? .max
        }
        self.init(
            proxy: proxy, tls: context,
            webSocket: settings.webSocket.map { WebSocket($0, settings, frameLimit: frameLimit) },
            timeoutNanoseconds: timeout)
    }
}

extension NetworkList {
    init(_ setting: NetworksSetting) {
        switch setting {
        case .any: self = .any
        case .listed(let networks):
            let text = networks.map { "\($0.address)/\($0.prefix)" }.joined(separator: ",")
            // The setting was checked; what could not be read all the same is believed nothing.
            self = NetworkList(text) ?? .none
        }
    }
}

extension StreamPolicy.WebSocket {
    init(_ settings: WebSocketSettings, _ listener: ListenerSettings, frameLimit: UInt64) {
        self.init()
        maximumFrameByteCount = frameLimit
        request.maximumRequestLineByteCount = listener.maxRequestLineLength
        request.maximumHeaderValueByteCount = listener.maxHeaderValueLength
        // A line of each length that is allowed, and as much again for what else stands in a request; 1 MiB is more than any
        // client sends, and each may hold so much.
        let longest =
            min(listener.maxRequestLineLength, 1 << 18) + min(listener.maxHeaderValueLength, 1 << 18)
        request.maximumByteCount = max(request.maximumByteCount, 2 * longest)
        forwarders = settings.forwarders.map { NetworkList($0) }
        request.commonNameHeader = settings.nameHeader.map { UTF8Text($0) }
        request.allowedOrigins =
            settings.allowedOrigins.isEmpty ? nil : settings.allowedOrigins.map { UTF8Text($0) }
    }
}

extension TLSContextSettings {
    /// - Throws: when the file of pre-shared keys cannot be read.
    init(_ settings: TLSSettings, name: String) throws(TransportError) {
        self.init(name: name)
        if !settings.certificateFile.isEmpty {
            certificate = Certificate(
                file: settings.certificateFile, keyFile: settings.keyFile, ocspFile: settings.ocspFile)
        }
        keyPassword = settings.keyPassword
        hosts = settings.hosts.map {
            ($0.name, Certificate(file: $0.certificateFile, keyFile: $0.keyFile, ocspFile: $0.ocspFile))
        }
        authorityFile = settings.authorityFile
        authorityPath = settings.authorityPath
        revocationFile = settings.revocationFile
        dhFile = settings.dhFile
        ciphers = settings.ciphers
        curves = settings.curves.joined(separator: ":")
        versions = settings.versions.reduce(into: []) { versions, name in
            if let index = TLSSettings.versionNames.firstIndex(of: name) {
                versions.insert(Versions(rawValue: 1 << UInt8(index)))
            }
        }
        depth = settings.depth
        let hasAuthority = !settings.authorityFile.isEmpty || !settings.authorityPath.isEmpty
        verification =
            settings.requiresCertificate
            ? .require : settings.usesIdentityAsUserName && hasAuthority ? .request : .none
        usesKernel = settings.usesKernel
        ticketSeconds = UInt32(clamping: settings.ticketSeconds)
        if let keys = settings.preSharedKeys {
            usesPreSharedKeys = true
            pskHint = keys.hint
            preSharedKeys = try PreSharedKeyFile.read(keys.file, separator: keys.separator)
        }
    }
}

/// A file of pre-shared keys: a line for each, `identity:key`; the key is the bytes of the text. Empty lines are nothing.
enum PreSharedKeyFile {
    /// Bytes of a file that are read.
    private static let limit = 16 * 1024 * 1024

    static func read(_ path: String, separator: Character) throws(TransportError) -> [(
        identity: String, key: [UInt8]
    )] {
        func failure(_ what: String) -> TransportError {
            TransportError("read the pre-shared keys in \(path)", errorNumber: 0, advice: what)
        }
        guard let bytes = ListenerFiles.bytes(of: path, limit: limit) else {
            throw failure("there is no such file, it cannot be read, or it has more than \(limit) bytes")
        }
        let mark = Array(String(separator).utf8)
        var keys: [(identity: String, key: [UInt8])] = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            var line = line
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            guard !line.isEmpty else { continue }
            guard let border = line.firstRange(of: mark), border.lowerBound > line.startIndex,
                border.upperBound < line.endIndex,
                let identity = String(validating: line[..<border.lowerBound], as: UTF8.self)
            else { throw failure("line \(index + 1) is not identity\(separator)key") }
            keys.append((identity, Array(line[border.upperBound...])))
        }
        return keys
    }
}
