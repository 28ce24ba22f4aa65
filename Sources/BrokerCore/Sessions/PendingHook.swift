import MQTTCodec
import Primitives

/// A question to a hook that has not been answered yet. A class, so that a session without one holds, and looks at, a
/// pointer.
final class PendingHook {
    let serial: UInt64
    /// Who was asked last, and who comes next.
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
