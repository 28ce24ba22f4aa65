import MQTTCodec
import Primitives

extension TraceLine {
    mutating func put(_ call: TraceHookCall, subject: TraceSubject) {
        let subscriber = ErlangTerm.subscriber(mountpoint: subject.mountpoint, clientID: subject.clientID)
        put("Calling ")
        put(call.name)
        put("(")
        switch call.question {
        case .register(let peer, let cleanStart):
            put(peer.term)
            put(",")
            put(subscriber)
            put(",")
            put(userName: call.userName)
            put(",pw_no_print,")
            put(cleanStart)
            put(") \n")  // with a blank at its end in VerneMQ too
        case .publish(let qos, let topic, let isRetained, let payload):
            put(userName: call.userName)
            put(",")
            put(subscriber)
            put(",")
            put(qos.rawValue)
            put(",")
            put(topic)
            put(",")
            put(isRetained)
            put(") with payload:\n")
            unsafe putLine(payload: payload.span.bytes, limit: style.hookPayloadByteCount)
        case .subscribe(let filters):
            put(userName: call.userName)
            put(",")
            put(subscriber)
            put(") with topics:\n")
            putLines(filters, version: call.version)
        case .authenticate(let code):
            put(userName: call.userName)
            put(",")
            put(subscriber)
            put(",")
            put(code, in: .auth)
            put(")\n")
        }
        putLine(call.properties)
    }

    mutating func put(_ result: TraceHookResult) {
        switch result {
        case .ok: put("Hook returned \"ok\"\n")
        case .payload(let payload):
            put("Hook returned \"ok\" with modified payload:\n")
            unsafe putLine(payload: payload.span.bytes, limit: style.payloadByteCount)
        case .modifiers(let modifiers):
            guard !modifiers.isEmpty else { return put("Hook returned \"ok\"\n") }
            put("Hook returned \"ok\" with modifiers:\n")
            for modifier in modifiers.prefix(style.listCount) {
                put("    ")
                put(modifier)
                newLine()
            }
            putRest(of: modifiers.count)
        case .other(let term):
            put("Hook returned ")
            put(term)
            newLine()
        }
    }

    private mutating func put(_ modifier: TraceHookResult.Modifier) {
        switch modifier {
        case .retryInterval(let milliseconds): put("retry_interval: \(milliseconds)ms")
        case .upgradeQoS(let value): put("upgrade_qos: \(value)")
        case .maxMessageRate(let rate): put("max_message_rate: \(rate) msgs/s")
        case .maxMessageSize(let byteCount): put("max_message_size: \(byteCount) bytes")
        case .maxInflightMessages(let count): put("max_inflight_messages: \(count) msgs")
        case .cleanSession(let value): put("clean_session: \(value)")
        case .other(let term): put(term)
        }
    }
}
