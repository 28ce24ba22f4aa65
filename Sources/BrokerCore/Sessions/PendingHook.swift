import MQTTCodec
import Primitives

/// A question to a hook that has not been answered yet. A class, so that a session without one holds, and looks at, a
/// pointer.
final class PendingHook {
    let serial: UInt64
    let point: HookPoint
    /// Which hook of the chain was asked last.
    let index: Int
    let question: Question

    init(serial: UInt64, point: HookPoint, index: Int, question: Question) {
        self.serial = serial
        self.point = point
        self.index = index
        self.question = question
    }

    enum Question {
        case publish(PendingPublish)
        case subscribe(SubscribePacket)
        case unsubscribe(UnsubscribePacket)
        case reauthenticate(AuthPacket)
        case deliver(QueuedMessage)
    }
}
