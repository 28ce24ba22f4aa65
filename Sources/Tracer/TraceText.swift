package import MQTTCodec

/// Writes the lines of a trace as VerneMQ does, byte for byte.
///
///     2020-04-29T21:19:39Z <0.812.0> MQTT RECV: CID: "client" PUBLISH(d0, q0, r0, m0, "a/b") with payload:
///         hello
///     time                 token     direction  subject       packet
///
/// Functions without state: the same values give the same lines. Each function gives all lines of an event, the last
/// with its line feed. What clients choose is made safe (`SafeText`) and cut (`TraceStyle`). A password is never written.
package struct TraceText: Sendable {
    /// How it is written.
    package let style: TraceStyle

    /// Writes in this style.
    package init(style: TraceStyle = TraceStyle()) { self.style = style }

    /// A packet as it was received or sent.
    ///
    /// - Parameter version: of the connection; a CONNECT says its own.
    package func packet(
        _ packet: ControlPacket, _ direction: TraceDirection, version: ProtocolVersion,
        subject: TraceSubject, at time: TraceTime
    ) -> [UInt8] {
        var line = TraceLine(at: time, style: style)
        line.putPrefix(subject, direction, hidesMountpoint: packet.type == .connect && style.compatibility)
        line.put(packet, version: version)
        return line.bytes
    }

    /// A PUBLISH as it was received or sent, from where it lies.
    package func publish(
        _ publish: borrowing TracePublish, _ direction: TraceDirection, subject: TraceSubject,
        at time: TraceTime
    ) -> [UInt8] {
        var line = TraceLine(at: time, style: style)
        line.putPrefix(subject, direction)
        line.put(publish)
        return line.bytes
    }

    /// A plugin is asked.
    package func hookCall(_ call: TraceHookCall, subject: TraceSubject, at time: TraceTime) -> [UInt8] {
        var line = TraceLine(at: time, style: style)
        line.put(subject.token)
        line.put(" ")
        line.put(call, subject: subject)
        return line.bytes
    }

    /// A plugin has answered.
    package func hookResult(
        _ result: TraceHookResult, subject: TraceSubject, at time: TraceTime
    ) -> [UInt8] {
        var line = TraceLine(at: time, style: style)
        line.put(subject.token)
        line.put(" ")
        line.put(result)
        return line.bytes
    }

    /// What a trace says about itself.
    package func status(_ status: TraceStatus, at time: TraceTime) -> [UInt8] {
        if case .done = status { return Array("Done.\n".utf8) }
        var line = TraceLine(at: time, style: style)
        line.put(status)
        return line.bytes
    }
}
