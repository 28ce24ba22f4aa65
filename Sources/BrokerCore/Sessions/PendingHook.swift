import MQTTCodec
import Primitives

/// A question to a hook that has not been answered yet.
struct PendingHook {
    let serial: UInt64
    let point: HookPoint
    /// Which hook of the chain was asked last.
    let index: Int
    let question: Question

    enum Question {
        case publish(PendingPublish)
        case subscribe(SubscribePacket)
        case unsubscribe(UnsubscribePacket)
        case reauthenticate(AuthPacket)
        case deliver(QueuedMessage)
    }
}
