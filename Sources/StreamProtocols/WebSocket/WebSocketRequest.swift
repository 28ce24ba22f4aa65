import CCrypto
package import Primitives

/// A request that opens a WebSocket [RFC 6455, 4.2.1].
package struct WebSocketRequest: Equatable, Sendable {
    /// The one to speak: the first of the client's list that is spoken here.
    package var subprotocol: UTF8Text
    /// The Host header.
    package var host: UTF8Text
    /// Where the page comes from that opens the WebSocket; nil: not a page of a browser.
    package var origin: UTF8Text?
    /// The first entry of X-Forwarded-For, which is what the client's first proxy wrote, if all proxies may
    /// be trusted; nil: there is no such header. See `ForwardedFor`.
    package var forwardedFor: UTF8Text?
    /// The value of `WebSocketUpgradeSettings.commonNameHeader`; nil: missing or empty. Never contains
    /// U+0000.
    package var commonName: UTF8Text?
    /// The value of Sec-WebSocket-Accept.
    var accept: [UInt8]

    /// The answer that opens the WebSocket.
    package func response(subprotocol: UTF8Text) -> [UInt8] {
        Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".utf8)
            + Array("Sec-WebSocket-Accept: ".utf8) + accept
            + Array("\r\nSec-WebSocket-Protocol: ".utf8) + subprotocol.bytes + Array("\r\n\r\n".utf8)
    }
}

/// What proves to the client that its request was understood [RFC 6455, 4.2.2].
enum WebSocketKey {
    private static let suffix = Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)

    /// Whether `key` is 16 bytes in base64: 22 digits and two fillers.
    static func isValid(_ key: [UInt8]) -> Bool {
        guard key.count == 24, key[22] == UInt8(ascii: "="), key[23] == UInt8(ascii: "=") else {
            return false
        }
        return key[..<22].allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                true
            default: false
            }
        }
    }

    /// SHA-1 over the key and a constant, in base64: 28 bytes. nil: the library has no memory or no SHA-1.
    static func accept(_ key: [UInt8]) -> [UInt8]? {
        let text = key + suffix
        var digest = [UInt8](repeating: 0, count: 20)
        guard unsafe EVP_Digest(text, text.count, &digest, nil, EVP_sha1(), nil) == 1 else { return nil }
        // The library ends the text by 0.
        var encoded = [UInt8](repeating: 0, count: 29)
        guard unsafe EVP_EncodeBlock(&encoded, digest, 20) == 28 else { return nil }
        encoded.removeLast()
        return encoded
    }
}

/// Addresses as proxies write them into X-Forwarded-For.
package enum ForwardedFor {
    /// Reads one entry: `192.0.2.7`, `2001:db8::7` or `[2001:db8::7]`, with a port if wanted
    /// (`192.0.2.7:1234`, `[2001:db8::7]:1234`), which says nothing here. nil for anything else, such as
    /// `unknown` or a name.
    package static func address(_ entry: UTF8Text) -> IPAddress? {
        let bytes = entry.bytes[...]
        if let address = IPAddress(bytes) { return address }
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let rest = bytes[(end + 1)...]
            guard rest.isEmpty || isPort(rest) else { return nil }
            return IPAddress.parseIPv6(bytes[1..<end])
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), isPort(bytes[colon...]) else { return nil }
        return IPAddress.parseIPv4(bytes[..<colon]).map(IPAddress.ipv4)
    }

    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.first == UInt8(ascii: ":"), 2...6 ~= text.count,
            text.dropFirst().allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
        else { return false }
        return UInt16(String(decoding: text.dropFirst(), as: UTF8.self)) != nil
    }
}
