import Primitives
import StreamProtocols
import Testing

/// Headers that haproxy 2.6 has sent, with all of its extensions for version 2.
@Suite struct ProxyCaptureTests {
    @Test func `a client with a certificate has its name in the header`() {
        let bytes = unhex(
            "0d0a0d0a000d0a515549540a211100997f0000017f000001e28e71550300041d74e77b02000e6272"
                + "6f6b65722e6578616d706c6505002464636532643331612d643831332d346138632d383234652d30"
                + "663262333039306634383420004b0700000000210007544c5376312e3322000973656e736f7220c3"
                + "a42500075253413230343824000a5253412d534841323536230016544c535f4145535f3235365f47"
                + "434d5f534841333834")
        let facts = facts(
            port: 57998, uniqueID: "dce2d31a-d813-4a8c-824e-0f2b3090f484",
            ProxyTLS(
                clientFlags: 7, verify: 0, version: "TLSv1.3", commonName: "sensor ä",
                cipher: "TLS_AES_256_GCM_SHA384", signatureAlgorithm: "RSA-SHA256", keyAlgorithm: "RSA2048"))
        #expect(proxyParse(bytes) == .header(facts, byteCount: 169))
        #expect(facts.tls?.hasVerifiedCertificate == true)
    }

    @Test func `a client without a certificate has no name and was not verified`() {
        let bytes = unhex(
            "0d0a0d0a000d0a515549540a2111008d7f0000017f000001e2887155030004d9cc72f502000e6272"
                + "6f6b65722e6578616d706c6505002464623632616165632d383839302d343736372d383333612d64"
                + "363438666565643564323220003f0100000000210007544c5376312e332500075253413230343824"
                + "000a5253412d534841323536230016544c535f4145535f3235365f47434d5f534841333834")
        let facts = facts(
            port: 57992, uniqueID: "db62aaec-8890-4767-833a-d648feed5d22",
            ProxyTLS(
                clientFlags: 1, verify: 0, version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384",
                signatureAlgorithm: "RSA-SHA256", keyAlgorithm: "RSA2048"))
        #expect(proxyParse(bytes) == .header(facts, byteCount: 157))
        #expect(facts.tls?.hasVerifiedCertificate == false)
    }

    @Test func `a health check of the proxy tells of no client`() {
        let bytes = unhex("0d0a0d0a000d0a515549540a20000000")
        #expect(proxyParse(bytes) == .header(ProxyFacts(version: 2), byteCount: 16))
    }

    private func facts(port: UInt16, uniqueID: String, _ tls: ProxyTLS) -> ProxyFacts {
        ProxyFacts(
            version: 2, source: .ip(.ipv4(0x7F00_0001), port: port),
            destination: .ip(.ipv4(0x7F00_0001), port: 29013), tls: tls, authority: "broker.example",
            uniqueID: Array(uniqueID.utf8))
    }

    private func unhex(_ text: String) -> [UInt8] {
        let digits = text.utf8.map {
            $0 <= UInt8(ascii: "9") ? $0 - UInt8(ascii: "0") : $0 - UInt8(ascii: "a") + 10
        }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
