import MQTTCodec
import Primitives
import Tracer

/// Writes the events of a session one after the other, as a trace would.
struct TraceScript {
    let text: TraceText
    let subject: TraceSubject
    let version: ProtocolVersion
    let time: TraceTime
    private(set) var output: [UInt8] = []

    init(
        _ subject: TraceSubject, version: ProtocolVersion, style: TraceStyle = TraceStyle(),
        time: TraceTime = TraceTime(seconds: 0)
    ) {
        text = TraceText(style: style)
        self.subject = subject
        self.version = version
        self.time = time
    }

    /// What was written so far.
    var written: String { String(decoding: output, as: UTF8.self) }

    mutating func received(_ packet: ControlPacket) {
        output += text.packet(packet, .received, version: version, subject: subject, at: time)
    }

    mutating func sent(_ packet: ControlPacket) {
        output += text.packet(packet, .sent, version: version, subject: subject, at: time)
    }

    mutating func status(_ status: TraceStatus) { output += text.status(status, at: time) }

    mutating func call(
        _ question: TraceHookCall.Question, userName: UTF8Text? = "user1",
        properties: Properties = Properties()
    ) {
        let call = TraceHookCall(question, version: version, userName: userName, properties: properties)
        output += text.hookCall(call, subject: subject, at: time)
    }

    mutating func answer(_ result: TraceHookResult) {
        output += text.hookResult(result, subject: subject, at: time)
    }

    /// A hook is asked, and says yes.
    mutating func allowed(_ question: TraceHookCall.Question, properties: Properties = Properties()) {
        call(question, properties: properties)
        answer(.ok)
    }

    /// What one event gives, without the time and the token before it.
    static func line(
        _ version: ProtocolVersion = .v5, style: TraceStyle = TraceStyle(), clientID: UTF8Text = "c",
        mountpoint: String = "", _ event: (inout TraceScript) -> Void
    ) -> String {
        let subject = TraceSubject(token: "<1>", mountpoint: mountpoint, clientID: clientID)
        var script = TraceScript(subject, version: version, style: style)
        event(&script)
        let prefix = "1970-01-01T00:00:00Z <1> "
        return script.written.hasPrefix(prefix)
            ? String(script.written.dropFirst(prefix.count)) : script.written
    }
}
