import Testing

@testable import Control

@Suite struct CertificateTests {
    private static func pem(_ body: String) -> [UInt8] {
        Array("-----BEGIN CERTIFICATE-----\n\(body)\n-----END CERTIFICATE-----\n".utf8)
    }

    /// A common name, and one of each kind of alternative name. Only read, never verified: it may end.
    private static let named = pem(
        """
        MIIB+jCCAaGgAwIBAgIUD/34E2QmcBDt6eU+kuHnSFGUZ2EwCgYIKoZIzj0EAwIw
        KzEQMA4GA1UECgwHRXhhbXBsZTEXMBUGA1UEAwwOYnJva2VyLmV4YW1wbGUwHhcN
        MjYxMTI5MTQyMjIzWhcNMzYxMTI2MTQyMjIzWjArMRAwDgYDVQQKDAdFeGFtcGxl
        MRcwFQYDVQQDDA5icm9rZXIuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEH
        A0IABISJv6NXnWXZ8jpE+Qv5JeOhRezF12Z+rvzovIrG0RcYkOIMDP/VgEcXP7BY
        bZagcobd3RgVF0WlbPuG10SZKb+jgaIwgZ8wHQYDVR0OBBYEFD41CEF7GFgJD9iS
        BcyjYKSIWFyWMB8GA1UdIwQYMBaAFD41CEF7GFgJD9iSBcyjYKSIWFyWMA8GA1Ud
        EwEB/wQFMAMBAf8wTAYDVR0RBEUwQ4IOYnJva2VyLmV4YW1wbGWHBH8AAAGHECAB
        DbgAAAAAAAAAAAAAAAGBC2FAYi5leGFtcGxlhghtcXR0Oi8veIgCKgMwCgYIKoZI
        zj0EAwIDRwAwRAIgGOouboutE5yYbVKPbZPS8yZNHZoFoOBvDdaLyOwb1/YCIAug
        7XI8LyaQYk0HQjRyUEuSUSiKCw9AHRqTaMDCBnDn
        """)

    /// No common name, and control characters in its name.
    private static let unnamed = pem(
        """
        MIIBozCCAUmgAwIBAgIUTaFevlTwmhjPPg5r2oWI9+D0xzIwCgYIKoZIzj0EAwIw
        JzETMBEGA1UECgwKRXgbYW1wbGUKeDEQMA4GA1UECwwHR3LDtsOfZTAeFw0yNjEx
        MjkxNDIyMzJaFw0zNjExMjYxNDIyMzJaMCcxEzARBgNVBAoMCkV4G2FtcGxlCngx
        EDAOBgNVBAsMB0dyw7bDn2UwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATsn0CB
        IcCwYwYdTNtcSQS3eI9HkxzmIpOqDNLdXLEYqZgM1VNwH5jX+pmxoSLpR+W6gTVI
        LeQ60OAtMJeQ2earo1MwUTAdBgNVHQ4EFgQUVIny5W2GQipe4UkLbKKi/Hv2r0Qw
        HwYDVR0jBBgwFoAUVIny5W2GQipe4UkLbKKi/Hv2r0QwDwYDVR0TAQH/BAUwAwEB
        /zAKBggqhkjOPQQDAgNIADBFAiEAzyAWDHnYI8PJfMRPbruO8BSK2z0a9h0CN7NP
        St7N7JwCIAXOcKbxQL4ozpAFKlwX+mVNevWoVhSZD1YLTj3ir5+c
        """)

    @Test func `what a certificate says is read`() {
        let read = Certificate.reading(pem: Self.named, of: "a.pem")
        #expect(
            read == [
                Certificate(
                    file: "a.pem", notBefore: 1795962143, notAfter: 2111322143, commonName: "broker.example",
                    issuer: "broker.example",
                    alternativeNames:
                        "DNS:broker.example, IP:127.0.0.1, IP:2001:db8::1, email:a@b.example, URI:mqtt://x, other"
                )
            ])
    }

    @Test func `a certificate without a common name shows its whole name, and no control characters`() {
        let read = Certificate.reading(pem: Self.unnamed, of: "b.pem")
        #expect(
            read.map(\.commonName) == [#"OU=Größe,O=Ex\1Bample\0Ax"#] && read.map(\.alternativeNames) == [""])
    }

    @Test func `all certificates of a file are read, with other blocks between them, up to one that is none`()
    {
        let key = Array("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".utf8)
        let encrypted = Array(
            "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00000000000000000000000000000000\n\nAAAA\n-----END CERTIFICATE-----\n"
                .utf8)
        func count(_ pem: [UInt8]) -> Int { Certificate.reading(pem: pem, of: "").count }
        #expect(count(Self.named + key + Self.unnamed) == 2)
        #expect(count(Self.named + Self.pem("AAAA") + Self.unnamed) == 1)
        // Nobody is asked for a password.
        #expect(count(encrypted) == 0 && count([]) == 0 && count(Array("nothing".utf8)) == 0)
        #expect(count(Array(repeatElement(Self.unnamed, count: 101).joined())) == 100)
    }

    @Test
    func `a certificate is to be looked at before it is valid, when it ends soon, and when it has ended`() {
        let certificate = Certificate(
            file: "", notBefore: 1000, notAfter: 2000, commonName: "", issuer: "", alternativeNames: "")
        func isShown(_ now: Int64, _ seconds: Int64) -> Bool {
            certificate.isToBeLookedAt(at: now, within: seconds)
        }
        #expect(isShown(999, 0) && !isShown(1000, 999) && isShown(1000, 1000) && isShown(2001, 0))
        #expect(isShown(1000, .max))
    }
}
