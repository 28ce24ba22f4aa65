import MQTTCodec
import Primitives

/// A question to a hook that has not been answered yet. It is a class, so that a session without a question holds only
/// a pointer.
final class PendingHook {
    let serial: UInt64
    /// Which hook was asked last, and which ones come after it.
    let course: HookCourse
    let question: Question

    init(serial: UInt64, course: HookCourse, question: Question) {
        self.serial = serial
        self.course = course
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
