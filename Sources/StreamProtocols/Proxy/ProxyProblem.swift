/// Why bytes are no PROXY header that can be used. After any of them the connection has to be closed.
package enum ProxyProblem: CaseIterable, Error, Sendable {
    /// What came first is neither `PROXY ` nor the signature of version 2.
    case missing
    /// Version 1: no line end within 107 bytes.
    case lineTooLong
    /// Version 1: a part of the line is not what has to stand there, or is missing, or the line does not end
    /// in CR LF.
    case invalidLine
    /// Version 1: an address is not written as the protocol named before it asks for.
    case invalidAddress
    /// Version 1: a port is not a number from 1 to 65535 without leading zeros.
    case invalidPort
    /// Version 2: the version in byte 13 is not 2.
    case unsupportedVersion
    /// Version 2: the command is neither LOCAL nor PROXY.
    case unsupportedCommand
    /// Version 2: no such combination of address family and transport exists.
    case unsupportedFamily
    /// Version 2: more than `ProxyHeader.maximumByteCount`.
    case tooLarge
    /// Version 2: the header is shorter than its addresses.
    case addressesTruncated
    /// Version 2: an extension is longer than what is left of the header.
    case extensionTruncated
    /// Version 2: an extension has a length that its type cannot have.
    case extensionLength
    /// Version 2: an extension that may be there once is there twice.
    case extensionRepeated
    /// Version 2: a text is not UTF-8, or contains U+0000.
    case invalidText
    /// Version 2: the checksum does not match.
    case checksumMismatch

    /// The value of the metric's label.
    package var label: String {
        switch self {
        case .missing: "missing"
        case .lineTooLong: "line_too_long"
        case .invalidLine: "invalid_line"
        case .invalidAddress: "invalid_address"
        case .invalidPort: "invalid_port"
        case .unsupportedVersion: "unsupported_version"
        case .unsupportedCommand: "unsupported_command"
        case .unsupportedFamily: "unsupported_family"
        case .tooLarge: "too_large"
        case .addressesTruncated: "addresses_truncated"
        case .extensionTruncated: "extension_truncated"
        case .extensionLength: "extension_length"
        case .extensionRepeated: "extension_repeated"
        case .invalidText: "invalid_text"
        case .checksumMismatch: "checksum_mismatch"
        }
    }

    /// For the log: what was wrong and what is allowed.
    package var text: String {
        switch self {
        case .missing:
            "the connection does not begin with a PROXY header; is a client connecting directly?"
        case .lineTooLong: "the line of the PROXY header (version 1) has no end within 107 bytes"
        case .invalidLine:
            "the line of the PROXY header (version 1) is not `PROXY TCP4|TCP6 source destination "
                + "source-port destination-port` or `PROXY UNKNOWN`, ended by CR LF"
        case .invalidAddress:
            "an address of the PROXY header (version 1) is not an address of the named family"
        case .invalidPort:
            "a port of the PROXY header (version 1) is not a number from 1 to 65535 without leading zeros"
        case .unsupportedVersion:
            "the PROXY header has the signature of version 2 and another version in byte 13"
        case .unsupportedCommand:
            "the command of the PROXY header (version 2) is neither LOCAL (0) nor PROXY (1)"
        case .unsupportedFamily:
            "the family and transport of the PROXY header (version 2) are none of 0x00, 0x11, 0x12, "
                + "0x21, 0x22, 0x31, 0x32"
        case .tooLarge:
            "the PROXY header (version 2) is longer than \(ProxyHeader.maximumByteCount) bytes"
        case .addressesTruncated: "the PROXY header (version 2) is shorter than its addresses"
        case .extensionTruncated:
            "an extension (TLV) of the PROXY header (version 2) is longer than the header"
        case .extensionLength:
            "an extension (TLV) of the PROXY header (version 2) has a length that its type cannot have"
        case .extensionRepeated:
            "an extension (TLV) of the PROXY header (version 2) that may be there once is there twice"
        case .invalidText: "a text in the PROXY header (version 2) is not UTF-8 or contains U+0000"
        case .checksumMismatch: "the checksum (CRC-32C) of the PROXY header (version 2) does not match"
        }
    }
}
