import MQTTCodec
import Primitives

/// The lines of one event, as they are written.
struct TraceLine {
    private(set) var bytes: [UInt8] = []
    let style: TraceStyle

    init(style: TraceStyle) { self.style = style }

    /// Begins with the time and a blank.
    init(at time: TraceTime, style: TraceStyle) {
        self.init(style: style)
        time.append(to: &bytes)
        put(" ")
    }

    /// Text of our own.
    mutating func put(_ text: String) { bytes += text.utf8 }

    mutating func put(_ number: some BinaryInteger) { bytes += String(number).utf8 }

    mutating func put(_ value: Bool) { put(value ? "true" : "false") }

    mutating func put(flag: Bool) { put(flag ? "1" : "0") }

    mutating func newLine() { put("\n") }

    /// Text that a client or a plugin chose, cut where it is long.
    mutating func put(_ text: UTF8Text) { unsafe put(text: text.bytes.span.bytes) }

    mutating func put(text: RawSpan) {
        SafeText.append(text, to: &bytes, limit: style.textByteCount, mark: "…")
    }

    mutating func put(quoted text: UTF8Text) {
        put("\"")
        put(text)
        put("\"")
    }

    /// A payload on a line of its own.
    mutating func putLine(payload: RawSpan, limit: Int) {
        put("    ")
        SafeText.append(payload, to: &bytes, limit: limit, mark: " (truncated)")
        newLine()
    }

    /// A term, broken into lines as Erlang does from the column where it begins.
    mutating func put(_ term: ErlangTerm) {
        var start = bytes.endIndex
        while start > 0, bytes[start - 1] != UInt8(ascii: "\n") { start -= 1 }
        let column = SafeText.columnCount(bytes[start...]) + 1
        bytes += ErlangLayout.write(ErlangNode(term, style: style), column: column)
    }

    /// Nothing when there are no properties.
    mutating func putLine(_ properties: Properties) {
        guard !properties.isEmpty else { return }
        put("    with properties: ")
        put(properties.term(style: style))
        newLine()
    }

    /// `name(code)`.
    mutating func put(_ code: ReasonCode, in type: PacketType) {
        // VerneMQ spells this one in capitals here, and nowhere else.
        put(code == .unsupportedProtocolVersion ? "unsupported_protocol_VERSION" : code.vernemqName(in: type))
        put("(")
        put(code.rawValue)
        put(")")
    }

    /// A line or two for each filter of a SUBSCRIBE. VerneMQ has those of MQTT 3 in reverse order.
    mutating func putLines(_ filters: [SubscribeFilter], version: ProtocolVersion) {
        for index in filters.indices.prefix(style.listCount) {
            let filter = version == .v5 ? filters[index] : filters[filters.count - 1 - index]
            put("    q:")
            put(filter.options.qos.rawValue)
            if version == .v5 {
                put(", no_local:")
                put(filter.options.noLocal)
                put(", rap:")
                put(filter.options.retainAsPublished)
                put(", rh:")
                put(filter.options.retainHandlingName)
                put("\n    t: ")
            } else {
                put(", t: ")
            }
            put(quoted: filter.filter)
            newLine()
        }
        putRest(of: filters.count)
    }

    mutating func putLines(_ filters: [UTF8Text]) {
        for filter in filters.prefix(style.listCount) {
            put("    t: ")
            put(quoted: filter)
            newLine()
        }
        putRest(of: filters.count)
    }

    mutating func putRest(of count: Int) {
        guard count > style.listCount else { return }
        put("    … and ")
        put(count - style.listCount)
        put(" more\n")
    }
}

extension SubscriptionOptions {
    fileprivate var retainHandlingName: String {
        switch retainHandling {
        case 0: "send_retain"
        case 1: "send_if_new_sub"
        default: "dont_send"
        }
    }
}
